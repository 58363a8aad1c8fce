// The service worker: keeps every file of the site, so that it works without a network after the first visit.
// A version is taken as a whole: pages, scripts and module that belong together are served together.

// Several copies of the site may live in different folders of one host.
const PREFIX = `tabernetes ${new URL('./', self.location).pathname} `;
const CACHE = `${PREFIX}${VERSION}`;
const LIST = './.tabernetes-files.json';

self.addEventListener('install', (event) => {
  event.waitUntil(install());
});

async function install() {
  const cache = await caches.open(CACHE);
  const known = await earlier();
  const names = Object.keys(FILES);
  await Promise.all(
    names.map(async (name) => {
      const copy = known.get(`${name} ${FILES[name]}`);
      const answer = copy ? await copy() : await fetch(`./${name}`, { cache: 'no-cache' });
      if (!answer?.ok) throw new Error(`${name}: ${answer?.status}`);
      await cache.put(`./${name}`, answer);
    }),
  );
  await cache.put(LIST, new Response(JSON.stringify(FILES)));
  await self.skipWaiting();
}

/** What earlier versions hold, by name and content. */
async function earlier() {
  const known = new Map();
  for (const name of (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE)) {
    const cache = await caches.open(name);
    const list = await (await cache.match(LIST))?.json();
    for (const [file, hash] of Object.entries(list ?? {})) known.set(`${file} ${hash}`, () => cache.match(`./${file}`));
  }
  return known;
}

self.addEventListener('activate', (event) => {
  event.waitUntil(activate());
});

async function activate() {
  // The version before stays: a page that was opened with it may still ask for its module.
  const old = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.slice(0, -1).map((name) => caches.delete(name)));
  await self.clients.claim();
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const scope = new URL('./', self.location);
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== scope.origin || !url.pathname.startsWith(scope.pathname)) return;
  event.respondWith(answer(request, url, scope));
});

async function answer(request, url, scope) {
  const inside = decodeURIComponent(url.pathname.slice(scope.pathname.length));
  const name = inside === '' || inside.endsWith('/') ? `${inside}index.html` : inside;
  const cache = await caches.open(CACHE);
  const kept = (await cache.match(`./${name}`)) ?? (await caches.match(new URL(`./${name}`, scope)));
  return kept ?? fetch(request);
}
