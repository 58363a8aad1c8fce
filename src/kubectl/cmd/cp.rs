//! `kubectl cp`: copies files to and from containers, by `tar` in the container.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/cp.

use crate::kubectl::failure::{Failure, path_error};
use crate::kubectl::flags::{int, switch, text};
use crate::kubectl::pods;
use crate::kubectl::program::{Context, Next, Outcome, Progress, Task};
use crate::kubectl::session::{Session, verdict};
use crate::kubectl::tree::{Command, Group};
use crate::shell::program::{System, Wait};
use crate::text::go_number::quote;
use crate::text::http::{StreamId, StreamRead};
use crate::text::tar::{self, Entry, EntryKind};

/// The command.
pub static COMMAND: Command = Command {
    name: "cp",
    group: Group::Troubleshooting,
    short: "Copy files to and from containers",
    long: "Copies files and directories between this machine and a container. The container needs the program tar.",
    examples: &[
        ("A file into a Pod", "kubectl cp notes.txt web:/tmp/notes.txt"),
        ("A file out of a Pod", "kubectl cp web:/etc/hostname hostname.txt"),
        ("A directory into a container of a Pod", "kubectl cp conf web:/tmp -c web"),
        ("A Pod of another namespace", "kubectl cp default/web:/etc/hosts hosts.txt"),
    ],
    usage: "<file-spec-src> <file-spec-dest> [options]",
    flags: &[&[
        text("container", "", "The container.").short('c'),
        switch("no-preserve", "Do not keep owners and permissions in the container."),
        int("retries", "0", "How often to try again to copy from a container."),
    ]],
    run: Some(run),
    ..Command::EMPTY
};

/// `[[namespace/]pod:]path`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    namespace: String,
    pod: String,
    path: String,
}

fn place(word: &str) -> Result<Place, Failure> {
    let bad = || Failure::msg("filespec must match the canonical format: [[namespace/]pod:]file/path");
    let Some((pod, path)) = word.split_once(':') else {
        return Ok(Place { namespace: String::new(), pod: String::new(), path: word.to_owned() });
    };
    let parts: Vec<&str> = pod.split('/').collect();
    let (namespace, pod) = match parts.as_slice() {
        [""] => return Err(bad()),
        [pod] => ("", *pod),
        [namespace, pod] => (*namespace, *pod),
        _ => return Err(bad()),
    };
    Ok(Place { namespace: namespace.to_owned(), pod: pod.to_owned(), path: path.to_owned() })
}

fn run(cx: &mut Context<'_>) -> Outcome {
    let args = cx.session.flags.args.clone();
    let [from, to] = args.as_slice() else { return Err(Failure::msg("source and destination are required")) };
    let (from, to) = (place(from)?, place(to)?);
    if !from.pod.is_empty() && !to.pod.is_empty() {
        return Err(Failure::msg("one of src or dest must be a local file specification"));
    }
    if from.path.is_empty() || to.path.is_empty() {
        return Err(Failure::msg("filepath can not be empty"));
    }
    if !from.pod.is_empty() {
        let session = session(cx, &from, &["tar", "cf", "-", &from.path], false)?;
        let Some(copying) = Copying::open(cx, session, Stage::Fetch { from: from.path, to: to.path })? else {
            return Ok(Next::Exit(0));
        };
        return Ok(Next::Task(Box::new(copying)));
    }
    if to.pod.is_empty() {
        return Err(Failure::msg("one of src or dest must be a remote file specification"));
    }
    if cx.system.file_info(&from.path).is_err() {
        return Err(Failure::msg(format!("{} doesn't exist in local filesystem", from.path)));
    }
    let session = session(cx, &to, &["test", "-d", &to.path], false)?;
    let Some(copying) = Copying::open(cx, session, Stage::Ask { from: from.path, to })? else {
        return Ok(Next::Exit(0));
    };
    Ok(Next::Task(Box::new(copying)))
}

/// A call of a program in the container.
fn session(cx: &mut Context<'_>, place: &Place, command: &[&str], stdin: bool) -> Result<Session, Failure> {
    let namespace = if place.namespace.is_empty() { cx.namespace()? } else { place.namespace.clone() };
    let pod = cx.get(&format!("/api/v1/namespaces/{namespace}/pods/{}", place.pod))?;
    let phase = crate::kubectl::print::str_at(&pod, "/status/phase");
    if matches!(phase, "Succeeded" | "Failed") {
        return Err(Failure::msg(format!("cannot exec into a container in a completed pod; current phase is {phase}")));
    }
    let named = cx.session.flags.text("container").to_owned();
    // What is said beside the file goes to standard output here.
    let (container, hints) = pods::chosen(&pod, &named, !named.is_empty() || stdin)?;
    for hint in hints {
        cx.out.line(&hint);
    }
    Ok(Session {
        namespace,
        pod: place.pod.clone(),
        container,
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        stdin,
        ..Session::default()
    })
}

/// What the present call is for.
#[derive(Clone, Debug)]
enum Stage {
    /// Whether the place to copy to is a directory.
    Ask { from: String, to: Place },
    /// The archive goes there.
    Send,
    /// The archive comes from there.
    Fetch { from: String, to: String },
}

/// A copy on its way.
#[derive(Clone, Debug)]
struct Copying {
    stream: StreamId,
    stage: Stage,
    archive: Vec<u8>,
}

impl Copying {
    fn open(cx: &mut Context<'_>, session: Session, stage: Stage) -> Result<Option<Copying>, Failure> {
        let stream = session.stream(cx)?;
        Ok(stream.map(|stream| Copying { stream, stage, archive: Vec::new() }))
    }

