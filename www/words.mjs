// The one catalogue (words.json) as the build needs it: one language at a time, and of that only what scripts and engine
// say; the rest stands in the pages already.

import { readFileSync, readdirSync } from 'node:fs';

const all = JSON.parse(readFileSync(new URL('words.json', import.meta.url), 'utf8'));
const scripts = new URL('src/', import.meta.url);

/** All languages, that of the originals first. */
export const languages = Object.keys(all.language);

/** The sentences of a language that are said while the page is open, by their keys. */
export function spoken(language) {
  const code = readdirSync(scripts).map((name) => readFileSync(new URL(name, scripts), 'utf8'));
  const asked = new Set([...code.join('\n').matchAll(/\bsay\('([^']+)'/g)].map(([, key]) => key));
  const said = Object.entries(all).filter(([key]) => asked.has(key) || key.startsWith('lab.'));
  return Object.fromEntries(said.map(([key, word]) => [key, word[language]]));
}
