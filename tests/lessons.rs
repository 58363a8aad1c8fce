//! Every lesson of this repository is read, played and proven, as its author would do it; and every kind of mistake that
//! an author can make is made once, to hold its message to file, line and advice. A message that no mistake brings about
//! fails the test too.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at once, in its helpers too")]

#[path = "lessons/folders.rs"]
mod folders;
#[path = "lessons/good.rs"]
mod good;
#[path = "lessons/played.rs"]
mod played;
#[path = "lessons/read.rs"]
mod read;
#[path = "lessons/sentences.rs"]
mod sentences;
#[path = "lessons/translated.rs"]
mod translated;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use good::{GERMAN, GOOD};
use tabernetes::lesson::fingerprint;

/// Its name, what is changed, into what, and what is said then: the line and the start of the message.
type Mistake = (&'static str, &'static str, &'static str, usize, &'static str);

fn tabernetes(words: &[&str], folder: &Path) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tabernetes")).args(words).arg(folder).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), printed)
}

fn check(folder: &Path) -> (bool, String) {
    tabernetes(&["lesson", "check"], folder)
}

#[test]
fn every_lesson_keeps_its_promises() {
    let (proven, printed) = check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons"));
    assert!(proven, "{printed}");
    assert!(printed.contains("01-what-is-a-job"), "{printed}");
}

/// The folders of the course's lessons with the text of each.
fn lessons() -> Vec<(PathBuf, String)> {
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("lessons")).unwrap();
    let folders = folders.map(|entry| entry.unwrap().path()).filter(|path| path.join("lesson.md").is_file());
    folders.map(|path| (path.clone(), fs::read_to_string(path.join("lesson.md")).unwrap())).collect()
}

