// Our own pages: buttons that run commands and insert files, steps that tick, progress in the contents, the column's
// size, the service worker. The text is complete without any of this.

import { currentLab } from './lab.js';
import { progressBox } from './progress.js';
import { search } from './search.js';
import { load, loadJson, store } from './storage.js';
import { say } from './words.js';

export function enhancePage() {
  document.documentElement.classList.add('tn-scripted');
  header();
  progress();
  document.querySelector('.tn-contents, .tn-catalog')?.append(progressBox());
  const column = document.querySelector('.tn-lab-column');
  if (column) {
    commands();
    steps();
    quizzes();
    tables();
    resizing(column);
    folding(column);
    keyboard();
  }
  offline();
}

function header() {
  const bar = document.querySelector('.tn-header');
  if (!bar) return;
  const end = bar.querySelector('.tn-header-end') ?? bar.appendChild(document.createElement('div'));
  end.className = 'tn-header-end';
  const contents = document.querySelector('.tn-contents');
  if (contents) {
    const toggle = button('tn-button tn-contents-toggle', say('lessons'));
    toggle.setAttribute('aria-controls', contents.id);
    toggle.setAttribute('aria-expanded', 'false');
    toggle.addEventListener('click', () => {
      const open = contents.classList.toggle('tn-open');
      toggle.setAttribute('aria-expanded', String(open));
    });
    end.append(toggle);
  }
  search(end, bar.querySelector('.tn-brand').getAttribute('href').replace('index.html', ''));
  language(end.querySelectorAll('.tn-language'));
  end.append(theme());
}

/** The same page in another language opens at the same heading: headings are called alike in all of them. */
function language(links) {
  const headings = [...document.querySelectorAll('.tn-lesson h2[id], .tn-lesson h3[id]')];
  for (const link of links) {
    link.addEventListener('click', () => {
      store('language', link.lang);
      const seen = headings.filter((heading) => heading.getBoundingClientRect().top < innerHeight / 2);
      const last = seen.at(-1);
      link.hash = last && scrollY > 0 ? last.id : '';
    });
  }
}

/** As the system, light, dark: round and round. */
function theme() {
  const names = { '': say('theme'), light: say('themeLight'), dark: say('themeDark') };
  const signs = { '': '◐', light: '○', dark: '●' };
  const control = button('tn-button tn-button-quiet', '');
  const show = (name) => {
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    control.textContent = signs[name];
    control.setAttribute('aria-label', names[name]);
    control.title = names[name];
  };
  let chosen = load('theme') ?? '';
  if (!(chosen in names)) chosen = '';
  show(chosen);
  control.addEventListener('click', () => {
    const order = Object.keys(names);
    chosen = order[(order.indexOf(chosen) + 1) % order.length];
    store('theme', chosen);
    show(chosen);
  });
  return control;
}

function button(classes, text) {
  const element = document.createElement('button');
  element.type = 'button';
  element.className = classes;
  element.textContent = text;
  return element;
}

function commands() {
  for (const run of document.querySelectorAll('.tn-run')) {
    run.hidden = false;
    run.addEventListener('click', () => {
      unfold();
      run.closest('.tn-command').classList.add('tn-ran');
      currentLab()?.run(run.dataset.run);
    });
  }
  for (const insert of document.querySelectorAll('.tn-insert')) {
    insert.hidden = false;
    insert.addEventListener('click', () => {
      unfold();
      const code = insert.closest('.tn-file').querySelector('pre code');
      currentLab()?.insert(insert.dataset.insert, code.textContent);
    });
  }
}

function steps() {
  for (const item of document.querySelectorAll('.tn-step')) help(item);
  document.addEventListener('tabernetes-steps', ({ detail, target }) => {
    if (!target.closest('.tn-lab-column')) return;
    for (const { id, done } of detail.steps) {
      for (const item of document.querySelectorAll(`.tn-step[data-step="${CSS.escape(id)}"]`)) {
        item.classList.toggle('tn-done', done);
        const state = item.querySelector('.tn-step-state');
        if (state) state.textContent = done ? say('done') : say('notDone');
        if (done) item.querySelector('.tn-step-help')?.remove();
      }
    }
    progress();
  });
}

