// The page in a headless browser: plays the whole lesson by typing keys, reads terminal and picture, goes offline, embeds
// labs in a foreign page. `cargo xtask test` starts it. Prints `N passed, M failed`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { DIST, FOREIGN, LESSON, SITE, axe, lab, launch, open, openGated, shot, switchable } from './browser.mjs';

const only = process.argv.slice(2);
const tests = [];
const test = (name, run) => tests.push({ name, run });

const JOB = `apiVersion: batch/v1
kind: Job
metadata:
  name: hello-job
spec:
  template:
    spec:
      containers:
      - name: hello
        image: busybox:1.36
        command: ["sh", "-c", "echo Hello from a Job && sleep 2"]
      restartPolicy: Never
`;

test('the lesson can be read, and its quizzes answered, without any script', async (browser) => {
  const page = await open(browser, SITE + LESSON, { javaScriptEnabled: false });
  assert.equal(await page.locator('h1').textContent(), 'What is a Job');
  const answer = page.locator('.tn-quiz-answer').first();
  assert.equal(await answer.locator('div').isVisible(), false);
  await answer.locator('summary').click();
  assert.equal(await answer.locator('div').isVisible(), true);
  assert.equal(await page.locator('.tn-run').first().isVisible(), false, 'buttons that need a script are hidden');
  const right = page.locator('.tn-choice[data-right=true]').first();
  await right.locator('input').check();
  assert.equal(await right.locator('.tn-verdict').isVisible(), true);
  assert.ok(await page.locator('tabernetes-diagram svg').isVisible(), 'the first picture is in the page');
  await shot(page, 'without-script');
});

test('nothing moves when the module arrives', async (browser) => {
  const page = await open(browser, SITE + LESSON);
  const column = await page.locator('.tn-lab-column').boundingBox();
  await lab(page);
  await page.waitForTimeout(500);
  assert.deepEqual(await page.locator('.tn-lab-column').boundingBox(), column);
  const shift = await page.evaluate(
    () =>
      new Promise((resolve) => {
        new PerformanceObserver((list) =>
          resolve(list.getEntries().reduce((sum, entry) => sum + entry.value, 0)),
        ).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => resolve(0), 300);
      }),
  );
  assert.ok(shift < 0.02, `the page shifted by ${shift}`);
});

