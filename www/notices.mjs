// The licences of everything that is in the built site: the crates in the module, the packages in the bundle.
// Tools that only built it (esbuild, wasm-opt, test tools, procedural macros) leave nothing in it and are not listed.

import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** One text for the people who are owed it; each licence text stands there once. */
export function notices(root) {
  const works = [...crates(root), ...packages(join(root, 'www'))].sort((a, b) => (a.name < b.name ? -1 : 1));
  const texts = new Map();
  for (const work of works) {
    for (const text of work.texts) texts.set(text, [...(texts.get(text) ?? []), `${work.name} ${work.version}`]);
  }
  const list = works.map((work) => `${work.name} ${work.version}: ${work.license}`).join('\n');
  const full = [...texts].map(([text, users]) => `${'='.repeat(78)}\n${users.join(', ')}\n${'='.repeat(78)}\n\n${text}\n`);
  return `Third-party notices of Tabernetes\n\nThis site contains the following works.\n\n${list}\n\n${full.join('\n')}`;
}

function crates(root) {
  const words = ['metadata', '--format-version', '1', '--filter-platform', 'wasm32-unknown-unknown'];
  const output = execFileSync(process.env.CARGO ?? 'cargo', words, { cwd: root, maxBuffer: 1 << 28 });
  const metadata = JSON.parse(output);
  const described = new Map(metadata.packages.map((entry) => [entry.id, entry]));
  const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));
  const ours = new Set(metadata.workspace_members);
  const start = metadata.packages.find((entry) => entry.name === 'tabernetes').id;
  const seen = new Set();
  const todo = [start];
  while (todo.length > 0) {
    const id = todo.pop();
    const macro = described.get(id).targets.some((target) => target.kind.includes('proc-macro'));
    if (seen.has(id) || macro) continue;
    seen.add(id);
    const normal = nodes.get(id).deps.filter((one) => one.dep_kinds.some((kind) => kind.kind === null));
    todo.push(...normal.map((one) => one.pkg));
  }
  const linked = [...seen].filter((id) => !ours.has(id)).map((id) => described.get(id));
  return linked.map((entry) => ({
    name: entry.name,
    version: entry.version,
    license: entry.license ?? 'see its licence file',
    texts: licenses(dirname(entry.manifest_path)),
  }));
}

function packages(www) {
  const wanted = Object.keys(JSON.parse(readFileSync(join(www, 'package.json'), 'utf8')).dependencies);
  return wanted.map((name) => {
    const folder = join(www, 'node_modules', name);
    const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return { name, version, license, texts: licenses(folder) };
  });
}

function licenses(folder) {
  const names = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
  const wanted = names.filter((entry) => entry.isFile() && /^(licen[cs]e|copying|notice|unlicense)/i.test(entry.name));
  return wanted.map((entry) => readFileSync(join(folder, entry.name), 'utf8').replaceAll('\r\n', '\n').trim());
}