/** Below a step that is not done: what keeps it from being ticked, for who asks. */
function help(item) {
  const place = document.createElement('div');
  place.className = 'tn-step-help';
  const ask = button('tn-step-ask', say('whatIsMissing'));
  const answer = document.createElement('p');
  answer.className = 'tn-step-answer';
  answer.setAttribute('role', 'status');
  ask.addEventListener('click', () => {
    const lab = currentLab();
    answer.textContent = lab?.session ? advice(lab.wrong(item.dataset.step)) : say('labStarts');
  });
  place.append(ask, answer);
  item.append(place);
}

/** `lesson::Wrong` in words. */
function advice(wrong) {
  const object = wrong?.resource;
  switch (wrong?.kind) {
    case 'told':
      return wrong.text;
    case 'missing':
      return wrong.name ? say('missingObject', { object: `${object}/${wrong.name}` }) : say('missingSome', { object });
    case 'field':
      return wrong.found.trim() === ''
        ? say('emptyField', wrong)
        : say('wrongField', wrong);
    case 'condition':
      return say('wrongCondition', wrong);
    case 'count':
      return say('wrongCount', { object, found: wrong.found });
    case 'attempt':
      return say('wrongAttempt', wrong);
    default:
      return say('nothingMissing');
  }
}

/** Answers stay chosen over a reload, in whatever language the page is read. */
function quizzes() {
  const lesson = currentLab()?.getAttribute('lesson');
  for (const quiz of document.querySelectorAll('.tn-quiz')) {
    const name = `quiz:${lesson}#${quiz.dataset.quiz}`;
    const inputs = [...quiz.querySelectorAll('input')];
    const kept = load(name)?.split(' ') ?? [];
    for (const input of inputs) input.checked ||= kept.includes(input.value);
    const chosen = () => inputs.filter((input) => input.checked).map((input) => input.value);
    quiz.addEventListener('change', () => store(name, chosen().join(' ')));
  }
}

/** A table that is wider than the text is scrolled by keys too. */
function tables() {
  const wide = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute('tabindex');
    }
  });
  for (const table of document.querySelectorAll('.tn-lesson table')) wide.observe(table);
}

function progress() {
  const kept = loadJson('progress', {});
  goOn(kept);
  for (const item of document.querySelectorAll('[data-lesson]')) {
    const place = item.querySelector('.tn-progress');
    const of = Number(item.dataset.steps ?? 0);
    const done = Math.min(kept[item.dataset.lesson]?.done ?? 0, of);
    if (!place || of === 0 || done === 0) continue;
    place.textContent = say('doneOf', { done, of });
    place.classList.toggle('tn-all', done === of);
  }
}

/** Whoever has begun is sent on to the first lesson that is not done, instead of to the first one. */
function goOn(kept) {
  const link = document.querySelector('.tn-start-link');
  if (!link || Object.keys(kept).length === 0) return;
  const open = [...document.querySelectorAll('.tn-card')].find((card) => {
    const of = Number(card.dataset.steps ?? 0);
    return (kept[card.dataset.lesson]?.done ?? 0) < of;
  });
  const target = open?.querySelector('a');
  if (!target) return;
  link.href = target.href;
  link.textContent = say('continue', { title: target.textContent });
}

const narrow = matchMedia('(max-width: 1099.98px)');