test('the whole lesson is played by typing keys, and needs nothing but the first part of the engine', async (browser) => {
  const page = await openGated(browser, SITE + LESSON, { fetch: false, xhr: false });
  const hands = await lab(page);
  assert.equal(await hands.run('kubectl get jobs'), 'No resources found in default namespace.');

  await hands.type('nano hello-job.yaml');
  await hands.press('Enter');
  await hands.until('terminal', /GNU nano/);
  // nano indents nothing by itself, so what is typed is what is saved.
  await hands.type(JOB.trimEnd());
  await shot(page, 'nano');
  await hands.press('Control+o', 'Enter', 'Control+x');
  await hands.settled();
  assert.equal(`${await hands.run('cat hello-job.yaml')}\n`, JOB);

  const seen = await hands.everyPicture();
  assert.equal(await hands.run('kubectl apply -f hello-job.yaml'), 'job.batch/hello-job created');
  await hands.until('picture', /Pod hello-job-\w{5}: Succeeded/);
  const stations = (await seen()).flatMap((picture) => /Pod hello-job-\w{5}: (\w+)/.exec(picture)?.[1] ?? []);
  // Pending lasts for some milliseconds only: no frame has to show it.
  assert.deepEqual([...new Set(stations)].filter((station) => station !== 'Pending'), ['ContainerCreating', 'Running', 'Succeeded']);
  assert.match(await hands.pictureDom(), /Job hello-job: .*Pod hello-job-\w{5}: Succeeded, exit 0/s);

  assert.equal(
    await hands.run('kubectl wait --for=condition=complete job/hello-job --timeout=60s'),
    'job.batch/hello-job condition met',
  );
  assert.match(await hands.run('kubectl get jobs'), /hello-job +Complete +1\/1/);
  assert.match(await hands.run('kubectl get pods'), /hello-job-\w{5} +0\/1 +Completed +0/);
  assert.equal(await hands.run('kubectl logs job/hello-job'), 'Hello from a Job');
  assert.match(await hands.run('kubectl describe job hello-job'), /Completed\s+\d+s\s+job-controller\s+Job completed/);
  assert.match(await hands.run('kubectl get events'), /SuccessfulCreate/);
  await shot(page, 'desktop-1440');

  // The contrast: what refills, and what is refused.
  await page.locator('.tn-insert[data-insert="always-on.yaml"]').click();
  await hands.settled();
  assert.match(await hands.run('kubectl apply -f always-on.yaml'), /deployment.apps\/greeter created/);
  await hands.speed(60);
  await hands.until('picture', /Pod greeter-\S+: Running.*[1-9] restart/);
  await hands.speed(1);
  const replaced = await hands.run('kubectl delete pod -l app=greeter', 60_000);
  assert.match(replaced, /pod "greeter-\S+" deleted/);
  assert.match(await hands.run('kubectl get pods -l app=greeter'), /greeter-/);
  assert.match(await hands.run('kubectl delete -f always-on.yaml', 60_000), /daemonset.apps "on-every-node" deleted/);

  await page.locator('.tn-insert[data-insert="always-job.yaml"]').click();
  await hands.settled();
  assert.match(
    (await hands.run('kubectl apply -f always-job.yaml')).replaceAll('\n', ''),
    /The Job "always-job" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"/,
  );

  await page.locator('.tn-insert[data-insert="failing-jobs.yaml"]').click();
  await hands.settled();
  await hands.run('kubectl apply -f failing-jobs.yaml');
  await hands.speed(10);
  await hands.until('picture', /Pod same-pod-\w{5}: .*[1-9] restart/);
  const failing = await hands.until('picture', /(Pod new-pod-\w{5}: Failed.*\n[^]*){2}/);
  assert.match(failing, /exit 1/);
  await hands.speed(1);
  await shot(page, 'failures');

  const deleted = await hands.run('kubectl delete job hello-job same-pod new-pod', 60_000);
  assert.match(deleted, /job.batch "hello-job" deleted/);
  await hands.speed(60);
  await hands.until('picture', /Nothing runs here yet/);
  await hands.speed(1);
  assert.equal(await hands.run('kubectl get pods'), 'No resources found in default namespace.');

  await hands.run(`sed -e 's/hello-job/report/' -e 's/^spec:/spec:\\n  backoffLimit: 1/' hello-job.yaml > report.yaml`);
  await hands.run('kubectl apply -f report.yaml');
  await hands.run('kubectl wait --for=condition=complete job/report --timeout=60s', 60_000);
  await page.waitForFunction(() => document.querySelectorAll('.tn-step:not(.tn-done)').length === 0, null, { timeout: 5_000 });
  assert.match(await page.locator('.tn-contents [aria-current] .tn-progress').textContent(), /8 of 8/);
  assert.ok(!page.asked.includes('xhr'), 'the rest was asked for');
  assert.deepEqual(page.problems, []);
});

const RARE = 'kubectl create cronjob tick --image=busybox:1.36 --schedule="* * * * *" -- date';

test('a rare command waits for the rest of the engine when it has not come yet', async (browser) => {
  const page = await openGated(browser, SITE + LESSON, { fetch: false, xhr: true });
  const hands = await lab(page);
  assert.equal(await hands.run(RARE), 'cronjob.batch/tick created');
  assert.ok(page.asked.includes('xhr'), 'it was loaded in the middle of the command');
  assert.match(await hands.run('kubectl get cronjobs'), /tick +\* \* \* \* \*/);
  assert.equal(page.asked.filter((kind) => kind === 'xhr').length, 1);
  assert.deepEqual(page.problems, []);
});

