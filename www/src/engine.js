// Loads the WebAssembly module, once for all labs of a page.

let loading;
let texts;

/** The module's exports, once it has arrived. */
export function engine() {
  loading ??= load().catch((error) => {
    // A reader who presses "Try again" gets another attempt.
    loading = undefined;
    throw error;
  });
  return loading;
}

/** What `kubectl explain` tells about fields, once for all labs of a page; without it the rest works. */
export function prose() {
  texts ??= fetch(new URL('./prose.json', import.meta.url)).then((answer) => (answer.ok ? answer.text() : null));
  return texts.catch(() => null);
}

async function load() {
  const url = new URL(ENGINE, import.meta.url);
  const module = await import(url.href);
  await module.default({ module_or_path: new URL('tabernetes-web_bg.wasm', url) });
  return module;
}
