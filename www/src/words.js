// What the page says, from the one catalogue (www/words.json), in the language of the page.

import catalogue from '../words.json';

const spoken = document.documentElement.lang.slice(0, 2);

/** A sentence of the catalogue; `{name}` in it becomes `values.name`. */
export function say(key, values = {}) {
  const text = catalogue[key]?.[spoken] ?? catalogue[key]?.en ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