test('a rare command finds the rest of the engine there, loaded when nothing waited for it', async (browser) => {
  const page = await openGated(browser, SITE + LESSON, { fetch: true, xhr: false });
  const arrived = page.waitForResponse('**/tabernetes-rest.wasm');
  const hands = await lab(page);
  await arrived;
  await page.waitForTimeout(1_000);
  assert.equal(await hands.run(RARE), 'cronjob.batch/tick created');
  assert.deepEqual(page.asked, ['fetch']);
  assert.deepEqual(page.problems, []);
});

test('a rare command that cannot be loaded is said, and a reload with a network has everything back', async (browser) => {
  const page = await openGated(browser, SITE + LESSON, { fetch: false, xhr: false });
  let hands = await lab(page);
  await hands.run('echo kept > note.txt');
  await page.waitForTimeout(700);
  await hands.type(RARE);
  await hands.press('Enter');
  const banner = page.locator('tabernetes-lab .banner');
  await banner.getByText(/part of the engine could not be loaded.*network.*are kept/).waitFor();
  // Still without it: nothing that was kept may be given up.
  await page.reload();
  await banner.getByText(/could not be loaded/).waitFor();
  page.gate = { fetch: true, xhr: true };
  await banner.getByRole('button', { name: 'Try again' }).click();
  hands = await lab(page);
  await hands.press('Control+c');
  assert.equal(await hands.run('cat note.txt'), 'kept');
});

test('a click on a command types it and runs it; pasted text arrives as it is', async (browser) => {
  const page = await open(browser, SITE + LESSON);
  const hands = await lab(page);
  await page.locator('.tn-run[data-run="kubectl get jobs"]').first().click();
  await hands.until('terminal', /\$ kubectl get jobs\nNo resources found in default namespace\./);
  await page.evaluate(() => {
    const data = new DataTransfer();
    data.setData('text/plain', 'echo pasted as it is');
    const target = document.querySelector('tabernetes-terminal').shadowRoot.querySelector('textarea');
    target.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, composed: true, cancelable: true }));
  });
  await hands.until('terminal', /\$ echo pasted as it is/);
  await hands.press('Enter');
  await hands.until('terminal', /\npasted as it is\n/);
});

test('keys edit the line: history, search, completion, interrupt', async (browser) => {
  const page = await open(browser, SITE + LESSON);
  const hands = await lab(page);
  await hands.run('echo first');
  await hands.press('ArrowUp', 'Home');
  await hands.press('Control+k');
  await hands.type('echo sec');
  await hands.press('Control+a', 'End');
  await hands.type('ond');
  await hands.press('Enter');
  await hands.until('terminal', /\nsecond\n/);
  await hands.press('Control+r');
  await hands.type('fir');
  await hands.press('Enter');
  await hands.until('terminal', /first\n[^]*\nfirst\n/);
  await hands.type('kubectl get names');
  await hands.press('Tab', 'Enter');
  await hands.until('terminal', /kube-system/);
  await hands.type('while true; do :; done');
  await hands.press('Enter');
  await page.waitForTimeout(400);
  assert.equal(await page.evaluate(() => document.querySelector('tabernetes-lab').session.is_busy()), true);
  await hands.press('Control+c');
  await hands.settled(5_000);
  assert.equal(await hands.run('echo alive'), 'alive');
  assert.deepEqual(page.problems, []);
});

