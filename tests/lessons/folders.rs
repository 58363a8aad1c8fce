//! Mistakes of a whole folder: its course, its transcripts, what is not there. Each has a folder of its own.

use super::good::GOOD;

/// A folder: its name, its files, what is asked, and what is said then, from the path below the folder on.
pub struct Folder {
    pub name: &'static str,
    pub files: Vec<(&'static str, String)>,
    pub told: &'static str,
}

const START: &str = "title: T\ndescription: D\n";
const CHAPTERS: &str = "chapters:\n- {id: jobs, title: Jobs, description: D}\n";
/// A lesson that is short to play.
const SHORT: &str =
    "---\ntitle: A\ndescription: D\nminutes: 5\nimages: [\"busybox:1.36\"]\n---\n```sh run\necho a\n```\n";
const RECORDED: &str = "{\"commands\": [{\"run\": \"echo a\", \"exit\": 0, \"output\": [\"a\"]}]}\n";

fn folder(name: &'static str, files: &[(&'static str, &str)], told: &'static str) -> Folder {
    Folder { name, files: files.iter().map(|(path, text)| (*path, (*text).to_owned())).collect(), told }
}

/// The folders.
pub fn folders() -> Vec<Folder> {
    let course = |name, more: &str, told| {
        folder(name, &[("course.yaml", &format!("{START}{more}")), ("01-a/lesson.md", SHORT)], told)
    };
    let chapter = |name, chapter: &str, course: &str, told| {
        let lesson = SHORT.replace("minutes: 5", &format!("minutes: 5\nchapter: {chapter}"));
        folder(name, &[("course.yaml", &format!("{START}{course}")), ("01-a/lesson.md", &lesson)], told)
    };
    let transcript =
        |name, text: &str, told| folder(name, &[("01-a/lesson.md", SHORT), ("01-a/transcript.json", text)], told);
    let two = RECORDED.replace("]}]}", "]}, {\"run\": \"echo b\", \"exit\": 0, \"output\": []}]}");
    vec![
        folder(
            "no-description",
            &[("course.yaml", "title: T\n"), ("01-a/lesson.md", SHORT)],
            "course.yaml:1: there is no `description`",
        ),
        course("course-key", "chapter: []\n", "course.yaml:3: unknown key `chapter`; did you mean `chapters`?"),
        course("course-url", "url: http://x\n", "course.yaml:3: `url` starts with `https://` and ends with `/`"),
        course("course-edit", "edit: https://x\n", "course.yaml:3: `edit` starts with `https://` and ends with `/`"),
        course(
            "chapter-twice",
            "chapters:\n- {id: a, title: A, description: A}\n- {id: a, title: A, description: A}\n",
            "course.yaml:5: two chapters have the id `a`; give each its own",
        ),
        chapter(
            "chapter-name",
            "jbos",
            CHAPTERS,
            "01-a/lesson.md:5: `course.yaml` has no chapter `jbos`; did you mean `jobs`?",
        ),
        chapter("chapter-list", "zzz", CHAPTERS, "01-a/lesson.md:5: `chapter` is one of `jobs`"),
        chapter(
            "chapter-none",
            "jobs",
            "",
            "01-a/lesson.md:5: there is no chapter `jobs`: the course has no `chapters`; add a `course.yaml` that lists them",
        ),
        folder(
            "empty",
            &[("notes.txt", "")],
            ": no folder here holds a lesson.md; `tabernetes lesson new NAME` makes one",
        ),
        folder(
            "language",
            &[("01-a/lesson.md", SHORT), ("01-a/lesson.xx.md", "")],
            "01-a/lesson.xx.md:1: the page speaks `en`, `de`; a translation is called `lesson.de.md`",
        ),
        folder(
            "unrecorded",
            &[("01-a/lesson.md", SHORT)],
            "01-a/lesson.md:1: there is no `transcript.json` beside this lesson. If what it prints now is right, run \
             `tabernetes lesson record` and look at the difference.",
        ),
        transcript(
            "no-json",
            "{\n\"commands\": 5}",
            "01-a/transcript.json:2: invalid type: integer `5`, expected a sequence",
        ),
        transcript(
            "json-writer",
            "{}",
            "01-a/transcript.json:1: missing field `commands`; `tabernetes lesson record` writes this file",
        ),
        transcript(
            "other-output",
            &RECORDED.replace("[\"a\"]", "[\"b\"]"),
            "01-a/lesson.md:7: `echo a`: recorded is\n    b\nwhere it prints\n    a",
        ),
        transcript(
            "less-output",
            &RECORDED.replace("[\"a\"]", "[\"a\", \"b\"]"),
            "01-a/lesson.md:7: `echo a`: recorded is\n    b\nwhere it prints\n    (nothing more)",
        ),
        transcript(
            "other-exit",
            &RECORDED.replace("\"exit\": 0", "\"exit\": 1"),
            "01-a/lesson.md:7: `echo a`: it ends with exit code 0, recorded is 1",
        ),
        transcript(
            "recorded-more",
            &two,
            "01-a/lesson.md:1: the transcript goes on with `echo b`, the text ends. If what it prints now is right",
        ),
        folder(
            "lesson-name",
            &[("01-a/lesson.md", &SHORT.replace("```sh run", "[b](../02-other/lesson.md)\n\n```sh run"))],
            "01-a/lesson.md:7: there is no lesson `02-other`",
        ),
        folder(
            "no-end",
            &[("01-a/lesson.md", &SHORT.replace("echo a", "echo 'a"))],
            "01-a/lesson.md:7: `echo 'a` ends with exit code 2; mark the block `fails` if that is meant\n    bash: syntax error",
        ),
        folder(
            "whole",
            &[("01-a/lesson.md", GOOD)],
            "01-a/lesson.md:11: `files` names `notes.txt`, which is not there; put it",
        ),
    ]
}
