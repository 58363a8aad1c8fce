// `<tabernetes-terminal>`: xterm in a shadow root, wired to the lab around it. Draws bytes and sends keys; lines,
// history and completion are the engine's.

import { Terminal } from '@xterm/xterm';
import { FitAddon } from '@xterm/addon-fit';
import xtermCss from '@xterm/xterm/css/xterm.css';
import { dress } from './dom.js';
import { languageOf, say } from './words.js';

const shadow = (say) => `
  <div class="screen" part="screen"></div>
  <div class="keys" role="toolbar" aria-label="${say('keyBar')}">
    <button type="button" data-send="\\t">Tab</button>
    <button type="button" data-hold="ctrl" aria-pressed="false">${say('ctrl')}</button>
    <button type="button" data-send="\\x1b">Esc</button>
    <button type="button" data-arrow="D" aria-label="${say('keyLeft')}">←</button>
    <button type="button" data-arrow="A" aria-label="${say('keyUp')}">↑</button>
    <button type="button" data-arrow="B" aria-label="${say('keyDown')}">↓</button>
    <button type="button" data-arrow="C" aria-label="${say('keyRight')}">→</button>
    <button type="button" data-send="|">|</button>
    <button type="button" data-send="-">-</button>
    <button type="button" data-send="/">/</button>
  </div>`;

const THEME = {
  background: '#12151a',
  foreground: '#dfe4ea',
  cursor: '#f0c24b',
  cursorAccent: '#12151a',
  selectionBackground: '#33506f',
  selectionInactiveBackground: '#2b3d52',
  black: '#2b313a',
  red: '#ff8a80',
  green: '#4cd39a',
  yellow: '#f0c24b',
  blue: '#62b0ff',
  magenta: '#d7a2f7',
  cyan: '#5fd3d9',
  white: '#dfe4ea',
  brightBlack: '#98a2ae',
  brightRed: '#ffb0a8',
  brightGreen: '#86e8bd',
  brightYellow: '#ffdb7a',
  brightBlue: '#9bcdff',
  brightMagenta: '#e7c6fb',
  brightCyan: '#9be6ea',
  brightWhite: '#ffffff',
};

export class TabernetesTerminal extends HTMLElement {
  #terminal = null;
  #fit = null;
  #lab = null;
  #held = false;
  // When Escape was pressed last: a Tab right after it leaves the terminal.
  #escaped = -Infinity;
  #waiting = [];