test('time can be halted, stepped, hurried and dragged back', async (browser) => {
  const page = await open(browser, SITE + LESSON);
  const hands = await lab(page);
  const clock = () => page.evaluate(() => Number(document.querySelector('tabernetes-time').shadowRoot.querySelector('input[type=range]').value));
  await hands.run('kubectl create job one --image=busybox:1.36 -- sleep 3');
  await hands.until('picture', /Pod one-\w{5}: Succeeded/);
  // Space halts, wherever nothing wants to be typed into.
  await page.locator('h1').click();
  await page.keyboard.press(' ');
  await page.waitForTimeout(250);
  const halted = await clock();
  await page.waitForTimeout(400);
  assert.equal(await clock(), halted);
  await page.keyboard.press('.');
  await page.waitForTimeout(200);
  assert.ok((await clock()) >= halted, 'a step goes on to the next event');
  // Drag to the start: picture and terminal are as they were.
  const bar = page.locator('tabernetes-time input[type=range]');
  await bar.fill('0');
  await hands.until('picture', /Nothing runs here yet/);
  assert.doesNotMatch(await hands.terminal(), /job.batch\/one created/);
  await bar.fill(String(halted));
  await hands.until('picture', /Pod one-\w{5}: Succeeded/);
  assert.match(await hands.terminal(), /job.batch\/one created/);
  // Nothing is lost by starting over.
  const time = page.locator('tabernetes-time');
  await time.getByRole('button', { name: /^Start over/ }).click();
  await hands.until('picture', /Nothing runs here yet/);
  await time.getByRole('button', { name: /^Undo/ }).click();
  await hands.until('picture', /Pod one-\w{5}: Succeeded/);
  assert.deepEqual(page.problems, []);
});

test('a line of the story opens the Events and the object behind it', async (browser) => {
  const page = await open(browser, SITE + LESSON);
  const hands = await lab(page);
  await hands.run('kubectl create job one --image=busybox:1.36 -- true');
  await hands.until('picture', /Pod one-\w{5}: Succeeded/);
  const diagram = page.locator('tabernetes-diagram');
  assert.match(await diagram.locator('.story').textContent(), /job-controller.*scheduler|scheduler.*job-controller/s);
  await diagram.locator('.story button', { hasText: 'bound to' }).first().click();
  const inspector = diagram.locator('.inspector');
  assert.match(await inspector.textContent(), /scheduler did this.*Scheduled.*Successfully assigned default\/one-.*kind: Pod/s);
  await inspector.getByRole('button', { name: /kubectl describe pod/ }).click();
  await hands.until('terminal', /\$ kubectl describe pod one-/);
  await inspector.getByRole('button', { name: 'Close the inspector' }).click();
  await diagram.getByRole('button', { name: /^Pod one-/ }).focus();
  await page.keyboard.press('Enter');
  // It follows what happens: the kubelet reports a Pod's end a moment after its container's.
  await inspector.locator('pre', { hasText: 'phase: Succeeded' }).waitFor();
});

test('cluster, files, history and steps are back after a reload', async (browser) => {
  const page = await open(browser, SITE + LESSON);
  let hands = await lab(page);
  await hands.run('echo kept > note.txt');
  await hands.run('kubectl create job hello-job --image=busybox:1.36 -- true');
  await hands.until('picture', /Pod hello-job-\w{5}: Succeeded/);
  await hands.run('kubectl wait --for=condition=complete job/hello-job');
  const pods = (await hands.run('kubectl get pods -o name')).trim();
  await page.waitForTimeout(700);
  await page.reload();
  hands = await lab(page);
  assert.match(await hands.terminal(), /kubectl get pods -o name/, 'the screen is as it was');
  assert.equal(await hands.run('cat note.txt'), 'kept');
  assert.equal((await hands.run('kubectl get pods -o name')).trim(), pods);
  await hands.press('Control+r');
  await hands.type('wait');
  await hands.press('Enter');
  await hands.until('terminal', /condition met[^]*condition met/);
  assert.ok((await page.locator('.tn-step.tn-done').count()) >= 2);
  assert.deepEqual(page.problems, []);
});

