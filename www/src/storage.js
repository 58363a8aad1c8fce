// Keeps text in the reader's browser. A browser that keeps nothing (private windows, blocked storage, a full disk) is
// told about once; nothing else changes.

const PREFIX = 'tabernetes:';
/** After `replace` the page is left; what its labs want to keep then is no longer true. */
let replaced = false;

/** The text under a name, or null. */
export function load(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

/** Whether the text could be kept. */
export function store(name, text) {
  if (replaced) return true;
  try {
    localStorage.setItem(PREFIX + name, text);
    return true;
  } catch {
    return false;
  }
}

export function forget(name) {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // What was never kept need not be forgotten.
  }
}

/** A JSON value under a name; `otherwise` when there is none or it is damaged. */
export function loadJson(name, otherwise) {
  try {
    return JSON.parse(load(name)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Everything whose name matches. */
export function kept(pattern) {
  const found = {};
  for (const name of names(pattern)) found[name] = load(name);
  return found;
}

/** Puts this in the place of everything whose name matches; whether that could be done. Nothing is kept of this page then. */
export function replace(pattern, entries) {
  const before = kept(pattern);
  for (const name of Object.keys(before)) forget(name);
  if (Object.entries(entries).every(([name, text]) => store(name, text))) {
    replaced = true;
    return true;
  }
  for (const [name, text] of Object.entries(before)) store(name, text);
  return false;
}

function names(pattern) {
  try {
    const all = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
    return all.map((name) => name.slice(PREFIX.length)).filter((name) => pattern.test(name));
  } catch {
    return [];
  }
}