    /// A call has ended, with this status.
    fn ended(&mut self, cx: &mut Context<'_>, status: Option<serde_json::Value>) -> Result<Progress, Failure> {
        let done = verdict(status);
        match self.stage.clone() {
            Stage::Ask { from, to } => {
                let base = from.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
                let target = match done {
                    Ok(_) => format!("{}/{base}", to.path.trim_end_matches('/')),
                    Err(_) => to.path.clone(),
                };
                let (folder, name) = target.rsplit_once('/').unwrap_or(("", &target));
                let folder = if folder.is_empty() && target.starts_with('/') { "/" } else { folder };
                let mut command = vec!["tar"];
                if cx.session.flags.on("no-preserve") {
                    command.extend(["--no-same-permissions", "--no-same-owner"]);
                }
                command.extend(["-xmf", "-"]);
                if !folder.is_empty() {
                    command.extend(["-C", folder]);
                }
                let mut entries = Vec::new();
                gather(cx.system, &from, name, &mut entries, 0);
                let session = session(cx, &to, &command, true)?;
                let Some(stream) = session.stream(cx)? else { return Ok(Progress::Next(Next::Exit(0))) };
                for chunk in tar::write(&entries).chunks(32 * 1024) {
                    let mut message = vec![0];
                    message.extend_from_slice(chunk);
                    cx.system.host().write_stream(stream, &message);
                }
                cx.system.host().write_stream(stream, &[255, 0]);
                (self.stream, self.stage) = (stream, Stage::Send);
                Ok(Progress::Wait(Wait { streams: true, ..Wait::default() }))
            }
            Stage::Send => done.map(Progress::Next),
            Stage::Fetch { from, to } => {
                if self.archive.is_empty() {
                    return done.map(Progress::Next);
                }
                unpack(cx, &self.archive, &from, &to)?;
                // At the archive's end upstream has what it wants, and hears no more of what tar had to complain about.
                Ok(Progress::Next(Next::Exit(0)))
            }
        }
    }
}

impl Task for Copying {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let mut status = None;
        loop {
            match cx.system.host().read_stream(self.stream) {
                StreamRead::Data(message) => match (message.split_first(), &self.stage) {
                    (Some((1, bytes)), Stage::Fetch { .. }) => self.archive.extend_from_slice(bytes),
                    // What tar complains about while it packs goes to standard output, upstream too.
                    (Some((2, bytes)), Stage::Fetch { .. }) => cx.out.bytes(1, bytes),
                    (Some((fd @ (1 | 2), bytes)), Stage::Send) => cx.out.bytes(i32::from(*fd), bytes),
                    (Some((3, bytes)), _) => status = serde_json::from_slice(bytes).ok(),
                    _ => {}
                },
                StreamRead::Pending => return Ok(Progress::Wait(Wait { streams: true, ..Wait::default() })),
                StreamRead::End => return self.ended(cx, status),
            }
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

/// A file or directory of this machine as entries that are called `name`.
fn gather(system: &dyn System, path: &str, name: &str, entries: &mut Vec<Entry>, depth: usize) {
    let Ok(info) = system.file_info(path) else { return };
    let (mode, modified) = (info.mode, info.modified.as_micros() / 1_000_000);
    let entry = |kind| Entry { path: name.to_owned(), mode, modified, kind };
    if !info.is_dir {
        entries.push(entry(EntryKind::File(system.read_file(path).unwrap_or_default())));
        return;
    }
    let inner = system.read_dir(path).unwrap_or_default();
    if inner.is_empty() {
        entries.push(entry(EntryKind::Directory));
    }
    for one in inner.into_iter().filter(|_| depth < 64) {
        let path = format!("{}/{}", path.trim_end_matches('/'), one.name);
        gather(system, &path, &format!("{name}/{}", one.name), entries, depth + 1);
    }
}

/// Writes what an archive holds below `from` to `to`.
fn unpack(cx: &mut Context<'_>, archive: &[u8], from: &str, to: &str) -> Result<(), Failure> {
    let entries = tar::read(archive).map_err(Failure::msg)?;
    let prefix = from.trim_matches('/').trim_start_matches("./");
    let root = to.trim_end_matches('/');
    for entry in entries {
        let Some(rest) = entry.path.strip_prefix(prefix) else {
            return Err(Failure::msg("tar contents corrupted"));
        };
        let path = format!("{root}{rest}");
        if rest.split('/').any(|part| part == "..") {
            cx.out.err_line(&format!("warning: file {} is outside target destination, skipping", quote(&path)));
            continue;
        }
        let told = |errno: crate::shell::program::Errno| Failure::msg(path_error("open", &path, errno));
        match &entry.kind {
            EntryKind::Directory => cx.system.create_dir(&path, true).map_err(told)?,
            EntryKind::File(content) => {
                if let Some((folder, _)) = path.rsplit_once('/').filter(|(folder, _)| !folder.is_empty()) {
                    let _ = cx.system.create_dir(folder, true);
                }
                cx.system.write_file(&path, content).map_err(told)?;
            }
            EntryKind::Link(target) => {
                cx.out.err_line(&format!("warning: skipping symlink: {} -> {}", quote(&path), quote(target)));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_namespace_pod_and_path() {
        let of = |word: &str| place(word).map(|place| [place.namespace, place.pod, place.path]);
        assert_eq!(of("a/b").unwrap(), ["", "", "a/b"]);
        assert_eq!(of("web:/tmp").unwrap(), ["", "web", "/tmp"]);
        assert_eq!(of("team/web:x").unwrap(), ["team", "web", "x"]);
        assert!(of(":x").is_err() && of("a/b/c:x").is_err());
    }
}