test('progress is saved to a file, forgotten, and taken from the file', async (browser) => {
  const page = await open(browser, SITE + LESSON);
  let hands = await lab(page);
  await hands.run('echo mine > note.txt');
  await hands.run('kubectl create job hello-job --image=busybox:1.36 -- true');
  await page.locator('.tn-step.tn-done').first().waitFor();
  await page.waitForTimeout(700);
  const box = page.locator('.tn-contents .tn-keep');
  await box.locator('summary').click();
  await box.getByText(/0 of \d+ lessons are done/).waitFor();
  const saving = page.waitForEvent('download');
  await box.getByRole('button', { name: 'Save to a file' }).click();
  const file = await (await saving).path();
  page.once('dialog', (dialog) => dialog.accept());
  await box.getByRole('button', { name: 'Forget everything' }).click();
  await page.waitForFunction(() => document.querySelector('tabernetes-lab')?.session && !document.querySelector('.tn-step.tn-done'));
  hands = await lab(page);
  assert.match(await hands.run('cat note.txt'), /No such file/);
  await box.locator('summary').click();
  const load = async (chosen) => {
    const choosing = page.waitForEvent('filechooser');
    await box.getByRole('button', { name: 'Load from a file' }).click();
    await (await choosing).setFiles(chosen);
  };
  await load({ name: 'other.json', mimeType: 'application/json', buffer: Buffer.from('{"a": 1}') });
  await box.getByText('holds no progress').waitFor();
  await load({ name: 'mine.json', mimeType: 'application/json', buffer: readFileSync(file) });
  await page.locator('.tn-step.tn-done').first().waitFor();
  hands = await lab(page);
  assert.equal(await hands.run('cat note.txt'), 'mine');
  assert.deepEqual(page.problems, []);
});

test('what was kept and cannot be read is said and not thrown away', async (browser) => {
  const page = await open(browser, SITE + LESSON);
  await lab(page);
  await page.evaluate(() => document.querySelector('tabernetes-lab').session.pause());
  await page.waitForTimeout(700);
  const key = await page.evaluate(() => Object.keys(localStorage).find((name) => name.startsWith('tabernetes:lab:')));
  await page.context().addInitScript(([name]) => {
    if (!sessionStorage.damaged) localStorage.setItem(name, 'damaged');
    sessionStorage.damaged = 'yes';
  }, [key]);
  await page.reload();
  const hands = await lab(page);
  assert.match(await page.locator('tabernetes-lab .banner').textContent(), /could not be taken up again/);
  assert.equal(await page.evaluate(() => Object.values(localStorage).includes('damaged')), true);
  assert.equal(await hands.run('echo fresh'), 'fresh');
});

test('after the first visit everything works without a network', async (browser) => {
  const host = await switchable(DIST);
  const page = await open(browser, host.url + LESSON);
  let hands = await lab(page);
  await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) {
      await new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }));
    }
  });
  await hands.run('echo before > file');
  await page.waitForTimeout(700);
  await host.off();
  await page.context().setOffline(true);
  await page.reload();
  hands = await lab(page);
  assert.equal(await hands.run('cat file'), 'before');
  assert.match(await hands.run('kubectl get nodes'), /controlplane +Ready/);
  assert.equal(await hands.run(RARE), 'cronjob.batch/tick created');
  await page.goto(host.url);
  assert.ok((await page.locator('.tn-card').count()) >= 1, 'the index is there too');
  await page.locator('.tn-card a').nth(1).click();
  await lab(page);
});

