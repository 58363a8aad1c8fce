// What a reader has done is kept in this browser alone: this saves it to a file, takes it from one, and forgets it.

import { kept, loadJson, replace } from './storage.js';
import { say } from './words.js';

/** What belongs to a reader's progress; looks and sizes belong to the device. */
const MINE = /^(progress$|lab:|quiz:)/;
const FORMAT = 'tabernetes-progress';

/** A folded box with the sum and the three buttons, for the end of the contents. */
export function progressBox() {
  const box = document.createElement('details');
  box.className = 'tn-keep';
  const summary = box.appendChild(document.createElement('summary'));
  summary.textContent = say('yourProgress');
  const sum = box.appendChild(document.createElement('p'));
  const note = document.createElement('p');
  note.setAttribute('role', 'status');
  const button = (text, act) => {
    const control = box.appendChild(document.createElement('button'));
    control.type = 'button';
    control.className = 'tn-button tn-button-quiet';
    control.textContent = text;
    control.addEventListener('click', act);
  };
  button(say('saveProgress'), save);
  button(say('loadProgress'), () => choose((text) => take(text) || (note.textContent = say('noProgress'))));
  button(say('forgetProgress'), () => confirm(say('forgetSure')) && replace(MINE, {}) && location.reload());
  box.append(note);
  box.addEventListener('toggle', () => (sum.textContent = summed()));
  return box;
}

function summed() {
  const done = loadJson('progress', {});
  const lessons = new Map();
  for (const { dataset } of document.querySelectorAll('[data-lesson][data-steps]')) lessons.set(dataset.lesson, Number(dataset.steps));
  const whole = [...lessons].filter(([name, steps]) => steps > 0 && done[name]?.done >= steps);
  return say('progressSum', { done: whole.length, of: lessons.size });
}

function save() {
  const text = JSON.stringify({ format: FORMAT, version: 1, kept: kept(MINE) });
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  link.download = `${FORMAT}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function choose(use) {
  const field = document.createElement('input');
  field.type = 'file';
  field.accept = '.json,application/json';
  field.addEventListener('change', async () => field.files[0] && use(await field.files[0].text()));
  field.click();
}

/** Whether the text was a reader's progress; it is in place then, and the page starts anew with it. */
function take(text) {
  try {
    const file = JSON.parse(text);
    if (file.format !== FORMAT || file.version !== 1) return false;
    const entries = Object.entries(file.kept).filter(([name, value]) => MINE.test(name) && typeof value === 'string');
    if (!replace(MINE, Object.fromEntries(entries))) return false;
    location.reload();
    return true;
  } catch {
    return false;
  }
}