#[test]
fn every_lesson_has_what_a_lesson_of_this_course_has() {
    let all = lessons();
    assert!(all.len() >= 20, "{} lessons", all.len());
    let mut missing = Vec::new();
    for (folder, text) in &all {
        let name = folder.file_name().unwrap().to_string_lossy();
        let count = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
        let minutes = text.lines().find_map(|line| line.strip_prefix("minutes: ")?.parse::<u32>().ok()).unwrap_or(0);
        for (what, is_there) in [
            ("5 to 10 minutes", (5..=10).contains(&minutes)),
            ("three blocks of commands", count("```sh run") >= 3),
            ("two quizzes", count("```quiz") >= 2),
            ("steps", count("```steps") >= 1),
            ("a challenge with a hint", count("```hint") >= 1),
            ("a solution", count("````solution") >= 1),
            ("a link to Kubernetes' documentation", text.contains("(https://kubernetes.io/docs/")),
            ("a German translation", folder.join("lesson.de.md").is_file()),
        ] {
            if !is_there {
                missing.push(format!("{name} lacks {what}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// A fresh folder that is taken away at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("tabernetes-lessons-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(fs::canonicalize(&folder).unwrap())
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A lesson with all that lies beside it.
    fn lesson(&self, name: &str, text: &str) {
        self.write(&format!("{name}/lesson.md"), text);
        self.write(&format!("{name}/notes.txt"), "A note.\n");
        self.write(&format!("{name}/.kube"), "Stands where a folder is.\n");
        self.write(&format!("{name}/drawing.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n");
        self.write(&format!("{name}/start.yaml"), "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n");
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn broken(text: &str, (name, from, to, ..): &Mistake) -> String {
    assert!(text.contains(from), "{name}: there is no {from}");
    text.replacen(from, to, 1)
}

/// Whether each mistake is told in its file at its line.
fn assert_told(folder: &Temporary, file: &str, mistakes: &[Mistake], printed: &str) {
    let mut wrong = Vec::new();
    for (name, _, _, line, message) in mistakes {
        let start = format!("{}:{line}: {message}", folder.0.join(name).join(file).display());
        if !printed.contains(&start) {
            let own = format!("/{name}/");
            let told = printed.lines().filter(|line| line.contains(&own)).collect::<Vec<_>>().join("\n  ");
            wrong.push(format!("{name}: expected {line}: {message}, told is\n  {told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Mistakes that are found by reading.
fn by_reading() -> String {
    let folder = Temporary::new("read");
    folder.write("course.yaml", "title: T\ndescription: D\nchapters:\n- {id: jobs, title: Jobs, description: D}\n");
    for mistake in read::MISTAKES {
        folder.lesson(mistake.0, &broken(GOOD, mistake));
    }
    let (proven, printed) = check(&folder.0);
    assert!(!proven);
    assert_told(&folder, "lesson.md", read::MISTAKES, &printed);
    printed
}

/// Mistakes that are found by playing.
fn by_playing() -> String {
    let folder = Temporary::new("played");
    folder.lesson("good", GOOD);
    let (recorded, told) = tabernetes(&["lesson", "record"], &folder.0.join("good"));
    assert!(recorded, "{told}");
    let transcript = fs::read_to_string(folder.0.join("good/transcript.json")).unwrap();
    for mistake in played::MISTAKES {
        folder.lesson(mistake.0, &broken(GOOD, mistake));
        folder.write(&format!("{}/transcript.json", mistake.0), &transcript);
    }
    let (proven, printed) = check(&folder.0);
    assert!(!proven);
    assert_told(&folder, "lesson.md", played::MISTAKES, &printed);
    assert!(printed.contains("good/lesson.md: proven, 3 steps, 3 commands"), "{printed}");
    printed
}

/// Mistakes of translations: those that reading finds stop the check, the others need it to go on.
fn by_comparing() -> String {
    let german = GERMAN.replace("FINGERPRINT", &fingerprint(GOOD));
    let (read, spelled): (Vec<Mistake>, Vec<Mistake>) =
        translated::MISTAKES.iter().partition(|mistake| !["link", "anchor", "kind"].contains(&mistake.0));
    let mut all = String::new();
    for (name, mistakes) in [("translated", read), ("spelled", spelled)] {
        let folder = Temporary::new(name);
        for mistake in &mistakes {
            folder.lesson(mistake.0, GOOD);
            let text = if mistake.1 == "FINGERPRINT" { GERMAN } else { &german };
            folder.write(&format!("{}/lesson.de.md", mistake.0), &broken(text, mistake));
        }
        let (proven, printed) = check(&folder.0);
        assert!(!proven);
        assert_told(&folder, "lesson.de.md", &mistakes, &printed);
        all.push_str(&printed);
    }
    let folder = Temporary::new("german");
    folder.lesson("good", GOOD);
    folder.write("good/lesson.de.md", &german);
    assert!(tabernetes(&["lesson", "record"], &folder.0).0);
    let (proven, printed) = check(&folder.0);
    assert!(proven, "{printed}");
    all
}

/// Mistakes of whole folders.
fn by_folders() -> String {
    let mut all = String::new();
    for case in folders::folders() {
        let folder = Temporary::new(case.name);
        for (path, text) in &case.files {
            folder.write(path, text);
        }
        let (proven, printed) = check(&folder.0);
        let start = folder.0.display().to_string();
        let told =
            printed.contains(&format!("{start}{}{}", if case.told.starts_with(':') { "" } else { "/" }, case.told));
        assert!(!proven && told, "{}: expected {}, told is\n{printed}", case.name, case.told);
        all.push_str(&printed);
    }
    let gone = check(Path::new("/nowhere/at/all"));
    assert!(!gone.0 && gone.1.contains("/nowhere/at/all: No such file or directory"), "{}", gone.1);
    all
}

#[test]
fn every_mistake_is_told_with_its_file_and_line_and_every_message_has_its_mistake() {
    let told = [by_reading(), by_playing(), by_comparing(), by_folders()].concat();
    let silent: Vec<String> =
        sentences::of_authors_mistakes().into_iter().filter(|s| !s.is_in(&told)).map(|s| s.to_string()).collect();
    assert!(silent.is_empty(), "no mistake of these tests brings about:\n{}", silent.join("\n"));
}

#[test]
fn a_name_that_is_no_name_is_not_taken_for_a_lesson() {
    let folder = Temporary::new("new");
    let output = Command::new(env!("CARGO_BIN_EXE_tabernetes"))
        .args(["lesson", "new", "My Lesson", "--lessons"])
        .arg(&folder.0)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("NAME is made of a-z, 0-9 and `-`, such as `what-is-a-job`"), "{told}");
    assert_eq!((output.status.code(), fs::read_dir(&folder.0).unwrap().count()), (Some(2), 0));
}

#[test]
fn a_new_lesson_is_proven_as_it_stands() {
    let folder = Temporary::new("fresh");
    let made = Command::new(env!("CARGO_BIN_EXE_tabernetes"))
        .args(["lesson", "new", "my-lesson", "--lessons"])
        .arg(&folder.0)
        .output()
        .unwrap();
    assert!(made.status.success());
    assert!(tabernetes(&["lesson", "record"], &folder.0).0);
    let (proven, printed) = check(&folder.0);
    assert!(proven && printed.contains("01-my-lesson/lesson.md: proven"), "{printed}");
}