test('two labs in a foreign page have clusters of their own and keep their looks', async (browser) => {
  const page = await open(browser, `${FOREIGN}?site=${encodeURIComponent(SITE)}`);
  const first = await lab(page, '#first');
  const second = await lab(page, '#second');
  assert.match(await first.run('ls'), /count.yaml/);
  await first.run('kubectl apply -f count.yaml');
  await first.until('picture', /Pod count-\w{5}: Succeeded/);
  assert.equal(await first.run('kubectl logs job/count'), '1\n2\n3');
  assert.equal(await second.run('kubectl get jobs'), 'No resources found in default namespace.');
  assert.match(await second.picture(), /Nothing runs here yet/);
  await second.run('kubectl create job hello-job --image=busybox:1.36 -- true');
  await second.until('picture', /Job hello-job: 1\/1/);
  const steps = page.locator('#second tabernetes-steps');
  await steps.getByText('(done)').first().waitFor({ state: 'attached' });
  assert.doesNotMatch(await first.picture(), /hello-job/);
  const look = await page.evaluate(() => {
    const root = document.querySelector('#first tabernetes-time').shadowRoot;
    const svg = document.querySelector('#first tabernetes-diagram').shadowRoot.querySelector('svg');
    const { textTransform, backgroundColor } = getComputedStyle(root.querySelector('button'));
    return { textTransform, backgroundColor, wide: svg.getBoundingClientRect().width > 300 };
  });
  assert.deepEqual(look, { textTransform: 'none', backgroundColor: 'rgba(0, 0, 0, 0)', wide: true });
  const leaked = await page.evaluate(() => document.documentElement.className + (document.querySelector('.tn-update') ? 'update' : ''));
  assert.equal(leaked, '', 'the page around the labs is left alone');
  assert.deepEqual(await axe(page), []);
  await page.locator('#first').scrollIntoViewIfNeeded();
  await shot(page, 'embedded');
  assert.deepEqual(page.problems, []);
});

/** All that a lab says by itself: texts and labels in the shadow roots of its parts, without what the terminal shows. */
const said = (page) =>
  page.evaluate(() => {
    const parts = document.querySelectorAll('tabernetes-lab, tabernetes-diagram, tabernetes-time, tabernetes-steps');
    const roots = [...parts].map((part) => part.shadowRoot);
    const keys = document.querySelector('tabernetes-terminal').shadowRoot.querySelector('.keys');
    const words = [];
    for (const element of [...roots, keys].flatMap((root) => [...root.querySelectorAll('*'), root])) {
      for (const name of ['aria-label', 'title']) words.push(element.getAttribute?.(name));
      for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) words.push(node.data.trim());
    }
    return words.filter(Boolean);
  });

test('a German page is German all through, and no page loads the words of another language', async (browser) => {
  const words = JSON.parse(readFileSync(new URL('../../www/words.json', import.meta.url), 'utf8'));
  const english = new Set(Object.values(words).filter(({ en, de }) => en !== de).map(({ en }) => en));
  const listening = (asked) => ({ serviceWorkers: 'block', before: (page) => page.on('request', (request) => asked.push(request.url())) });
  const [here, there] = [[], []];
  const page = await open(browser, `${SITE}de/${LESSON}`, listening(here));
  const hands = await lab(page);
  assert.match(await hands.picture(), /Hier läuft noch nichts/);
  await hands.run('kubectl create job eins --image=busybox:1.36 -- true');
  await hands.until('story', /Job eins zählt 1 von 1 mit Erfolg/);
  await page.locator('tabernetes-diagram').getByRole('button', { name: 'Job eins: 1/1. Untersuchen' }).click();
  assert.deepEqual((await said(page)).filter((text) => english.has(text)), [], 'no English word stands in the lab');
  assert.deepEqual(await axe(page), []);
  await shot(page, 'german');
  assert.equal(here.filter((url) => url.endsWith('/words.de.json')).length, 1, 'loaded once');
  const other = await open(browser, SITE + LESSON, listening(there));
  await lab(other);
  assert.deepEqual(there.filter((url) => url.includes('/words.')), []);
  // In a page of another language a lab speaks what its own attribute says.
  await other.evaluate(() => document.body.append(Object.assign(document.createElement('tabernetes-lab'), { id: 'deutsch', lang: 'de' })));
  const embedded = await lab(other, '#deutsch');
  assert.match(await embedded.picture(), /Hier läuft noch nichts/);
  assert.deepEqual([...page.problems, ...other.problems], []);
});

