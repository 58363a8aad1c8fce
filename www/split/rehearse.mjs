// Plays what a reader of the first lessons does, on a stage instead of a page. The same every time: time is the engine's own, its seed
// the lesson's, and chance is counted out.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { languages, spoken } from '../words.mjs';
import { controls, stage } from './stage.mjs';

/** So many lessons are played, in the order of the course: who comes further has long had the rest, and each weighs some 20 KB. */
const LESSONS = 1;
/** Milliseconds of the cluster's time that a command may take. */
const LONGEST = 400_000;
/** So many readers in a row who leave it to chance have to show next to nothing new; and never more come than the last number. */
const QUIET = 16;
const NEXT_TO_NOTHING = 2;
const MOST = 40;
/** Milliseconds of frames, round and round: those of a screen, and of one that is busy. */
const FRAMES = [16.7, 250, 33.4, 416.6, 16.6, 299.9];

/** What the views say. */
const WORDS = spoken(languages[0]);

/** How readers look at what they have just made, as keys. */
const LOOKS = [
  'k get po -o wide\r', 'kubectl get all\r', 'kubectl get jobs,pods\r', 'kubectl get events\r', 'kubectl get pods -A\r',
  'kubectl get jobs -o yaml\r', 'kubectl get pods -o yaml\r', 'kubectl get pods -o json | head -n 3\r', 'kubectl get pods -o name\r',
  'kubectl get pods --show-labels\r', 'kubectl get deploy,rs,ds -o wide\r', 'kubectl get pods -o jsonpath=\'{.items[*].metadata.name}\'\r',
  'kubectl describe job\r', 'kubectl describe pods\r', 'kubectl describe deploy,rs,ds\r', 'kubectl logs job/hello-job\r',
  'kubectl get deploy,ds -o yaml\r', 'kubectl get job hello-job -o json\r', 'kubectl events\r',
];

/** What else they do. */
const HABITS = [
  'ls -la\r', 'cat hello-job.yaml\r', 'help\r', 'clear\r', 'pwd; echo $HOME\r', 'history\r', 'kubectl\r', 'kubectl get nodes\r',
  'kubectl get ns\r', 'kubectl describe node node01\r', 'kubectl logs job/hello-job -f\r', 'kubectl logs nothing\r',
  'kubectl apply -f missing.yaml\r', 'kubectl get nothing\r', 'kubectl gte pods\r', 'kubectl get pods --bad\r', 'kubctl get pods\r',
  'kubectl get pod absent\r', 'kubectl delete job absent\r', 'kubectl get -h\r', 'kubectl apply\r', 'kubectl version\r',
  'kubectl create job one --image=busybox:1.36 -- echo hi\r', 'kubectl get pods -w\r', '\x03', 'kubectl get jobs --watch\r', '\x03',
  'kubectl delete job one\r', 'kubectl create deployment crowd --image=busybox:1.36 --replicas=40 -- sleep 9\r',
  'sleep 3\r', 'kubectl delete deployment crowd\r', 'grep -n image *.yaml | sort\r', 'cat <<EOF > note.txt\rone\rEOF\r', 'mkdir d; cp note.txt d; rm -r d\r',
  "sed -e 's/hello-job/other/' -e 's/^spec:/spec:\\n  backoffLimit: 1/' hello-job.yaml > other.yaml\r", 'cat other.yaml | wc -l\r',
  'head -n 2 other.yaml && tail -n 1 other.yaml || echo none\r', 'echo a > a.txt; echo b >> a.txt; cat a.txt; mv a.txt b.txt\r',
  'for i in 1 2 3; do echo "$i"; done\r', 'kubectl get pods | grep -c Completed\r', 'rm b.txt other.yaml absent\r', 'cd /tmp && ls; cd\r',
  'echo $(kubectl get pods -o name) | tr a-z A-Z\r', 'if [ -f hello-job.yaml ]; then echo there; fi\r', "echo 'unfinished\r", '\x03',
  'sleep 1\r', 'while true; do :; done\r', '\x03', 'kubectl get po', '\t', '\t', '\x15', 'kubectl describe j', '\t', '\x03',
  'kubectl apply -f he', '\t', '\x01', '\x05', '\x0b', '\x1b[D\x1b[D\x7f\x17', '\x03', '\x1b[A\x1b[A\x1b[B', '\x15', '\x12get', '\x03',
  'cat hel', '\t', '\r', '\x0c',
];

