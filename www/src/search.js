// The search of the site: a field in the header, a list below it. The index is fetched when the field is first used;
// the service worker keeps it, so that it works without a network.

import { say } from './words.js';

const MOST = 12;

/** Puts the field into an element; `home` is the way to the front page of the language. */
export function search(place, home) {
  const box = document.createElement('div');
  box.className = 'tn-search';
  box.setAttribute('role', 'search');
  const input = document.createElement('input');
  Object.assign(input, { type: 'search', autocomplete: 'off', spellcheck: false, placeholder: say('searchKey') });
  const list = document.createElement('ul');
  Object.assign(list, { id: 'tn-found', hidden: true });
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', say('search'));
  const count = document.createElement('span');
  count.className = 'tn-visually-hidden';
  count.setAttribute('role', 'status');
  for (const [name, value] of Object.entries({
    role: 'combobox',
    'aria-label': say('search'),
    'aria-controls': list.id,
    'aria-expanded': 'false',
    'aria-autocomplete': 'list',
  })) {
    input.setAttribute(name, value);
  }
  box.append(input, count, list);
  place.prepend(box);

  let index = null;
  let chosen = -1;
  const load = async () => {
    index ??= fetch(`${home}search.json`).then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)));
    try {
      return await index;
    } catch {
      index = null;
      return { lessons: [], sections: [] };
    }
  };
  const choose = (at) => {
    chosen = at;
    [...list.children].forEach((item, own) => item.setAttribute('aria-selected', String(own === at)));
    const item = list.children[at];
    if (item) {
      input.setAttribute('aria-activedescendant', item.id);
      item.scrollIntoView({ block: 'nearest' });
    } else input.removeAttribute('aria-activedescendant');
  };
  const show = (items) => {
    list.replaceChildren(...items.map(line));
    list.hidden = items.length === 0;
    input.setAttribute('aria-expanded', String(!list.hidden));
    choose(-1);
  };
  const line = ({ url, title, heading, snippet }, at) => {
    const item = document.createElement('li');
    item.id = `tn-found-${at}`;
    item.setAttribute('role', 'option');
    const link = document.createElement('a');
    Object.assign(link, { href: url, tabIndex: -1 });
    const strong = document.createElement('strong');
    strong.textContent = heading ? `${title} › ${heading}` : title;
    const text = document.createElement('span');
    text.textContent = snippet;
    link.append(strong, text);
    item.append(link);
    return item;
  };
  const look = async () => {
    const asked = input.value;
    const words = asked.toLowerCase().match(/[\p{L}\p{N}.-]+/gu) ?? [];
    if (words.length === 0) {
      count.textContent = '';
      return show([]);
    }
    const { lessons, sections } = await load();
    if (asked !== input.value) return undefined;
    const found = sections
      .map((section) => ({ section, score: score(section, lessons[section[0]]?.[1] ?? '', words) }))
      .filter(({ score }) => score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, MOST)
      .map(({ section: [lesson, anchor, heading, snippet] }) => ({
        url: `${home}lessons/${lessons[lesson][0]}/index.html${anchor ? `#${anchor}` : ''}`,
        title: lessons[lesson][1],
        heading,
        snippet,
      }));
    count.textContent = found.length ? say('found', { n: found.length }) : say('foundNothing');
    return show(found);
  };
  input.addEventListener('focus', load, { once: true });
  input.addEventListener('input', look);
  input.addEventListener('keydown', (event) => {
    const last = list.children.length - 1;
    const act = {
      ArrowDown: () => choose(chosen < last ? chosen + 1 : 0),
      ArrowUp: () => choose(chosen > 0 ? chosen - 1 : last),
      Enter: () => list.children[Math.max(chosen, 0)]?.querySelector('a').click(),
      Escape: () => {
        input.value = '';
        show([]);
        input.blur();
      },
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  // A click on a line comes before the field has lost the keys.
  list.addEventListener('pointerdown', (event) => event.preventDefault());
  list.addEventListener('click', () => show([]));
  input.addEventListener('blur', () => show([]));
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.composedPath()[0].closest?.('input, textarea, [contenteditable]')) return;
    event.preventDefault();
    input.focus();
  });
}

/** How well a section fits: every word has to be there; titles and headings count more, whole words more than parts. */
function score([, , heading, , words], title, asked) {
  const all = ` ${words} `;
  let sum = 0;
  for (const word of asked) {
    let best = 0;
    if (all.includes(` ${word} `)) best = 3;
    else if (all.includes(` ${word}`)) best = 2;
    else if (word.length > 2 && all.includes(word)) best = 1;
    if (heading.toLowerCase().includes(word)) best += 6;
    if (title.toLowerCase().includes(word)) best += 4;
    if (best === 0) return 0;
    sum += best;
  }
  return sum;
}