test('who asks what is missing is told the first thing that is wrong, and a try is made on a copy', async (browser) => {
  const page = await open(browser, `${SITE}lessons/35-indexed-jobs/index.html`);
  const hands = await lab(page);
  const step = page.locator('.tn-step[data-step=squares]');
  const missing = async () => {
    await step.getByRole('button', { name: 'What is missing?' }).click();
    return step.getByRole('status').textContent();
  };
  const apply = async (change) => {
    const file = await page.locator('[data-file="squares.yaml"] pre code').textContent();
    await page.evaluate((text) => document.querySelector('tabernetes-lab').insert('squares.yaml', text), change(file));
    await hands.run('kubectl replace --force -f squares.yaml --grace-period=1');
    await hands.run('kubectl wait --for=condition=complete job/squares --timeout=60s');
  };
  await hands.speed(10);
  assert.match(await missing(), /The Job squares is not there/);
  await apply((file) => file.replace('completions: 5', 'completions: 4').replace('parallelism: 5', 'parallelism: 4'));
  assert.equal(await missing(), 'Five indexes are completions 5.');
  await apply((file) => file.replace('* JOB', '+ JOB'));
  assert.equal(await missing(), 'The Pod with the index 4 does not print 16.');
  await apply((file) => file);
  await page.locator('.tn-step.tn-done[data-step=squares]').waitFor({ timeout: 20_000 });
  assert.equal(await step.getByRole('button').count(), 0, 'who is done is not asked');
  assert.deepEqual(page.problems, []);
});

for (const [name, options] of Object.entries({
  'desktop, light': { colorScheme: 'light' },
  'desktop, dark': { colorScheme: 'dark' },
  'desktop, more contrast': { contrast: 'more' },
  'tablet, 768 px': { viewport: { width: 768, height: 1024 } },
  'telephone, 360 px': { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
})) {
  test(`axe finds nothing (${name})`, async (browser) => {
    const page = await open(browser, SITE + LESSON, options);
    const hands = await lab(page);
    await hands.run('kubectl create job one --image=busybox:1.36 -- sh -c "exit 3"');
    await hands.until('picture', /Pod one-\w{5}: Failed/);
    await hands.run('kubectl get pods');
    await page.waitForTimeout(300);
    await shot(page, name.replace(/[^a-z0-9]+/g, '-'));
    assert.deepEqual(await axe(page), []);
    if (name.startsWith('telephone')) {
      await page.getByRole('tab', { name: 'Picture' }).click();
      await page.waitForTimeout(300);
      await shot(page, 'telephone-picture');
      assert.deepEqual(await axe(page), []);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 360, `the page is ${wide} px wide`);
    }
    await page.goto(SITE);
    assert.deepEqual(await axe(page), []);
    await shot(page, `index-${name.replace(/[^a-z0-9]+/g, '-')}`);
  });
}

