// Loads the WebAssembly module, once for all labs of a page: first what the first lessons run, then, when nothing waits for
// it, the rest (`www/split/`). The rest that is called for before it has come is loaded on the spot.

import { whenIdle } from './dom.js';

let loading;
let texts;
/** What the rest of the module is linked to: the exports of the first part. */
let first;
let coming;
let came = false;
let warm;

/** How often a page warms up, with how many Pods, and how many pieces of work at once: a few milliseconds. */
const [ROUNDS, PODS, PIECES] = [8, 20, 10];

const url = new URL(ENGINE, import.meta.url);
const restUrl = new URL('tabernetes-rest.wasm', url);

/** The module's exports, once it has arrived. */
export function engine() {
  loading ??= load().catch((error) => {
    // A reader who presses "Try again" gets another attempt.
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load() {
  const module = await import(url.href);
  globalThis.tabernetesRest = restNow;
  first = await module.default({ module_or_path: new URL('tabernetes-web_bg.wasm', url) });
  return module;
}

/** Resolves once the rest is there. */
export function rest() {
  coming ??= fetchRest().catch((error) => {
    coming = undefined;
    throw error;
  });
  return coming;
}

async function fetchRest() {
  await engine();
  const answer = await fetch(restUrl, { priority: 'low' });
  if (!answer.ok) throw new Error(`${restUrl.href}: ${answer.status}`);
  const module = await WebAssembly.compile(await answer.arrayBuffer());
  if (came) return;
  await WebAssembly.instantiate(module, { first });
  came = true;
}

/** The engine is in the middle of a call that goes on in the rest: it has to be there when this returns. */
function restNow() {
  const request = new XMLHttpRequest();
  try {
    request.open('GET', restUrl, false);
    // A synchronous request has no binary answer; this way every character is a byte.
    request.overrideMimeType('text/plain; charset=x-user-defined');
    request.send();
    if (request.status !== 200) throw new Error(`${request.status}`);
    const letters = request.responseText;
    // A byte keeps the lower eight bits of what is put in.
    const bytes = new Uint8Array(letters.length);
    for (let at = 0; at < letters.length; at++) bytes[at] = letters.charCodeAt(at);
    new WebAssembly.Instance(new WebAssembly.Module(bytes), { first });
    came = true;
  } catch (error) {
    throw new RestMissing(error.message);
  }
}

/** The network failed in the middle of a command. */
export class RestMissing extends Error {}

/**
 * Runs small Jobs in clusters of nobody's, once for a page, in its idle moments: a browser compiles a function when it is
 * first called, and compiles it well when it was called often. A reader's first Job finds that done.
 */
export function warmUp() {
  warm ??= runForNobody();
  return warm;
}

async function runForNobody() {
  const { PageBench } = await engine();
  for (let round = 0; round < ROUNDS; round += 1) {
    await whenIdle();
    const bench = new PageBench(true, PODS);
    do await whenIdle();
    while (!bench.frame(PIECES) && !bench.is_stuck());
    bench.free();
  }
  performance.mark('tabernetes-warm');
}

/** What `kubectl explain` tells about fields, once for all labs of a page; without it the rest works. */
export function prose() {
  texts ??= fetch(new URL('./prose.json', import.meta.url)).then((answer) => (answer.ok ? answer.text() : null));
  return texts.catch(() => null);
}
