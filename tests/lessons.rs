//! Every lesson of this repository is read, played and proven, as its author would do it; and every kind of mistake that
//! an author can make is made once, to hold its message to file, line and advice.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at once, in its helpers too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn check(folder: &Path) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tabernetes")).args(["lesson", "check"]).arg(folder).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), printed)
}

#[test]
fn every_lesson_keeps_its_promises() {
    let (proven, printed) = check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons"));
    assert!(proven, "{printed}");
    assert!(printed.contains("01-what-is-a-job"), "{printed}");
}

/// A lesson without mistakes; each case changes one place of it.
const GOOD: &str = r#"---
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
"#;

/// What is changed, into what, and what is said then: the line and the start of the message.
type Mistake = (&'static str, &'static str, &'static str, usize, &'static str);

/// Mistakes that are found by reading.
const READ: &[Mistake] = &[
    ("front-matter", "---\ntitle", "title", 1, "a lesson starts with front matter between two lines of `---`"),
    ("key", "minutes: 5", "minutse: 5", 4, "unknown key `minutse`; did you mean `minutes`?"),
    ("missing-key", "title: A lesson\n", "", 2, "there is no `title`"),
    ("number", "minutes: 5", "minutes: five", 4, "minutes: invalid type: string \"five\", expected u32"),
    ("minutes", "minutes: 5", "minutes: 0", 4, "`minutes` is how long a reader needs, 1 at least"),
    ("speed", "speed: 10", "speed: 5", 6, "`speed` is 1, 10 or 60"),
    ("workers", "workers: 1", "workers: 9", 7, "`workers` is 1 to 5 nodes"),
    ("image", "busybox:1.36\"]\nscripts", "Busy Box\"]\nscripts", 8, "`Busy Box` names no image; write one such as"),
    ("settle", "settle: 1s", "settle: soon", 14, "`settle` is a time up to an hour, such as `settle: 30s`"),
    (
        "manifest",
        "[start.yaml]",
        "[strat.yaml]",
        12,
        "`manifests` names `strat.yaml`, which is not there; did you mean `start.yaml`?",
    ),
    (
        "file",
        "[notes.txt]",
        "[other]",
        11,
        "`files` names `other`, which is not there; put it into `file`, beside `lesson.md`",
    ),
    ("chapter", "seed: 2", "chapter: jbos", 5, "`course.yaml` has no chapter `jbos`; did you mean `jobs`?"),
    ("html", "Text with", "<b>Text</b> with", 16, "HTML is not taken here; write Markdown"),
    ("heading", "## A heading", "#### A heading", 18, "this heading skips a level; write `##`"),
    ("title", "## A heading", "# A heading", 18, "the title in the front matter is the only `#` heading; write `##`"),
    ("block", "```quiz", "```quizz", 77, "unknown block `quizz`; did you mean `quiz`?"),
    ("word", "run after=2s", "rum after=2s", 35, "unknown word `rum` after the block's name; did you mean `run`?"),
    ("time", "after=2s", "after=soon", 35, "`after=soon` is no time; write `after=5s`"),
    (
        "ending",
        "```sh run after=2s",
        "```sh fails",
        35,
        "`fails`, `endless` and `interactive` say how a `sh run` block ends",
    ),
    (
        "no-command",
        "kubectl uncordon node01\nkubectl apply -f job.yaml\n",
        "\n",
        35,
        "this block runs nothing; write a command",
    ),
    ("language", "```sh run after=2s", "```yaml run", 35, "only `sh` blocks run; write `sh run`"),
    ("file-name", "file=job.yaml", "file=../job.yaml", 20, "`file=` names a file below the home directory"),
    ("flow", "Pending -> Running", "Pending ->", 46, "an arrow leads from one text to another: `Running -> Succeeded`"),
    ("flow-empty", "Pending -> Running\nnote: And so on.", "note: x", 45, "a flow has at least one line such as"),
    ("step-key", "  text: Make the Job `one`.", "  txet: x", 52, "unknown key `txet`; did you mean `text`?"),
    ("step-id", "- id: made", "- id: Made", 51, "the id `Made` of a step is made of a-z, 0-9 and `-`"),
    ("step-twice", "- id: two", "- id: made", 89, "two steps have the id `made`; give each its own"),
    ("step-after", "after: made", "after: mode", 62, "`after: mode` names no earlier step"),
    ("step-empty", "  checks:\n  - resource: jobs\n    name: two\n", "", 89, "the step `two` checks nothing"),
    (
        "resource",
        "  - resource: jobs\n    name: two",
        "  - resource: Job\n    name: two",
        89,
        "`resource: Job` is a plural name; write `jobs`",
    ),
    ("path", "{.status.succeeded}", "{.status[}", 51, "`path: {.status[}` is no JSONPath: "),
    (
        "braces",
        "\"{.status.succeeded}\"",
        ".status.succeeded",
        51,
        "a `path` stands in braces: `path: \"{.status.succeeded}\"`",
    ),
    ("value", "    path: \"{.status.succeeded}\"\n", "", 51, "`value` says what `path` gives; write a `path` too"),
    ("owner", "owner:\n", "owner: hello\n", 51, "`owner: hello` names kind and name: `owner: Job/hello-job`"),
    ("try-time", "within: 5s", "within: 5", 62, "`5` is no time up to 120 seconds; write one such as `within: 10s`"),
    ("try-both", "within: 5s", "within: 5s\n    after: 5s", 62, "a `try` says either `within: 10s`"),
    ("quiz-line", "? What is right?", "What is right?", 78, "a line of a quiz starts with `? ` (question)"),
    ("quiz-question", "? What is right?\n", "", 77, "a quiz has a question: a line that starts with `? `"),
    ("quiz-choices", "- [ ] That.\n  : No.\n", "", 77, "a quiz has two choices at least"),
    (
        "quiz-none",
        "- [x] This.",
        "- [ ] This.",
        77,
        "no choice of this quiz is right: mark each right one with `- [x] `",
    ),
    ("quiz-all", "- [ ] That.", "- [x] That.", 77, "every choice of this quiz is right"),
    ("quiz-why", "  : No.\n= All told.\n", "", 77, "a quiz explains its answer"),
    (
        "nested",
        "Like the first.",
        "```sh run\nls\n```",
        97,
        "a hint only tells; what runs or inserts belongs into the lesson or a solution",
    ),
];