test('the keys that a telephone lacks are beside the terminal', async (browser) => {
  const page = await open(browser, SITE + LESSON, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  const hands = await lab(page);
  await hands.type('kubectl get names');
  const keys = page.locator('tabernetes-terminal .keys');
  await keys.getByRole('button', { name: 'Tab' }).tap();
  await hands.until('terminal', /namespaces/);
  await keys.getByRole('button', { name: 'Ctrl' }).tap();
  await page.keyboard.type('c');
  await hands.until('terminal', /\^C/);
  await keys.getByRole('button', { name: 'Up', exact: true }).tap();
});

test('the clock is put forward to the next morning, and what was due has happened', async (browser) => {
  const page = await open(browser, SITE + LESSON);
  const hands = await lab(page);
  await hands.run("kubectl create cronjob dawn --image=busybox:1.36 --schedule='0 5 * * *' -- echo good morning");
  const began = Date.now();
  await hands.skip('to 6:00 in the morning');
  await hands.until('picture', /Job dawn-\d+: 1\/1.*Complete/);
  console.log(`    to the morning in ${Date.now() - began} ms`);
  assert.match(await hands.run('date +%H:%M'), /^06:0[01]$/);
  assert.match(await hands.run('kubectl get cronjobs'), /dawn +0 5 \* \* \* +<none> +False +0 +60m/);
});

test('who wants less motion gets none', async (browser) => {
  const page = await open(browser, SITE + LESSON, { reducedMotion: 'reduce' });
  const hands = await lab(page);
  await hands.run('kubectl create job one --image=busybox:1.36 -- sleep 30');
  await hands.until('picture', /Pod one-\w{5}: Running/);
  const motion = await page.evaluate(() => {
    const root = document.querySelector('tabernetes-diagram').shadowRoot;
    const all = [...root.querySelectorAll('svg.drawing *')].map((element) => getComputedStyle(element));
    return all.filter((style) => style.animationName !== 'none' || parseFloat(style.transitionDuration) > 0).length;
  });
  assert.equal(motion, 0);
});

/** Milliseconds that a Job of 100 Pods takes in a calm browser (`cargo xtask bench`). */
const CALM_JOB = 92;

test('commands answer within 5 ms', async (browser) => {
  const page = await open(browser, SITE + LESSON);
  const hands = await lab(page);
  await hands.run('kubectl create job one --image=busybox:1.36 -- true');
  await hands.until('picture', /Pod one-\w{5}: Succeeded/);
  const batch = () => page.evaluate(() => {
    const { session } = document.querySelector('tabernetes-lab');
    const lines = ['kubectl get pods', 'kubectl get jobs -o wide', 'kubectl describe job one', 'ls', 'kubectl get pods -o yaml', 'kubectl get events', 'echo a | cat'];
    const measured = [];
    for (let round = 0; round < 9; round += 1) {
      for (const line of lines) {
        const start = performance.now();
        session.key(`${line}\r`);
        // What a command waits for on virtual time is not its own; the engine's work for it is.
        for (let frame = 0; session.is_busy() && frame < 200; frame += 1) session.frame(1);
        measured.push(performance.now() - start);
      }
    }
    return measured.sort((a, b) => a - b);
  });
  // A machine that others use too is slower for everything: a Job of 100 Pods, run in the same page, tells by how much.
  const job = () =>
    page.evaluate(async () => {
      const loaded = performance.getEntriesByType('resource').map(({ name }) => name);
      const { PageBench } = await import(loaded.find((name) => name.endsWith('/tabernetes-web.js')));
      const bench = new PageBench(true, 100);
      const start = performance.now();
      while (!bench.frame());
      return performance.now() - start;
    });
  // What else the machine does only adds to the times: the calmest of a few batches counts.
  let best = Infinity;
  for (let batches = 0; batches < 5 && best >= 5; batches += 1) {
    const pace = Math.max(1, (await job()) / CALM_JOB);
    const times = await batch();
    const at = (share) => times[Math.floor((times.length - 1) * share)];
    const [median, most, longest] = [0.5, 0.9, 1].map((share) => at(share).toFixed(2));
    console.log(`    ${times.length} commands: median ${median} ms, nine of ten under ${most} ms, longest ${longest} ms; pace ${pace.toFixed(1)}`);
    best = Math.min(best, at(0.5) / pace);
  }
  assert.ok(best < 5, `the median, at the pace of a calm machine, is ${best.toFixed(2)} ms`);
});

const browser = await launch();
const chosen = tests.filter(({ name }) => only.length === 0 || only.some((part) => name.includes(part)));
let failed = 0;
for (const { name, run } of chosen) {
  const start = Date.now();
  try {
    await run(browser);
    console.log(`  ok    ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`  FAIL  ${name}\n${String(error.stack ?? error).replace(/^/gm, '        ')}`);
    const page = browser.contexts().at(-1)?.pages().at(-1);
    if (page) await shot(page, `failed-${name.replace(/\W+/g, '-')}`).catch(() => {});
    if (page?.problems?.length) console.log(page.problems.map((problem) => `        page: ${problem}`).join('\n'));
  }
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
