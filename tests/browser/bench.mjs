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

for (const kind of ['Deployment', 'Job']) {
  for (const count of [10, 100, 1000]) {
    const page = await open(browser, SITE + LESSON);
    await lab(page);
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

for (const count of [10, 100, 1000]) {
  const page = await open(browser, SITE + LESSON);
  const hands = await lab(page);
  await hands.speed(60);
  const measured = await page.evaluate(
    ([text, wanted]) =>
      new Promise((resolve) => {
        const { session } = document.querySelector('tabernetes-lab');
        let longest = 0;
        const timed = (call) => {
          const start = performance.now();
          call();
          longest = Math.max(longest, performance.now() - start);
        };
        const frame = session.frame.bind(session);
        const began = performance.now();
        session.frame = (milliseconds) => {
          timed(() => frame(milliseconds));
          const total = performance.now() - began;
          if (!session.picture_text().includes(wanted) && total < 60_000) return;
          delete session.frame;
          resolve({ total: total < 60_000 ? total : Infinity, longest });
        };
        session.insert('many.yaml', text);
        timed(() => session.run('kubectl apply -f many.yaml'));
      }),
    [job(count), `Job many: ${count}/${count}`],
  );
  print('Job, in the whole page', count, measured);
  await page.context().close();
}
await browser.close();