/** What they do to what runs, at any time. */
const DEEDS = [
  'kubectl delete pod -l app=greeter --wait=false\r', 'kubectl delete job hello-job\r', 'kubectl delete pods --all --now\r',
  'kubectl apply -f hello-job.yaml\r', 'kubectl apply -f always-on.yaml\r', 'kubectl apply -f failing-jobs.yaml\r',
  'kubectl delete job same-pod new-pod\r', 'kubectl delete -f always-on.yaml\r', 'kubectl wait --for=condition=complete job/hello-job --timeout=9s\r',
  'kubectl get pods -w\r', 'kubectl get jobs\r', 'kubectl get pods\r', 'kubectl logs job/hello-job\r', 'kubectl get all\r',
];

/** Manifests that are refused, each in its own way. */
const MISTAKES = [
  (good) => good.replace('Never', 'Always'),
  (good) => good.replace('template:', 'templates:'),
  (good) => good.replace('kind: Job', 'kind: Jobb'),
  (good) => good.replace('name: hello-job', 'name: Hello_Job'),
  (good) => good.replace('  template', '\ttemplate'),
  (good) => good.replace('containers:', 'containers'),
  (good) => good.replace('image: busybox:1.36', 'image: 5'),
  (good) => good.replace('busybox:1.36', 'busybux:9'),
  (good) => good.replace(/spec:[^]*/, ''),
];

/**
 * Plays with a module (`bytes`) and its own script (`glue`), gives the memory that it leaves, and all that it wrote as a hash. Then
 * come readers who leave it to chance, for as long as `more` says, which gets the module's memory and how many of them came.
 */
export async function rehearse(glue, bytes, pages, more) {
  const place = stage();
  const written = createHash('sha256');
  // The script keeps its module: each rehearsal gets a copy of its own.
  const { Session, initSync } = await import(`${glue}?${bytes.length}`);
  const { memory } = initSync({ module: bytes });
  const names = readdirSync(join(pages, 'lessons')).sort().slice(0, LESSONS);
  if (names.length < LESSONS) throw new Error(`fewer than ${LESSONS} lessons to rehearse`);
  const come = (...how) => new Reader(Session, place, written, ...how);
  const lessons = names.map((name) => readFileSync(join(pages, 'lessons', name, 'index.html'), 'utf8'));
  for (const page of lessons) await play(page, come);
  let readers = 0;
  for (; more(memory, readers); readers++) await wander(lessons[readers % lessons.length], come, readers);
  return { memory, written: written.digest('hex'), readers };
}

/** Says `more` until the readers, who come by chance, show nothing new: `count` tells how much of a module has run, by its memory. */
export function untilNothingIsNew(count) {
  let seen = 0;
  let quiet = 0;
  return (memory, readers) => {
    const now = count(memory);
    quiet = now > seen + NEXT_TO_NOTHING ? 0 : quiet + 1;
    seen = now;
    if (readers >= MOST) console.log(`  after ${MOST} readers the rehearsal still shows new ways`);
    return quiet < QUIET && readers < MOST;
  };
}

