//! `tabernetes lesson new`: the folder and first lines of a lesson.

use std::fs;
use std::path::Path;

use super::lesson_folder::failed;
use super::options::Options;
use super::{Failure, Subcommand, lesson_folder};

/// The subcommand.
pub const SUBCOMMAND: Subcommand = Subcommand {
    name: "lesson new",
    usage: "NAME [--lessons DIR]",
    summary: "Makes DIR/<next number>-NAME/lesson.md (default DIR: lessons) with one of everything, ready to be changed.",
    run,
};

fn run(words: &[String]) -> Result<(), Failure> {
    let options = Options::read(words, &["lessons"])?;
    let name = options.plain_or("")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || !name.chars().all(plain) {
        return Err(Failure::Usage("NAME is made of a-z, 0-9 and `-`, such as `what-is-a-job`".to_owned()));
    }
    let lessons = Path::new(options.value("lessons").unwrap_or("lessons"));
    let folder = lesson_folder::make(lessons, name)?;
    let path = folder.join("lesson.md");
    fs::write(&path, TEMPLATE).map_err(|error| failed(&path, &error))?;
    println!("{}", path.display());
    Ok(())
}

const TEMPLATE: &str = r#"---
title: A lesson
description: What the reader will know at its end.
minutes: 5
---
Say in a sentence what this is for, then let the reader do it.

```yaml file=hello-job.yaml
apiVersion: batch/v1
kind: Job
metadata:
  name: hello-job
spec:
  template:
    spec:
      containers:
      - name: hello
        image: busybox:1.36
        command: ["sh", "-c", "echo Hello"]
      restartPolicy: Never
```

```sh run
kubectl apply -f hello-job.yaml
```

```text output
job.batch/hello-job created
```

```steps
- id: complete
  text: The Job `hello-job` is complete.
  checks:
  - resource: jobs
    name: hello-job
    condition: Complete
```

```quiz
? What makes a Job complete?
- [ ] Its container was started.
- [x] Its container has ended with exit code 0.
= A Job counts Pods that succeed.
```
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lesson::{Source, read};

    #[test]
    fn the_template_is_a_lesson() {
        let source =
            Source { name: "01-x".to_owned(), path: "x".to_owned(), text: TEMPLATE.to_owned(), ..Source::default() };
        assert_eq!(read(&source).unwrap().lesson.steps.len(), 1);
    }
}
