// `<tabernetes-lab>`: one cluster, one machine, one terminal, one picture. Owns the engine's session and what is kept
// of it; its parts find it and ask it for their views. Knows no Kubernetes.
//
//   lesson="01-what-is-a-job"   the lesson whose cluster and files it starts with (looked up beside this script)
//   seed, speed                 instead of the lesson's
//   files="#id #id"             elements of the page whose text becomes files; their `data-file` is the name
//   keep="no"                   forgets everything when the page is left
//   lang                        the language of what it says; without it that of the page around it

import { RestMissing, engine, prose, rest, warmUp } from './engine.js';
import { dress, html, icon, isTyping, whenIdle } from './dom.js';
import { forget, load, loadJson, store } from './storage.js';
import { languageOf, learn, ofEngine, say, speaks } from './words.js';

let count = 0;
/** The lab that the keys of the page mean: the one last touched, else the first. */
let current = null;

const shadow = (say) => `
  <div class="lab" part="lab" data-layout="stack" data-tab="terminal">
    <div class="bar">
      <div class="tabs" role="tablist" aria-label="${say('lab')}">
        <button type="button" role="tab" data-show="picture" aria-selected="false" tabindex="-1">${say('picture')}</button>
        <button type="button" role="tab" data-show="terminal" aria-selected="true">${say('terminal')}</button>
      </div>
      <span class="title"></span>
      <span class="spacer"></span>
      <button type="button" class="quiet" data-do="fold" hidden>${icon('fold')}<span class="visually-hidden">${say('fold')}</span></button>
      <button type="button" class="quiet" data-do="full" aria-pressed="false">${icon('full')}<span class="visually-hidden">${say('fullScreen')}</span></button>
    </div>
    <div class="banner" role="alert" hidden></div>
    <div class="notice" role="status"></div>
    <div class="panes">
      <div class="pane picture" role="group" aria-label="${say('picture')}"><slot name="picture"></slot></div>
      <div class="divider" role="separator" tabindex="0" aria-orientation="horizontal" aria-label="${say('pictureSize')}"
        aria-valuemin="15" aria-valuemax="85" aria-valuenow="45"></div>
      <div class="pane terminal" role="group" aria-label="${say('terminal')}"><slot name="terminal"></slot></div>
    </div>
    <slot name="time"></slot>
    <slot></slot>
  </div>`;

export class TabernetesLab extends HTMLElement {
  /** The engine's session, once it runs. */
  session = null;
  /** The lesson's data, or null. */
  lesson = null;
  #ready;
  #resolve;
  #reject;
  #key = '';
  #started = false;
  #observer = null;
  #broken = false;
  #driving = false;
  #language = '';

  constructor() {
    super();
    this.#ready = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Parts wait for it each in their own way; a failure is told in the banner.
    this.#ready.catch(() => {});
  }

  /** Resolves to this lab once its session runs. */
  get ready() {
    return this.#ready;
  }

