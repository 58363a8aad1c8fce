// How long many Pods take in the browser, at full clock speed: from apply to all Ready or Complete, and the longest time
// that one frame held the page up. First the engine alone, then the whole page with picture and terminal.
// `cargo xtask bench` starts it.

import { LESSON, SITE, lab, launch, open } from './browser.mjs';

const job = (count) => `apiVersion: batch/v1
kind: Job
metadata: {name: many}
spec:
  completions: ${count}
  parallelism: ${count}
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: "busybox:1.36", command: ["sh", "-c", "echo done"]}]
`;

const browser = await launch();
const print = (name, count, { total, longest }) => {
  const took = Number.isFinite(total) ? `${total.toFixed(0)} ms` : 'never done';
  console.log(`${name.padEnd(24)} ${String(count).padStart(5)} Pods  ${took.padStart(9)}  longest frame ${longest.toFixed(0)} ms`);
};

/** A page as a reader has it after a moment: all has come, and it has warmed up. */
async function atRest() {
  const page = await open(browser, SITE + LESSON);
  await lab(page);
  await page.waitForFunction(() => performance.getEntriesByName('tabernetes-warm').length);
  return page;
}

for (const kind of ['Deployment', 'Job']) {
  for (const count of [10, 100, 1000]) {
    const page = await atRest();
    const measured = await page.evaluate(
      async ([isJob, pods]) => {
        const loaded = performance.getEntriesByType('resource').map(({ name }) => name);
        const { PageBench } = await import(loaded.find((name) => name.endsWith('/tabernetes-web.js')));
        const bench = new PageBench(isJob, pods);
        // The page breathes between two frames, without waiting for the screen.
        const channel = new MessageChannel();
        const breath = () =>
          new Promise((resolve) => {
            channel.port1.onmessage = resolve;
            channel.port2.postMessage(0);
          });
        const began = performance.now();
        for (let longest = 0; ; ) {
          const start = performance.now();
          const done = bench.frame();
          longest = Math.max(longest, performance.now() - start);
          if (done) return { total: performance.now() - began, longest };
          if (bench.is_stuck()) return { total: Infinity, longest };
          await breath();
        }
      },
      [kind === 'Job', count],
    );
    print(kind, count, measured);
    await page.context().close();
  }
}

// The clock is put forward as a reader would do it; a frame is what passes from one to the next, drawing and all.
for (const count of [10, 100, 1000]) {
  const page = await atRest();
  const measured = await page.evaluate(
    ([text, wanted]) =>
      new Promise((resolve) => {
        const element = document.querySelector('tabernetes-lab');
        const { session } = element;
        const skip = element.querySelector('tabernetes-time').shadowRoot.querySelector('.skip');
        const began = performance.now();
        let longest = 0;
        let last = began;
        const frame = session.frame.bind(session);
        session.frame = (milliseconds) => {
          const now = performance.now();
          longest = Math.max(longest, now - last);
          last = now;
          frame(milliseconds);
          const total = performance.now() - began;
          if (!session.picture_text().includes(wanted) && total < 60_000) return;
          delete session.frame;
          requestAnimationFrame((now) => resolve({ total: total < 60_000 ? total : Infinity, longest: Math.max(longest, now - last) }));
        };
        session.insert('many.yaml', text);
        session.run('kubectl apply -f many.yaml');
        skip.value = '600';
        skip.dispatchEvent(new Event('change', { bubbles: true }));
      }),
    [job(count), `Job many: ${count}/${count}`],
  );
  print('Job, in the whole page', count, measured);
  await page.context().close();
}
await browser.close();
