// Small things around the DOM: shadow roots in the lab's dress, icons, what has the keys.

import css from '../styles/lab.css';

let sheet;

/** Gives an element its shadow root with the lab's styles and this content. */
export function dress(element, content, more = '') {
  const root = element.shadowRoot ?? element.attachShadow({ mode: 'open', delegatesFocus: false });
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
  }
  const sheets = [sheet];
  if (more) {
    const own = new CSSStyleSheet();
    own.replaceSync(more);
    sheets.unshift(own);
  }
  root.adoptedStyleSheets = sheets;
  root.innerHTML = content;
  return root;
}

export function html(name, attributes = {}) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

const PATHS = {
  full: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  fold: 'M13 6l6 6-6 6M5 6l6 6-6 6',
};

/** A line drawing of 18 px. */
export function icon(name) {
  return `<svg class="icon" viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path d="${PATHS[name]}"/></svg>`;
}

/** Whether a key press belongs to a field, a button, or a terminal. */
export function isTyping(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  return Boolean(
    target.closest('input, textarea, select, button, summary, a[href], [contenteditable], [role=button], [role=tab], [role=separator]'),
  );
}

/** Resolves when the page has nothing else to do. */
export function whenIdle() {
  return new Promise((resolve) => (window.requestIdleCallback ? requestIdleCallback(resolve) : setTimeout(resolve, 1000)));
}