  connectedCallback() {
    if (this.#started) {
      if (this.session && !this.#driving) this.#drive();
      return;
    }
    this.#language = languageOf(this);
    if (!speaks(this.#language)) {
      learn(this.#language).then(() => this.isConnected && !this.#started && this.connectedCallback());
      return;
    }
    this.#started = true;
    current ??= this;
    dress(this, shadow((key) => this.#say(key)));
    this.#parts();
    this.#controls();
    this.addEventListener('focusin', () => (current = this));
    this.addEventListener('pointerdown', () => (current = this));
    this.#start();
  }

  disconnectedCallback() {
    // Moved within the page: connected again before this runs.
    queueMicrotask(() => {
      if (this.isConnected) return;
      this.#save();
    });
  }

  /** Types a command into the terminal and runs it. */
  async run(command) {
    await this.#ready;
    this.show('terminal');
    this.#guard(() => this.session.run(command));
  }

  /** Puts a file into the open editor, or writes it. */
  async insert(name, content) {
    await this.#ready;
    this.show('terminal');
    this.#guard(() => this.session.insert(name, content));
  }

  /** Where panes share one place, shows this one: `picture` or `terminal`. */
  show(tab) {
    const lab = this.shadowRoot.querySelector('.lab');
    lab.dataset.tab = tab;
    for (const button of lab.querySelectorAll('[role=tab]')) {
      const chosen = button.dataset.show === tab;
      button.setAttribute('aria-selected', String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
  }

  /** Tells something in a line that goes away by itself. */
  tell(text) {
    const notice = this.shadowRoot.querySelector('.notice');
    notice.textContent = text;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => (notice.textContent = ''), 6000);
  }

  /** What keeps a step of the lesson from being ticked (`lesson::Wrong`); null when nothing does. */
  wrong(step) {
    return JSON.parse(this.#guard(() => this.session?.wrong(step)) || 'null');
  }

  /** The picture in words, for tests and screen readers. */
  get pictureText() {
    return this.session?.picture_text() ?? '';
  }

  /** Calls the engine; when it breaks, says what is kept and stops. */
  #guard(call) {
    if (this.#broken) return undefined;
    try {
      return call();
    } catch (error) {
      this.broke(error);
      return undefined;
    }
  }

  /** The engine stopped. What was saved before is in the browser and is taken up by a reload. */
  broke(error) {
    if (this.#broken) return;
    this.#broken = true;
    const report = `Tabernetes, lab ${this.#key}, seed ${this.#seed()}: ${window.tabernetesPanic ?? error?.message ?? error}`;
    console.error(report, error);
    this.#banner(
      error instanceof RestMissing ? this.#say('restMissing', { why: error.message }) : this.#say('broke'),
      { [this.#say('reload')]: () => location.reload(), [this.#say('copyReport')]: () => navigator.clipboard?.writeText(report) },
    );
  }

  #say(key, values) {
    return say(key, values, this.#language);
  }

  #seed() {
    return this.getAttribute('seed') ?? this.lesson?.seed ?? 1;
  }

  /** Makes the parts that the author left out, and puts each into its place. */
  #parts() {
    const place = { 'tabernetes-diagram': 'picture', 'tabernetes-terminal': 'terminal', 'tabernetes-time': 'time' };
    const bare = !this.querySelector(Object.keys(place).join(','));
    for (const [name, slot] of Object.entries(place)) {
      let part = this.querySelector(name);
      if (!part && (bare || slot === 'time') && this.getAttribute('controls') !== 'none') {
        part = this.appendChild(document.createElement(name));
      }
      if (part) part.slot = slot;
    }
    const lab = this.shadowRoot.querySelector('.lab');
    lab.toggleAttribute('data-no-picture', !this.querySelector('tabernetes-diagram'));
    lab.toggleAttribute('data-no-terminal', !this.querySelector('tabernetes-terminal'));
  }

  async #start() {
    try {
      this.lesson = await this.#lessonData();
      this.shadowRoot.querySelector('.title').textContent = this.getAttribute('label') ?? this.lesson?.title ?? '';
      const { Session } = await engine();
      this.#key = this.#name();
      // What was done may need all of the engine to be done again. And a page with a service worker may be without a network,
      // has all of the engine at hand, and could not get it in the middle of a call: browsers do not ask the worker then.
      if ((this.#keeps() && load(`lab:${this.#key}`)) || navigator.serviceWorker?.controller) await rest();
      const { saved, lost } = this.#saved();
      const options = {
        seed: Number(this.getAttribute('seed') ?? 0),
        speed: Number(this.getAttribute('speed') ?? 0),
        files: this.#files(),
        lesson: this.lesson,
        words: ofEngine(this.#language),
      };
      this.session = new Session(JSON.stringify(options), saved ?? undefined, this.#host());
      forget(`starting:${this.#key}`);
      const trouble = this.session.trouble();
      if (trouble || lost) {
        if (saved) store(`unreadable:${this.#key}`, saved);
        this.#banner(
          this.#say('lost', { why: trouble ? ` (${trouble})` : '' }),
          { [this.#say('allRight')]: () => this.#banner('') },
        );
      }
      addEventListener('pagehide', () => this.#save());
      document.addEventListener('visibilitychange', () => document.hidden && this.#save());
      this.#resolve(this);
      this.dispatchEvent(new CustomEvent('tabernetes-ready', { bubbles: true, composed: true }));
      this.#drive();
      whenIdle().then(() => this.#later());
    } catch (error) {
      if (this.session || window.tabernetesPanic) this.broke(error);
      else {
        this.#banner(this.#say('notLoaded', { why: error?.message ?? error }), {
          [this.#say('tryAgain')]: () => {
            this.#banner('');
            this.#start();
          },
        });
      }
    }
  }

  /** What is not part of the first load: all that the first lessons do not run, and what `kubectl explain` tells. */
  async #later() {
    try {
      await rest();
    } catch (error) {
      // Without it the lab goes on; the engine asks again when it needs it.
      console.info('Tabernetes: the rest of the engine did not come,', error.message);
      addEventListener('online', () => this.#later(), { once: true });
      return;
    }
    const text = await prose();
    if (text && !this.#broken) this.#guard(() => this.session.set_prose(text));
    await warmUp();
  }

  /** Brings real time in, a frame at a time. A hidden page gets no frames: its time stands still. */
  #drive() {
    let last = performance.now();
    const frame = (now) => {
      if (this.#broken || !this.isConnected) {
        this.#driving = false;
        return;
      }
      this.#guard(() => this.session.frame(Math.max(0, now - last)));
      last = now;
      requestAnimationFrame(frame);
    };
    this.#driving = true;
    requestAnimationFrame(frame);
  }

  /** From the page itself, else from the lesson's own page beside this script. */
  async #lessonData() {
    const here = this.querySelector('script.tn-lesson-data');
    if (here) return JSON.parse(here.textContent);
    const name = this.getAttribute('lesson');
    if (!name) return null;
    const url = new URL(`./lessons/${encodeURIComponent(name)}/index.html`, import.meta.url);
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`there is no lesson "${name}" at ${url.href}`);
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    return JSON.parse(page.querySelector('script.tn-lesson-data').textContent);
  }

  #files() {
    const wanted = this.getAttribute('files');
    if (!wanted) return [];
    const elements = wanted.split(/\s+/).map((selector) => document.querySelector(selector));
    return elements.filter(Boolean).map((element) => ({
      name: element.dataset.file ?? element.id,
      content: (element.querySelector('code') ?? element).textContent,
    }));
  }

  /** Labs are told apart by their id, else by their place on the page. */
  #name() {
    count += 1;
    const own = this.id || this.getAttribute('lesson') || 'lab';
    const same = [...document.querySelectorAll('tabernetes-lab')].filter(
      (lab) => (lab.id || lab.getAttribute('lesson') || 'lab') === own,
    );
    // A lesson is the same lab in every language.
    const page = location.pathname.replace(/index\.html$/, '').replace(/\/[a-z]{2}(\/lessons\/)/, '$1');
    return `${page}#${own}${same.length > 1 ? `/${same.indexOf(this) + 1}` : ''}`;
  }

  #keeps() {
    return this.getAttribute('keep') !== 'no';
  }

  /** What was kept, unless taking it up broke the engine the last time. */
  #saved() {
    if (!this.#keeps()) return { saved: null, lost: false };
    const saved = load(`lab:${this.#key}`);
    if (saved && load(`starting:${this.#key}`)) {
      store(`unreadable:${this.#key}`, saved);
      forget(`lab:${this.#key}`);
      return { saved: null, lost: true };
    }
    if (saved) store(`starting:${this.#key}`, 'yes');
    return { saved, lost: false };
  }

  /** What the engine calls. */
  #host() {
    return {
      // A copy: the bytes are the module's memory, and the terminal reads them later.
      terminal: (bytes, reset) => this.querySelector('tabernetes-terminal')?.write(bytes.slice(), reset),
      steps: (json) => this.#steps(JSON.parse(json)),
      notice: (text) => this.tell(text),
      clock: () => performance.now(),
      changed: () => this.#changed(),
    };
  }

  #steps(steps) {
    this.steps = steps;
    const name = this.lesson?.name;
    if (name && this.#keeps()) {
      const progress = loadJson('progress', {});
      progress[name] = { done: steps.filter((step) => step.done).length, of: steps.length };
      store('progress', JSON.stringify(progress));
    }
    this.dispatchEvent(new CustomEvent('tabernetes-steps', { bubbles: true, composed: true, detail: { steps, lesson: name } }));
  }

  #changed() {
    this.saving ??= setTimeout(() => {
      this.saving = null;
      this.#save();
    }, 400);
  }

  #save() {
    if (!this.session || this.#broken || !this.#keeps()) return;
    const text = this.#guard(() => this.session.save());
    if (text === undefined || store(`lab:${this.#key}`, text) || this.warned) return;
    this.warned = true;
    this.tell(this.#say('keepsNothing'));
  }

  #banner(text, actions = {}) {
    const banner = this.shadowRoot.querySelector('.banner');
    banner.hidden = !text;
    const words = html('span');
    words.textContent = text;
    const buttons = Object.entries(actions).map(([label, act]) => {
      const button = html('button', { type: 'button' });
      button.textContent = label;
      button.addEventListener('click', act);
      return button;
    });
    banner.replaceChildren(words, ...buttons);
  }

  #controls() {
    const root = this.shadowRoot;
    const lab = root.querySelector('.lab');
    root.querySelector('.tabs').addEventListener('click', (event) => {
      const tab = event.target.closest('[data-show]');
      if (tab) this.show(tab.dataset.show);
    });
    root.querySelector('.tabs').addEventListener('keydown', (event) => {
      if (!['ArrowLeft', 'ArrowRight'].includes(event.key)) return;
      this.show(lab.dataset.tab === 'picture' ? 'terminal' : 'picture');
      root.querySelector('[role=tab][aria-selected=true]').focus();
    });
    const fold = root.querySelector('[data-do=fold]');
    fold.hidden = !this.closest('.tn-lab-column');
    fold.addEventListener('click', () => this.dispatchEvent(new CustomEvent('tabernetes-fold', { bubbles: true })));
    this.#fullScreen(root.querySelector('[data-do=full]'));
    this.#divider(root.querySelector('.divider'), lab);
    this.#observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      lab.dataset.layout = height >= 520 ? 'stack' : width >= 620 ? 'side' : 'tabs';
      const across = lab.dataset.layout === 'side';
      root.querySelector('.divider').setAttribute('aria-orientation', across ? 'vertical' : 'horizontal');
    });
    this.#observer.observe(this);
  }

  #fullScreen(button) {
    button.addEventListener('click', async () => {
      if (document.fullscreenElement === this) return document.exitFullscreen();
      try {
        await this.requestFullscreen();
      } catch {
        // Telephones that grant it to films alone, and frames that forbid it.
        const full = this.toggleAttribute('data-full');
        button.setAttribute('aria-pressed', String(full));
      }
      return undefined;
    });
    this.addEventListener('fullscreenchange', () =>
      button.setAttribute('aria-pressed', String(document.fullscreenElement === this)),
    );
  }

