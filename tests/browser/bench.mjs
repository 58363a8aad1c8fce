// How long many Pods take in the page itself, at its fastest clock: from `kubectl apply` to all Ready or Complete, and
// the longest time that one frame held the page up. `cargo xtask bench` starts it.

import { LESSON, SITE, lab, launch, open } from './browser.mjs';

const manifest = {
  Deployment: (count) => `apiVersion: apps/v1
kind: Deployment
metadata: {name: many}
spec:
  replicas: ${count}
  selector: {matchLabels: {app: many}}
  template:
    metadata: {labels: {app: many}}
    spec:
      containers: [{name: c, image: nginx}]
`,
  Job: (count) => `apiVersion: batch/v1
kind: Job
metadata: {name: many}
spec:
  completions: ${count}
  parallelism: ${count}
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: "busybox:1.36", command: ["sh", "-c", "echo done"]}]
`,
};

const browser = await launch();
for (const kind of Object.keys(manifest)) {
  for (const count of [10, 100, 1000]) {
    const page = await open(browser, SITE + LESSON);
    const hands = await lab(page);
    await hands.speed(60);
    const measured = await page.evaluate(
      ([text, wanted]) =>
        new Promise((resolve) => {
          const { session } = document.querySelector('tabernetes-lab');
          let longest = 0;
          const timed = (call) => (...given) => {
            const start = performance.now();
            call(...given);
            longest = Math.max(longest, performance.now() - start);
          };
          const frame = session.frame.bind(session);
          const start = performance.now();
          session.frame = timed((milliseconds) => {
            frame(milliseconds);
            const waited = performance.now() - start;
            if (session.picture_text().includes(wanted) || waited > 120_000) {
              delete session.frame;
              resolve({ seconds: waited / 1000, longest });
            }
          });
          session.insert('many.yaml', text);
          timed(() => session.run('kubectl apply -f many.yaml'))();
        }),
      [manifest[kind](count), `${kind} many: ${count}/${count}`],
    );
    const took = measured.seconds > 119 ? 'not within 120' : measured.seconds.toFixed(2);
    console.log(`${kind.padEnd(10)} ${String(count).padStart(5)} Pods  ${took} s  longest frame ${measured.longest.toFixed(0)} ms`);
    await page.context().close();
  }
}
await browser.close();