/// Mistakes that are found by playing, by following links, and by spelling.
const PLAYED: &[Mistake] = &[
    (
        "link-host",
        "https://kubernetes.io/docs/",
        "https://example.org/",
        16,
        "links lead to `kubernetes.io`; if readers may be sent to `example.org`, add it",
    ),
    (
        "link-form",
        "https://kubernetes.io/docs/",
        "http://kubernetes.io/",
        16,
        "a link that leaves the course is encrypted: write `https://kubernetes.io/`",
    ),
    (
        "link-nowhere",
        "https://kubernetes.io/docs/",
        "jobs.html",
        16,
        "`jobs.html` leads nowhere; write `https://...`, `#heading` or",
    ),
    (
        "link-lesson",
        "https://kubernetes.io/docs/",
        "../link-hots/lesson.md",
        16,
        "there is no lesson `link-hots`; did you mean `../link-host/lesson.md`?",
    ),
    (
        "link-anchor",
        "#a-heading",
        "#a-headline",
        16,
        "`link-anchor` has no heading `#a-headline`; did you mean `#a-heading`?",
    ),
    (
        "picture",
        "[link](https://kubernetes.io/docs/)",
        "![a picture](gone.svg)",
        16,
        "there is no picture `gone.svg` in the folder of the lesson",
    ),
    (
        "picture-words",
        "[link](https://kubernetes.io/docs/)",
        "![](gone.svg)",
        16,
        "the picture `gone.svg` has no words for those who cannot see it",
    ),
    ("kind", "a CronJob", "a Cronjob", 16, "the kind `Cronjob` is spelled `CronJob`"),
    (
        "kind-yaml",
        "text output\nnode",
        "yaml\nkind: Jobb\n```\n\n```text output\nnode",
        41,
        "there is no kind `Jobb`; did you mean `Job`?",
    ),
    (
        "command",
        "`kubectl get jobs -o wide`",
        "`kubectl gett jobs`",
        16,
        "kubectl has no command `gett`; did you mean `kubectl get`?",
    ),
    (
        "flag",
        "`kubectl get jobs -o wide`",
        "`kubectl get jobs --outptu wide`",
        16,
        "`kubectl get` has no flag `--outptu`; did you mean `--output`?",
    ),
    (
        "resource-word",
        "`kubectl get jobs -o wide`",
        "`kubectl get jbos`",
        16,
        "the server has no resource `jbos`; did you mean `job`?",
    ),
    (
        "flag-of-failure",
        "```sh run after=2s\n",
        "```sh run fails\nkubectl get --wtach\n```\n\n```sh run after=2s\n",
        36,
        "`kubectl get` has no flag `--wtach`; did you mean `--watch`?",
    ),
    (
        "exit",
        "kubectl uncordon node01",
        "kubectl uncordon node09",
        35,
        "`kubectl uncordon node09` ends with exit code 1; mark the block `fails` if that is meant",
    ),
    (
        "no-failure",
        "```sh run after=2s",
        "```sh run fails after=2s",
        35,
        "`kubectl uncordon node01` ends with exit code 0; it was to fail",
    ),
    ("output", "job.batch/one created", "job.batch/one configured", 40, "the text shows"),
    ("unticked", "    name: two", "    name: three", 88, "the step `two` is not ticked after everything was done"),
    (
        "early",
        "name: two\n",
        "name: two\n    count: 0\n",
        88,
        "the step `two` is ticked before the reader has done anything",
    ),
    (
        "no-solution-needed",
        "Make another.",
        "```sh run\nkubectl create job two --image=busybox:1.36\n```",
        90,
        "the step `two` is ticked without the solution in line",
    ),
    (
        "setup",
        "[kubectl cordon node01]",
        "[kubectl cordon node07]",
        13,
        "`setup` has `kubectl cordon node07`, which ends with exit code 1",
    ),
    (
        "transcript",
        "Make another.",
        "```sh run\nkubectl get nodes\n```",
        86,
        "the transcript goes on with `kubectl create job two --image=busybox:1.36`, the text with `kubectl get nodes`",
    ),
];