function resizing(column) {
  const handle = document.createElement('div');
  handle.className = 'tn-resize';
  handle.tabIndex = 0;
  handle.setAttribute('role', 'separator');
  handle.setAttribute('aria-label', say('labSize'));
  column.prepend(handle);
  const root = document.documentElement;
  const set = (share) => {
    const name = narrow.matches ? 'sheet' : 'column';
    const limits = narrow.matches ? [20, 88] : [25, 65];
    const kept = Math.round(Math.min(limits[1], Math.max(limits[0], share)));
    if (narrow.matches) root.style.setProperty('--tn-sheet-height', `${kept}dvh`);
    else root.style.setProperty('--tn-lab-width', `${kept}vw`);
    handle.setAttribute('aria-valuenow', String(kept));
    store(`size:${name}`, String(kept));
  };
  const arrange = () => {
    handle.setAttribute('aria-orientation', narrow.matches ? 'horizontal' : 'vertical');
    handle.setAttribute('aria-valuemin', narrow.matches ? '20' : '25');
    handle.setAttribute('aria-valuemax', narrow.matches ? '88' : '65');
    const kept = Number(load(`size:${narrow.matches ? 'sheet' : 'column'}`));
    if (kept) set(kept);
    else handle.setAttribute('aria-valuenow', narrow.matches ? '46' : '38');
  };
  arrange();
  narrow.addEventListener('change', arrange);
  handle.addEventListener('pointerdown', (event) => {
    event.preventDefault();
    handle.setPointerCapture(event.pointerId);
    const move = ({ clientX, clientY }) =>
      set(narrow.matches ? (1 - clientY / innerHeight) * 100 : (1 - clientX / innerWidth) * 100);
    handle.addEventListener('pointermove', move);
    handle.addEventListener('lostpointercapture', () => handle.removeEventListener('pointermove', move), { once: true });
  });
  handle.addEventListener('keydown', ({ key }) => {
    const step = { ArrowUp: 4, ArrowLeft: 4, ArrowDown: -4, ArrowRight: -4 }[key];
    if (step) set(Number(handle.getAttribute('aria-valuenow')) + step);
  });
}

function folding(column) {
  const open = button('tn-button tn-unfold', say('openLab'));
  open.hidden = true;
  document.body.append(open);
  column.addEventListener('tabernetes-fold', () => {
    document.documentElement.classList.add('tn-lab-folded');
    open.hidden = false;
    open.focus();
  });
  open.addEventListener('click', unfold);
}

function unfold() {
  document.documentElement.classList.remove('tn-lab-folded');
  const open = document.querySelector('.tn-unfold');
  if (open) open.hidden = true;
}

/** On telephones the sheet stands on the on-screen keyboard while the terminal has the focus. */
function keyboard() {
  const view = window.visualViewport;
  if (!view) return;
  const root = document.documentElement;
  const arrange = () => {
    const hidden = innerHeight - view.height - view.offsetTop;
    const covered = narrow.matches && hidden > 120 && document.activeElement?.closest('tabernetes-lab');
    root.classList.toggle('tn-keyboard', Boolean(covered));
    root.style.setProperty('--tn-keyboard-inset', `${Math.max(0, hidden)}px`);
    root.style.setProperty('--tn-visible-height', `${view.height}px`);
  };
  view.addEventListener('resize', arrange);
  view.addEventListener('scroll', arrange);
}

/** Everything is kept for a visit without a network; a new version is told about, never forced. */
async function offline() {
  if (!('serviceWorker' in navigator) || !isSecureContext) return;
  const script = new URL('./sw.js', import.meta.url);
  if (script.origin !== location.origin) return;
  const before = navigator.serviceWorker.controller;
  navigator.serviceWorker.addEventListener('controllerchange', () => {
    if (before) newVersion();
  });
  // It fetches every file of the site: the lab comes first.
  await currentLab()?.ready.catch(() => {});
  try {
    await navigator.serviceWorker.register(script, { updateViaCache: 'none' });
  } catch (error) {
    console.info('Tabernetes: no offline copy,', error.message);
  }
}

function newVersion() {
  const note = document.createElement('div');
  note.className = 'tn-update';
  note.setAttribute('role', 'status');
  const reload = button('tn-button', say('reload'));
  reload.addEventListener('click', () => location.reload());
  note.append(say('newVersion'), reload);
  document.body.append(note);
}
