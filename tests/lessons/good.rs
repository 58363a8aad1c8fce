//! A lesson without a mistake, and the same in German: what the broken copies are made of.

/// A lesson without mistakes; each case changes one place of it.
pub const GOOD: &str = r#"---
title: A lesson
description: About nothing much.
minutes: 5
seed: 2
speed: 10
workers: 1
images: ["busybox:1.36"]
scripts:
  shop/importer:1.0: exit 3
files: [notes.txt]
manifests: [start.yaml]
setup: [kubectl cordon node01]
settle: 1s
---
Text with a [link](https://kubernetes.io/docs/), [one within](#a-heading), a `kubectl get jobs -o wide` and a CronJob.

## A heading

```yaml file=job.yaml
apiVersion: batch/v1
kind: Job
metadata:
  name: one
spec:
  template:
    spec:
      containers:
      - name: c
        image: busybox:1.36
        command: ["true"]
      restartPolicy: Never
```

```sh run after=2s
kubectl uncordon node01
kubectl apply -f job.yaml
```

```text output
node/node01 uncordoned
job.batch/one created
```

```flow
Pending -> Running
note: And so on.
```

```steps
- id: made
  text: Make the Job `one`.
  checks:
  - resource: jobs
    name: one
    owner:
    condition: Complete
    path: "{.status.succeeded}"
    value: 1
    count: 1
    hint: Make it.
- id: later
  text: See it done.
  after: made
  checks:
  - resource: jobs
    name: one
  try:
    run: kubectl delete job one
    within: 5s
    checks:
    - resource: jobs
      name: one
      count: 0
```

```quiz
? What is right?
- [x] This.
  : Because.
- [ ] That.
  : No.
= All told.
```

Make another.

```steps
- id: two
  text: Make the Job `two`.
  checks:
  - resource: jobs
    name: two
```

```hint
Like the first.
```

````solution
```sh run
kubectl create job two --image=busybox:1.36
```
````

```text
The end.
```
"#;

/// The same lesson in German; `FINGERPRINT` stands for that of the original.
pub const GERMAN: &str = r#"---
title: Eine Lektion
description: Über nicht viel.
of: "FINGERPRINT"
---
Text mit einem [Verweis](https://kubernetes.io/docs/) und [noch einem](#a-heading).

## Eine Überschrift

```yaml file=job.yaml
```

```sh run after=2s
```

```text output
```

```flow
Pending -> Running
note: Und so weiter.
```

```steps
- id: made
  text: Legen Sie den Job `one` an.
  hints: [Legen Sie ihn an.]
- id: later
  text: Sehen Sie ihn fertig.
```

```quiz
? Was ist richtig?
- [x] Dies.
  : Darum.
- [ ] Das.
  : Nein.
= Alles gesagt.
```

Noch einer.

```steps
- id: two
  text: Legen Sie den Job `two` an.
```

```hint
Wie der erste.
```

````solution
```sh run
```
````

```text
Schluss.
```
"#;
