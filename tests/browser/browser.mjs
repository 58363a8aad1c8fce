// A headless browser and the hands to use a lab with: what a reader sees and types. Asserts nothing.

import { createRequire } from 'node:module';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';

const require = createRequire(new URL('../../www/package.json', import.meta.url));
const { chromium } = require('playwright-core');
export const axeSource = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const SITE = process.env.SITE;
export const FOREIGN = process.env.FOREIGN;
export const DIST = process.env.DIST;
export const LESSON = 'lessons/01-what-is-a-job/index.html';
const SHOTS = process.env.SHOTS ?? 'target/screenshots';
mkdirSync(SHOTS, { recursive: true });

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROME,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-dev-shm-usage'],
  });
}

/** A page whose errors are kept in `page.problems`; `before` prepares it. */
export async function open(browser, url, { before, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'no-preference', ...options });
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    // What could not be loaded is told below, with its address.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) page.problems.push(message.text());
  });
  page.on('response', (response) => {
    // A browser asks for this by itself, of pages that name no icon.
    if (response.status() >= 400 && !response.url().endsWith('/favicon.ico')) {
      page.problems.push(`${response.status()} ${response.url()}`);
    }
  });
  await before?.(page);
  await page.goto(url);
  return page;
}

/**
 * A page that gets the rest of the engine only as `gate` says: `fetch` for what is loaded when nothing waits for it, `xhr`
 * for what is loaded in the middle of a command. `page.asked` lists what was asked for.
 */
export function openGated(browser, url, gate, options = {}) {
  const before = async (page) => {
    page.asked = [];
    page.gate = gate;
    await page.route('**/tabernetes-rest.wasm', (route) => {
      const kind = route.request().resourceType();
      page.asked.push(kind);
      return page.gate[kind] ? route.continue() : route.abort();
    });
  };
  return open(browser, url, { ...options, serviceWorkers: 'block', before });
}

/** Waits until a lab runs, and gives hands for it. */
export async function lab(page, selector = 'tabernetes-lab') {
  await page.waitForFunction((it) => document.querySelector(it)?.session, selector, { timeout: 30_000 });
  const hands = new Hands(page, selector);
  await page.waitForFunction((it) => document.querySelector(`${it} tabernetes-terminal`)?.text.includes('$'), selector);
  return hands;
}

class Hands {
  constructor(page, selector) {
    this.page = page;
    this.selector = selector;
  }

  #in(look, value) {
    return this.page.evaluate(look, { selector: this.selector, value });
  }

  terminal() {
    return this.#in(({ selector }) => document.querySelector(`${selector} tabernetes-terminal`).text);
  }

  picture() {
    return this.#in(({ selector }) => document.querySelector(selector).pictureText);
  }

  /** Keeps every picture from now on, frame by frame; gives a function that tells them. */
  async everyPicture() {
    await this.#in(({ selector }) => {
      const lab = document.querySelector(selector);
      lab.pictures = [];
      const look = () => {
        if (lab.pictures.at(-1) !== lab.pictureText) lab.pictures.push(lab.pictureText);
        requestAnimationFrame(look);
      };
      look();
    });
    return () => this.#in(({ selector }) => document.querySelector(selector).pictures);
  }

  story() {
    return this.#in(({ selector }) => document.querySelector(selector).session.story_text());
  }

  /** The words that a screen reader finds in the picture's own DOM. */
  pictureDom() {
    return this.#in(({ selector }) =>
      document.querySelector(`${selector} tabernetes-diagram`).shadowRoot.querySelector('.text').textContent,
    );
  }

  focus() {
    return this.#in(({ selector }) => document.querySelector(`${selector} tabernetes-terminal`).focus());
  }

  /** Types keys. */
  async type(text) {
    await this.focus();
    await this.page.keyboard.type(text);
  }

  async press(...keys) {
    await this.focus();
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /** Types a line, waits until its command has ended, gives what the terminal shows since. */
  async run(line, timeout = 30_000) {
    const before = (await this.terminal()).length;
    await this.type(line);
    await this.press('Enter');
    await this.settled(timeout);
    const text = (await this.terminal()).slice(before);
    const lines = text.split('\n');
    return lines.slice(1, -1).join('\n');
  }

  /** Waits until no command runs and what it printed is drawn. */
  async settled(timeout = 30_000) {
    await this.page.waitForFunction((it) => !document.querySelector(it).session.is_busy(), this.selector, { timeout });
    await this.page.waitForFunction(
      (it) => /[$>] ?$/.test(document.querySelector(`${it} tabernetes-terminal`).text),
      this.selector,
      { timeout: 5_000 },
    );
    await this.page.waitForTimeout(60);
  }

  /** Waits until something that can be read holds. */
  async until(what, pattern, timeout = 30_000) {
    const end = Date.now() + timeout;
    let text = '';
    while (Date.now() < end) {
      text = await this[what]();
      if (pattern.test(text)) return text;
      await this.page.waitForTimeout(50);
    }
    throw new Error(`${what} never matched ${pattern}; it is:\n${text}`);
  }

  /** Presses one of the speeds. */
  async speed(factor) {
    const time = this.page.locator(`${this.selector} tabernetes-time`);
    await time.getByRole('radio', { name: `${factor} times as fast`, exact: true }).check({ force: true });
  }

  async skip(label) {
    const time = this.page.locator(`${this.selector} tabernetes-time`);
    await time.getByRole('combobox', { name: 'Put the clock forward' }).selectOption({ label });
  }
}

export async function shot(page, name) {
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

/** What axe objects to, a line each. */
export async function axe(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.flat().join(' ')} ${node.any[0]?.message ?? ''}`),
  );
}

/** A static server that can be switched off: for a visit without a network. */
export async function switchable(folder) {
  const kinds = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript', '.svg': 'image/svg+xml', '.wasm': 'application/wasm' };
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname).replace(/^\/sub\//, '');
    let file = join(folder, path);
    if (existsSync(file) && statSync(file).isDirectory()) file = join(file, 'index.html');
    if (path.includes('..') || !existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': kinds[extname(file)] ?? 'application/octet-stream' });
    return response.end(readFileSync(file));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/sub/`,
    off: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