/** A reader who waits and looks, hurries, skips and meddles by chance; what the chances are, `seed` says. */
async function wander(page, come, seed) {
  const chance = chances(seed);
  const pick = (list) => list[Math.floor(chance() * list.length)];
  const lesson = lessonOf(page);
  const reader = come(lesson, undefined, chance);
  for (const deed of deeds(page)) {
    await reader.does(deed);
    for (let left = Math.floor(chance() * 5); left > 0; left--) {
      const what = chance();
      if (what < 0.3) await reader.hurries(pick([1, 10, 60]), chance() * 4_000);
      else if (what < 0.4) await reader.skips('60');
      else if (what < 0.7) await reader.presses(pick(LOOKS));
      else await reader.presses(pick(DEEDS));
      // What does not end by itself.
      if (reader.session.is_busy()) await reader.presses('\x03');
    }
  }
}

/** Numbers from 0 to 1, the same for the same seed. */
function chances(seed) {
  let state = seed * 2_654_435_761;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const lessonOf = (page) => JSON.parse(/class="tn-lesson-data">(.*?)<\/script>/s.exec(page)[1]);

async function play(page, come) {
  const lesson = lessonOf(page);
  // Some wait and look at everything, some go on at once.
  const hasty = come(lesson);
  for (const deed of deeds(page)) await hasty.does(deed);
  for (const keys of LOOKS) await hasty.presses(keys);
  // Some let the clock run faster when something has begun.
  const quick = come(lesson);
  for (const deed of deeds(page)) {
    await quick.does(deed);
    if (deed.run?.includes('apply')) for (const times of [60, 10, 1]) await quick.hurries(times, 3_000);
  }
  for (const far of ['60', 'morning']) await quick.skips(far);
  const reader = come(lesson);
  for (const deed of deeds(page)) {
    await reader.does(deed);
    if (!deed.run?.includes('apply')) continue;
    await reader.passes(20_000);
    for (const keys of LOOKS) await reader.presses(keys);
  }
  reader.expect(lesson);
  const file = lesson.files[0];
  await reader.writesInTheEditor(file);
  for (const keys of HABITS) await reader.presses(keys);
  for (const [number, mistake] of MISTAKES.entries()) {
    reader.session.insert(`wrong-${number}.yaml`, mistake(file.content));
    await reader.presses(`kubectl apply -f wrong-${number}.yaml\r`);
  }
  await reader.pressesEverything();
  await reader.presses('kubectl delete jobs --all\r');
  reader.session.paste('echo one\necho two\n');
  await reader.settles();
  await reader.movesInTime();
  const again = come(lesson, reader.session.save());
  if (again.session.trouble()) throw new Error(again.session.trouble());
  await again.presses('kubectl get pods\r');
}

/** What the text offers to run and to insert, in its order. */
function deeds(page) {
  const found = page.matchAll(/data-run="([^"]*)"|<code class="language-\w+">([^<]*)<\/code><\/pre>\s*<button[^>]*data-insert="([^"]*)"/g);
  return [...found].map(([, run, content, name]) => (name ? { name: plain(name), content: plain(content) } : { run: plain(run) }));
}

const plain = (html) => html.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

/** A session on a stage; with `chance`, frames are of any length, and now and then there is no time for all of their work. */
class Reader {
  constructor(Session, place, written, lesson, saved, chance = null) {
    this.steps = [];
    this.frames = 0;
    this.chance = chance;
    let now = 0;
    const host = {
      terminal: (bytes) => written.update(bytes),
      steps: (json) => (this.steps = JSON.parse(json)),
      notice: () => {},
      clock: () => (now += chance ? chance() ** 4 * 9 : 0),
      changed: () => {},
    };
    this.session = new Session(JSON.stringify({ seed: 0, speed: 0, files: [], lesson, words: WORDS }), saved, host);
    this.session.resize(90, 28);
    this.session.show_terminal();
    this.places = ['mount_diagram', 'mount_time', 'mount_steps'].map((mount) => {
      const element = place('div');
      this.session[mount](element);
      return element;
    });
    this.session.set_width(497.33);
  }

  /** A frame, and what the views make of it. */
  async frame() {
    const passed = this.chance ? 5 + this.chance() ** 3 * 400 : FRAMES[this.frames % FRAMES.length];
    this.frames++;
    this.session.frame(passed);
    await new Promise(setImmediate);
    // As the page does, now and then; and whoever listens asks for the texts at any moment.
    if (this.frames % 7 === 0) this.session.save();
    if (this.frames % 3 === 0) this.session.picture_text();
    if (this.frames % 5 === 0) this.session.story_text();
    return passed;
  }

  async passes(milliseconds) {
    for (let passed = 0; passed < milliseconds; ) passed += await this.frame();
  }

  async settles() {
    for (let passed = 0; passed < LONGEST && this.session.is_busy(); ) passed += await this.frame();
  }

  /** Keys, and what they start: until it ends, or for a while when it would not. */
  async presses(keys) {
    this.session.key(keys);
    if (/(-w|--watch|done)\r$/.test(keys)) await this.passes(3_000);
    else await this.settles();
    await this.frame();
  }

  async does({ run, name, content }) {
    if (run?.startsWith('nano ')) return this.opens(run);
    if (name) this.session.insert(name, content);
    else this.session.run(run);
    if (this.editing) await this.saves();
    await this.settles();
    await this.passes(250);
    this.session.picture_text();
    this.session.story_text();
  }

  async opens(command) {
    this.session.run(command);
    await this.frame();
    this.editing = true;
  }

  async saves() {
    for (const keys of ['\x0f', '\r', '\x18']) await this.sends(keys);
    this.editing = false;
  }

  async sends(keys) {
    this.session.key(keys);
    await this.frame();
  }

  async hurries(times, milliseconds) {
    const speed = controls(this.places).find(({ attributes }) => attributes.get('aria-label') === `${times} times as fast`);
    if (!speed) throw new Error(`there is no control for ${times} times as fast`);
    speed.fire('change');
    await this.passes(milliseconds);
    this.session.picture_text();
  }

  async skips(far) {
    const list = controls(this.places).find(({ nodeName }) => nodeName === 'select');
    list.value = far;
    list.fire('change');
    await this.passes(1_000);
  }

  async pressesEverything() {
    for (const control of controls(this.places)) {
      for (const [type, fields] of [['click'], ['keydown', { key: 'Enter' }], ['keydown', { key: 'a' }], ['change'], ['input']]) {
        control.value = '3.5';
        control.fire(type, fields);
        await this.frame();
        await this.frame();
      }
    }
    // The controls have wound the clock back, halted it, and sped it up.
    const named = (name) => controls(this.places).find(({ attributes }) => attributes.get('aria-label') === name);
    named('Run')?.fire('click');
    named('1 times as fast').fire('change');
    await this.passes(2_000);
  }

  async writesInTheEditor({ name, content }) {
    await this.opens('nano new.yaml');
    for (const key of content.replaceAll('\n', '\r')) this.session.key(key);
    this.session.insert(name, content);
    this.session.paste('# pasted\n# twice\n');
    const moves = ['\x1b[A', '\x1b[B', '\x1b[C', '\x1b[D', '\x1b[H', '\x1b[F', '\x1b[5~', '\x1b[6~', '\x1b[3~', '\x0b', '\x0b', '\x15', '\x7f', '\x07', '\x18', '\x17', 'kind', '\r', '\x1bu', '\x1be'];
    for (const keys of [...moves, '\x0f', '\r', 'x', '\x18', 'n']) await this.sends(keys);
    this.editing = false;
    await this.settles();
  }

  async movesInTime() {
    const { session } = this;
    session.pause();
    for (let step = 0; step < 5; step++) session.step();
    session.step_back();
    await this.frame();
    session.toggle();
    await this.passes(2_000);
    session.resize(40, 12);
    session.set_width(300);
    session.show_terminal();
  }

  /** What was played has to have been the lesson. */
  expect(lesson) {
    const open = this.steps.filter(({ done }) => !done).map(({ id }) => id);
    if (open.length > this.steps.length / 2) throw new Error(`the rehearsal of ${lesson.name} ticks too little; left: ${open}`);
  }
}
