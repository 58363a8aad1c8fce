// What the page says, from the one catalogue (www/words.json), in the language that stands in `lang`: of the page, or of
// an element in it. English is part of this script, for it also stands in for others; they are loaded where they are spoken.

import english from '../words.json';

const catalogues = { [LANGUAGES[0]]: english };
const coming = {};

/** The language of an element, as far as we speak it. */
export function languageOf(element) {
  const language = element.closest('[lang]')?.lang.slice(0, 2).toLowerCase();
  return LANGUAGES.includes(language) ? language : LANGUAGES[0];
}

/** Whether `say` can speak it already. */
export const speaks = (language) => language in catalogues;

/** Loads a language, once; what does not come is said in English. */
export function learn(language) {
  coming[language] ??= fetch(new URL(`./words.${language}.json`, import.meta.url))
    .then((answer) => (answer.ok ? answer.json() : {}))
    .catch(() => ({}))
    .then((words) => (catalogues[language] = words));
  return coming[language];
}

/** The language of the page. */
const own = languageOf(document.documentElement);
if (!speaks(own)) await learn(own);

/** A sentence of the catalogue; `{name}` in it becomes `values.name`. */
export function say(key, values = {}, language = own) {
  const text = catalogues[language]?.[key] ?? english[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** What the engine says, by its keys. */
export function ofEngine(language) {
  const words = Object.entries({ ...english, ...catalogues[language] });
  return Object.fromEntries(words.filter(([key]) => key.startsWith('lab.')));
}