  async connectedCallback() {
    if (this.#terminal) return;
    const language = languageOf(this);
    const root = dress(this, shadow((key) => say(key, {}, language)), xtermCss);
    const terminal = new Terminal({
      allowProposedApi: false,
      convertEol: false,
      cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      cursorInactiveStyle: 'outline',
      customGlyphs: true,
      fontFamily: "ui-monospace, SFMono-Regular, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace",
      fontSize: Number(this.getAttribute('font-size') ?? 14),
      lineHeight: 1.2,
      macOptionIsMeta: true,
      minimumContrastRatio: 4.5,
      scrollback: 2000,
      theme: THEME,
    });
    this.#terminal = terminal;
    this.#fit = new FitAddon();
    terminal.loadAddon(this.#fit);
    const screen = root.querySelector('.screen');
    terminal.open(screen);
    terminal.textarea.setAttribute('aria-label', say('terminalKeys', {}, language));
    terminal.attachCustomKeyEventHandler((event) => this.#ownKeys(event));
    screen.addEventListener('paste', (event) => this.#paste(event), true);
    this.#extraKeys(root.querySelector('.keys'));
    new ResizeObserver(() => this.fit()).observe(screen);
    this.fit();
    for (const [bytes, reset] of this.#waiting.splice(0)) this.write(bytes, reset);

    this.#lab = await readyLab(this);
    if (!this.#lab) return;
    const send = (call) => {
      try {
        call(this.#lab.session);
      } catch (error) {
        this.#lab.broke(error);
      }
    };
    this.send = send;
    terminal.onData((data) => send((session) => session.key(this.#chord(data))));
    terminal.onResize(({ cols, rows }) => send((session) => session.resize(cols, rows)));
    send((session) => session.resize(terminal.cols, terminal.rows));
    this.#lab.session.show_terminal();
  }

  /** Bytes of the engine; `reset` means that they are all there is to see. */
  write(bytes, reset = false) {
    if (!this.#terminal) {
      this.#waiting.push([bytes, reset]);
      return;
    }
    if (reset) this.#terminal.reset();
    this.#terminal.write(bytes);
  }

  focus() {
    this.#terminal?.focus();
  }

  /** As many columns and rows as there is room for. */
  fit() {
    const screen = this.shadowRoot.querySelector('.screen');
    if (screen.clientWidth > 0 && screen.clientHeight > 0) this.#fit?.fit();
  }

  /** What can be read in it, scrollback and all; wrapped lines are joined. */
  get text() {
    const buffer = this.#terminal?.buffer.active;
    const lines = [];
    for (let row = 0; buffer && row < buffer.length; row += 1) {
      const line = buffer.getLine(row);
      const text = line.translateToString(!buffer.getLine(row + 1)?.isWrapped);
      if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += text;
      else lines.push(text);
    }
    return lines.join('\n').trimEnd();
  }

  get size() {
    return { columns: this.#terminal?.cols ?? 0, rows: this.#terminal?.rows ?? 0 };
  }

  #ownKeys(event) {
    if (event.type !== 'keydown') return true;
    const control = event.ctrlKey || event.metaKey;
    // What is selected is copied; without a selection Ctrl-C is the interrupt.
    if (control && event.key.toLowerCase() === 'c' && (this.#terminal.hasSelection() || event.shiftKey || event.metaKey)) {
      navigator.clipboard?.writeText(this.#terminal.getSelection());
      this.#terminal.clearSelection();
      event.preventDefault();
      return false;
    }
    // The browser's own paste brings the text; see #paste.
    if (control && event.key.toLowerCase() === 'v' && (event.shiftKey || event.metaKey)) return false;
    if (event.key === 'Escape') this.#escaped = event.timeStamp;
    else if (event.key === 'Tab' && event.timeStamp - this.#escaped < 1500) return false;
    else if (event.key !== 'Shift') this.#escaped = -Infinity;
    return true;
  }

  #paste(event) {
    const text = event.clipboardData?.getData('text/plain');
    event.preventDefault();
    event.stopPropagation();
    if (text) this.send?.((session) => session.paste(text));
  }

  /** The Ctrl of the extra row holds for one key. */
  #chord(data) {
    if (!this.#held || data.length !== 1) return data;
    this.#hold(false);
    const code = data.toUpperCase().charCodeAt(0);
    return code >= 64 && code < 96 ? String.fromCharCode(code - 64) : data;
  }

  #hold(held) {
    this.#held = held;
    this.shadowRoot.querySelector('[data-hold]').setAttribute('aria-pressed', String(held));
  }

  #extraKeys(row) {
    // The on-screen keyboard stays: the terminal keeps the focus.
    row.addEventListener('pointerdown', (event) => event.preventDefault());
    row.addEventListener('click', (event) => {
      const key = event.target.closest('button');
      if (!key) return;
      const { send, hold, arrow } = key.dataset;
      if (hold) this.#hold(!this.#held);
      const application = this.#terminal.modes.applicationCursorKeysMode;
      const names = { '\\t': '\t', '\\x1b': '\x1b' };
      const data = arrow ? `\x1b${application ? 'O' : '['}${arrow}` : names[send] ?? send;
      if (data) this.#terminal.input(data, true);
      this.focus();
    });
  }
}

/** The lab around an element, or the one that its `for` names, once it runs; undefined when there is none. */
export async function readyLab(element) {
  await customElements.whenDefined('tabernetes-lab');
  const named = element.getAttribute('for');
  const lab = named ? document.getElementById(named) : element.closest('tabernetes-lab');
  // One that could not start says so itself.
  return lab?.ready?.catch(() => undefined);
}
