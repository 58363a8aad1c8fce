// Splits the module: `node www/split/split.mjs TRUNK PAGES MAP`. What the first lessons run stays in `tabernetes-web_bg.wasm`,
// the rest goes to `tabernetes-rest.wasm`; both are written into TRUNK/split with the module's script. What a lesson runs is
// found out by playing it, so no list of functions has to be kept.

import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { called, cut } from './cut.mjs';
import { parted } from './data.mjs';
import { marked } from './marks.mjs';
import { outline } from './outline.mjs';
import { rehearse, untilNothingIsNew } from './rehearse.mjs';
import { KIND, read } from './wasm.mjs';

/** What has to work when nothing else does; the picture, which shows whatever a cluster comes to, rehearsed or not; and what numbers
 * and texts of any kind need: Rust's own compiled library. */
const STAYS = /wasm_bindgen|tabernetes(\[\w*\])?::diagram\b|js_sys|any_spawner|dlmalloc|__rust|panick|panic_hook|\b(core|alloc|std)\[\w*\]::(num|fmt|str|char|slice)/;
/** Of these, what nothing calls on the way of a first lesson: it comes with the rest. */
const LATER = /^pagebench_|intounderlying|future_to_promise|float_to_exponential|ReverseSearcher|\bnet::ip_addr/;
/** Containers and sorting go other ways with other amounts of data than were rehearsed: no pieces are taken from them. */
const WHOLE = /^[<&]*(tabernetes(\[\w+\])?::diagram|(alloc(\[\w+\])?::(collections|raw_vec|vec)|core(\[\w+\])?::slice)|std|hashbrown|indexmap|slab|js_sys)/;
/** Which of their functions a container needs depends on how much it holds: with one that ran, those stay that it calls. What
 * mends a tree after much was taken out is rehearsed where it matters. */
const CONTAINERS = /^[<&]*(alloc::(collections(?!::btree::node::BalancingContext)|raw_vec|vec)|core::slice|hashbrown|indexmap|slab)/;
/** What calls a function of the rest is not smaller than this. */
const SMALL = 12;

const [trunk, pages, map] = process.argv.slice(2).map((path) => resolve(path));
const out = join(trunk, 'split');
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const whole = read(readFileSync(join(trunk, 'tabernetes-web_bg.wasm')));
if (whole.names.size === 0) throw new Error('the module has no names: wasm-opt has to keep them (-g, www/wasm.html)');
const { bytes, ran, count } = marked(whole);
// As a module by its name, for any version of Node.
const glue = join(out, 'tabernetes-web.mjs');
copyFileSync(join(trunk, 'tabernetes-web.js'), glue);
const played = await rehearse(pathToFileURL(glue).href, bytes, pages, untilNothingIsNew(count));
const has = ran(played.memory);

const wanted = new Set(whole.exports.filter(({ kind }) => kind === KIND.function).map(({ index }) => index));
for (const [index, name] of whole.names) {
  if (STAYS.test(name)) wanted.add(index);
  if (LATER.test(name)) wanted.delete(index);
}
const first = whole.imports.length;
const kept = new Set([...wanted, ...[...whole.bodies.keys()].filter((own) => has(own, 0)).map((own) => own + first)]);
const container = (index) => CONTAINERS.test(whole.names.get(index));
// A set is walked in the order of its making, what is added on the way too.
for (const index of kept) {
  if (index >= first && container(index)) called(whole.bodies[index - first]).filter((it) => it >= first && container(it)).forEach((it) => kept.add(it));
}
const stays = (index) => {
  const body = whole.bodies[index - first];
  if (body === undefined) return false;
  return kept.has(index) || (body.length <= SMALL && called(body).length === 0);
};

const outlined = outline(whole, has, (own) => has(own, 0) && !wanted.has(own + first) && !WHOLE.test(whole.names.get(own + first)));
const placed = readFileSync(map, 'utf8');
const parts = cut(outlined, stays, (bodies) => parted(whole, placed, bodies));

// The proof: the first part plays the same alone, to the byte, with all the readers.
globalThis.tabernetesRest = () => {
  throw new Error('the rehearsal asks for the rest of the module: what decides who stays is wrong');
};
const again = await rehearse(pathToFileURL(glue).href, parts.first, pages, (_, readers) => readers < played.readers);
if (again.written !== played.written) throw new Error('the first part of the module plays the lessons otherwise than the whole');
rmSync(glue);

writeFileSync(join(out, 'tabernetes-web_bg.wasm'), parts.first);
writeFileSync(join(out, 'tabernetes-rest.wasm'), parts.rest);
copyFileSync(join(trunk, 'tabernetes-web.js'), join(out, 'tabernetes-web.js'));
const pieces = outlined.bodies.length - whole.bodies.length;
console.log(`  ${played.readers} readers left it to chance`);
console.log(
  `  ${parts.staying.length} functions stay, less ${pieces} pieces that never ran; ${whole.bodies.length - parts.staying.length} ` +
    `and the pieces go to the rest (${parts.stubs.length} stubs, ${parts.shared.length} functions shared)`,
);