  #divider(divider, lab) {
    const set = (percent) => {
      const share = Math.round(Math.min(85, Math.max(15, percent)));
      lab.style.setProperty('--share', `${share}%`);
      divider.setAttribute('aria-valuenow', share);
      store('share', String(share));
    };
    const kept = Number(load('share'));
    if (kept) set(kept);
    divider.addEventListener('pointerdown', (event) => {
      event.preventDefault();
      divider.setPointerCapture(event.pointerId);
      const box = lab.querySelector('.panes').getBoundingClientRect();
      const across = lab.dataset.layout === 'side';
      const move = ({ clientX, clientY }) =>
        set(across ? ((clientX - box.left) / box.width) * 100 : ((clientY - box.top) / box.height) * 100);
      divider.addEventListener('pointermove', move);
      divider.addEventListener('lostpointercapture', () => divider.removeEventListener('pointermove', move), { once: true });
    });
    divider.addEventListener('keydown', (event) => {
      const step = { ArrowUp: -4, ArrowLeft: -4, ArrowDown: 4, ArrowRight: 4 }[event.key];
      if (!step) return;
      event.preventDefault();
      set(Number(divider.getAttribute('aria-valuenow')) + step);
    });
  }
}

/** The lab that the keys of the page mean. */
export function currentLab() {
  return current?.isConnected ? current : document.querySelector('tabernetes-lab');
}

// The keys of a video player, wherever nothing else wants them.
document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || isTyping(event)) return;
  const session = currentLab()?.session;
  const act = session && { ' ': () => session.toggle(), ',': () => session.step_back(), '.': () => session.step() }[event.key];
  if (!act) return;
  event.preventDefault();
  try {
    act();
  } catch (error) {
    currentLab().broke(error);
  }
});

// A mistake inside of a view's own handler ends up here: the module has stopped, and with it every lab of the page.
addEventListener('error', ({ error }) => {
  if (!(error instanceof WebAssembly.RuntimeError)) return;
  for (const lab of document.querySelectorAll('tabernetes-lab')) lab.broke(error);
});