/// A folder with a course of lessons: one without a mistake, and one for each mistake.
fn course(name: &str, mistakes: &[Mistake]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tabernetes-{name}-{}", std::process::id()));
    let write = |path: &Path, text: &str| {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let chapters = "title: T\ndescription: D\nchapters:\n- {id: jobs, title: Jobs, description: D}\n";
    if name == "read" {
        write(&folder.join("course.yaml"), chapters);
    }
    for (name, from, to, ..) in mistakes.iter().chain([&("good", "", "", 0, "")]) {
        assert!(GOOD.contains(from), "{name}: there is no {from}");
        let lesson = folder.join(name);
        write(&lesson.join("lesson.md"), &GOOD.replacen(from, to, 1));
        write(&lesson.join("notes.txt"), "A note.\n");
        let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n";
        write(&lesson.join("start.yaml"), namespace);
    }
    folder
}

fn assert_told(folder: &Path, mistakes: &[Mistake], printed: &str) {
    let mut wrong = Vec::new();
    for (name, _, _, line, message) in mistakes {
        let start = format!("{}:{line}: {message}", folder.join(name).join("lesson.md").display());
        if !printed.contains(&start) {
            let own = format!("/{name}/");
            let told = printed.lines().filter(|line| line.contains(&own)).collect::<Vec<_>>().join("\n  ");
            wrong.push(format!("{name}: expected {line}: {message}, told is\n  {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mistakes_that_reading_finds_are_told_with_their_line_and_what_to_write_instead() {
    let folder = course("read", READ);
    let (proven, printed) = check(&folder);
    fs::remove_dir_all(&folder).unwrap();
    assert!(!proven);
    assert_told(&folder, READ, &printed);
}

#[test]
fn mistakes_that_playing_finds_are_told_with_their_line_and_what_to_write_instead() {
    let folder = course("played", PLAYED);
    let good = folder.join("good");
    let recorded =
        Command::new(env!("CARGO_BIN_EXE_tabernetes")).args(["lesson", "record"]).arg(&good).status().unwrap();
    assert!(recorded.success());
    for (name, ..) in PLAYED {
        fs::copy(good.join("transcript.json"), folder.join(name).join("transcript.json")).unwrap();
    }
    let (proven, printed) = check(&folder);
    fs::remove_dir_all(&folder).unwrap();
    assert!(!proven);
    assert_told(&folder, PLAYED, &printed);
    assert!(printed.contains("good/lesson.md: proven, 3 steps, 3 commands"), "{printed}");
}
