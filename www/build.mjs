// Puts the site together: `node www/build.mjs PAGES ENGINE DIST`.
// Bundles the scripts and styles, names the module by its content, lists everything for the service worker, writes the
// notices, and weighs the first load of a lesson against a budget. Renders no lesson and compiles no Rust.

import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';
import { notices } from './notices.mjs';
import { languages, spoken } from './words.mjs';

/** What a reader may download before a lesson is alive, in brotli. */
const BUDGET = 1_000_000;

const www = dirname(fileURLToPath(import.meta.url));
const [pages, module, dist] = process.argv.slice(2).map((path) => resolve(path));

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const at = (...names) => join(dist, ...names);

function files(folder) {
  const all = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  const names = all.map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)));
  return names.map((name) => name.replaceAll('\\', '/')).sort();
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
cpSync(pages, dist, { recursive: true });
for (const name of ['icon.svg']) cpSync(join(www, name), at(name));

// The parts of the module and its script fit each other alone, so they share a folder that is named by all.
const first = ['tabernetes-web.js', 'tabernetes-web_bg.wasm'];
const parts = [...first, 'tabernetes-rest.wasm'];
const engine = `engine-${hash(Buffer.concat(parts.map((name) => readFileSync(join(module, name)))))}`;
for (const name of parts) cpSync(join(module, name), at(engine, name));

const shared = {
  bundle: true,
  minify: true,
  legalComments: 'none',
  target: ['es2022', 'chrome111', 'firefox114', 'safari16.4'],
  logLevel: 'warning',
  absWorkingDir: www,
};
await build({
  ...shared,
  entryPoints: ['src/tabernetes.js'],
  outfile: at('tabernetes.js'),
  format: 'esm',
  loader: { '.css': 'text' },
  plugins: [minifiedCss(), oneLanguage()],
  define: { ENGINE: JSON.stringify(`./${engine}/tabernetes-web.js`), LANGUAGES: JSON.stringify(languages) },
});
await build({ ...shared, entryPoints: ['styles/page.css'], outfile: at('tabernetes.css') });

for (const language of languages.slice(1)) writeFileSync(at(`words.${language}.json`), JSON.stringify(spoken(language)));

writeFileSync(at('NOTICES.txt'), notices(dirname(www)));

// Cards are for those who show links; no reader ever loads one.
const kept = files(dist).filter((name) => !name.startsWith('cards/'));
const contents = Object.fromEntries(kept.map((name) => [name, hash(readFileSync(at(name)))]));
const version = hash(JSON.stringify(contents));
await build({
  ...shared,
  entryPoints: ['src/sw.js'],
  outfile: at('sw.js'),
  format: 'iife',
  define: { VERSION: JSON.stringify(version), FILES: JSON.stringify(contents) },
});

weigh();

/** Styles that scripts put into shadow roots are imported as text, minified like the others. */
function minifiedCss() {
  return {
    name: 'minified-css',
    setup(bundler) {
      bundler.onLoad({ filter: /\.css$/ }, async ({ path }) => {
        const { outputFiles } = await build({ ...shared, entryPoints: [path], write: false });
        return { contents: outputFiles[0].text, loader: 'text' };
      });
    },
  };
}

/** Of the catalogue the script itself holds the first language; each other one is a file of its own. */
function oneLanguage() {
  return {
    name: 'one-language',
    setup(bundler) {
      bundler.onLoad({ filter: /words\.json$/ }, () => ({ contents: JSON.stringify(spoken(languages[0])), loader: 'json' }));
    },
  };
}

/** The lesson with the longest page, and everything that it loads. */
function weigh() {
  const lessons = files(dist).filter((name) => name.startsWith('lessons/') && name.endsWith('.html'));
  const size = (name) => {
    const bytes = readFileSync(at(name));
    const text = ['.html', '.js', '.css', '.svg'].includes(extname(name));
    return brotliCompressSync(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_MODE]: text ? constants.BROTLI_MODE_TEXT : constants.BROTLI_MODE_GENERIC,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    }).length;
  };
  const longest = lessons.map((name) => [size(name), name]).sort((a, b) => b[0] - a[0])[0]?.[1] ?? 'index.html';
  const alive = [longest, 'tabernetes.css', 'icon.svg', 'tabernetes.js', ...first.map((name) => `${engine}/${name}`)];
  const later = [`${engine}/tabernetes-rest.wasm`, 'prose.json'];
  const sum = (names) => {
    let total = 0;
    for (const name of names) {
      const bytes = size(name);
      total += bytes;
      console.log(`  ${String(bytes).padStart(9)}  ${name}`);
    }
    return total;
  };
  console.log('First load of a lesson, brotli:');
  const total = sum(alive);
  console.log(`  ${String(total).padStart(9)}  of ${BUDGET}`);
  console.log('Afterwards, when nothing waits for it:');
  console.log(`  ${String(total + sum(later)).padStart(9)}  in all`);
  if (total > BUDGET) {
    console.error(`The first load is ${total - BUDGET} bytes over its budget (www/build.mjs, BUDGET).`);
    // xtask knows this number: everything is built, and too heavy.
    process.exit(3);
  }
}
