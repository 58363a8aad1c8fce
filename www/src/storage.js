// Keeps text in the reader's browser. A browser that keeps nothing (private windows, blocked storage, a full disk) is
// told about once; nothing else changes.

const PREFIX = 'tabernetes:';

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
