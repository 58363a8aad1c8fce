//! A simple command whose words are known: assignment, function, builtin or program.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::applets::driver::Out;
use super::builtins::{self, After};
use super::kernel::Kernel;
use super::process::Dialect;
use super::program::{Errno, System};
use super::redirect::{self, Resolved};
use super::shell::{Frame, Shell, Variable};
use super::syntax::Simple;

type Undo = Vec<(String, Option<Variable>)>;

/// Runs it. `undo` takes the assignments in front back; `substituted` is the status of the last command substitution.
pub(super) fn simple(
    shell: &mut Shell,
    kernel: &mut Kernel,
    simple: &Simple,
    words: Vec<String>,
    redirects: Vec<Resolved>,
    undo: Undo,
    substituted: Option<i32>,
) {
    trace(shell, kernel, simple, &words);
    let Some(name) = words.first().cloned() else {
        return assignments_only(shell, kernel, &redirects, substituted);
    };
    let special = builtins::find(&name, shell.dialect).filter(|builtin| builtin.special);
    if let Some(body) =
        shell.functions.get(&name).cloned().filter(|_| special.is_none() || shell.dialect == Dialect::Bash)
    {
        let Some(saved) = redirected(shell, kernel, &redirects, undo.clone(), false) else { return };
        export_temporary(shell, &undo);
        shell.frames.push(Frame::RestoreVariables(undo));
        if !saved.is_empty() {
            shell.frames.push(Frame::RestoreFds(saved));
        }
        shell.call(&body, words.into_iter().skip(1).collect());
        return;
    }
    if let Some(builtin) = builtins::find(&name, shell.dialect) {
        return run_builtin(shell, kernel, builtin, &words, &redirects, undo);
    }
    program(shell, kernel, &words, &redirects, undo, None);
}

fn assignments_only(shell: &mut Shell, kernel: &mut Kernel, redirects: &[Resolved], substituted: Option<i32>) {
    match redirect::apply(shell, kernel, redirects) {
        Ok(saved) => {
            redirect::restore(kernel, saved);
            shell.finish(substituted.unwrap_or(0));
        }
        Err(text) => complain(shell, text, 1),
    }
}

fn complain(shell: &mut Shell, text: String, status: i32) {
    let mut out = Out::default();
    out.err(&text);
    shell.finish(status);
    shell.frames.push(Frame::Flush(out));
}

/// Applies redirections; `None` when that failed and was reported.
fn redirected(
    shell: &mut Shell,
    kernel: &mut Kernel,
    redirects: &[Resolved],
    undo: Undo,
    fatal: bool,
) -> Option<Vec<(i32, Option<i32>)>> {
    match redirect::apply(shell, kernel, redirects) {
        Ok(saved) => Some(saved),
        Err(text) => {
            for (name, old) in undo.into_iter().rev() {
                shell.restore(&name, old);
            }
            let status = if shell.dialect == Dialect::Dash { 2 } else { 1 };
            complain(shell, text, status);
            if fatal && !shell.interactive && shell.dialect != Dialect::Bash {
                let frame = shell.frames.pop();
                shell.exit(status);
                shell.frames.extend(frame);
            }
            None
        }
    }
}

fn export_temporary(shell: &mut Shell, undo: &Undo) {
    for (name, _) in undo {
        if let Some(variable) = Arc::make_mut(&mut shell.vars).get_mut(name) {
            variable.exported = true;
        }
    }
}

fn run_builtin(
    shell: &mut Shell,
    kernel: &mut Kernel,
    builtin: &builtins::Builtin,
    words: &[String],
    redirects: &[Resolved],
    undo: Undo,
) {
    let Some(saved) = redirected(shell, kernel, redirects, undo.clone(), builtin.special) else { return };
    if builtin.name == "exec" {
        redirect::keep(kernel, saved);
        return exec(shell, kernel, words, undo);
    }
    if (!builtin.special || shell.dialect == Dialect::Bash) && !undo.is_empty() {
        shell.frames.push(Frame::RestoreVariables(undo));
    }
    if !saved.is_empty() {
        shell.frames.push(Frame::RestoreFds(saved));
    }
    if builtin.name == "command"
        && let Some((_, rest)) = builtins::command_words(words)
    {
        return match builtins::find(rest.first().map_or("", String::as_str), shell.dialect) {
            Some(inner) if inner.name != "exec" => call_builtin(shell, kernel, inner, rest),
            _ => program(shell, kernel, rest, &[], Vec::new(), None),
        };
    }
    call_builtin(shell, kernel, builtin, words);
}

fn call_builtin(shell: &mut Shell, kernel: &mut Kernel, builtin: &builtins::Builtin, words: &[String]) {
    let mut out = Out::default();
    let after = (builtin.run)(shell, kernel, words, &mut out);
    let flush = out.flush(kernel).is_some();
    match after {
        After::Status(status) if flush => {
            shell.finish(status);
            shell.frames.push(Frame::Flush(out));
        }
        After::Status(status) if out.broken && status == 0 => shell.finish(1),
        after => {
            shell.after(kernel, after);
            if flush {
                shell.frames.push(Frame::Flush(out));
            }
        }
    }
}

fn exec(shell: &mut Shell, kernel: &mut Kernel, words: &[String], undo: Undo) {
    let rest = words.get(1..).unwrap_or_default();
    if rest.is_empty() {
        shell.finish(0);
        return;
    }
    program(shell, kernel, rest, &[], undo, Some("exec"));
}

fn environment(shell: &Shell, undo: &Undo) -> Arc<BTreeMap<String, String>> {
    let mut env = shell.env_map();
    if !undo.is_empty() {
        let map = Arc::make_mut(&mut env);
        for (name, _) in undo {
            if let Some(value) = shell.get(name) {
                map.insert(name.clone(), value);
            }
        }
    }
    env
}

fn program(
    shell: &mut Shell,
    kernel: &mut Kernel,
    words: &[String],
    redirects: &[Resolved],
    undo: Undo,
    exec: Option<&str>,
) {
    let env = environment(shell, &undo);
    let path = env.get("PATH").cloned().or_else(|| shell.get("PATH"));
    for (name, old) in undo.into_iter().rev() {
        shell.restore(&name, old);
    }
    let Some(saved) = redirected(shell, kernel, redirects, Vec::new(), false) else { return };
    let name = words.first().cloned().unwrap_or_default();
    let found = kernel.which(&name, path.as_deref());
    let mut env = env;
    if shell.dialect == Dialect::Bash {
        let shown = found.clone().unwrap_or_else(|_| name.clone());
        Arc::make_mut(&mut env).insert("_".into(), shown);
    }
    let replace = exec.is_some() || shell.can_replace();
    let result = found.and_then(|path| {
        if replace {
            kernel.exec_path(&path, words, env).map(|()| None)
        } else {
            kernel.spawn_path(&path, words, env).map(Some)
        }
    });
    match result {
        Ok(None) => {}
        Ok(Some(pid)) => {
            redirect::restore(kernel, saved);
            shell.own_group(kernel, pid, pid);
            shell.frames.push(Frame::Wait { pid, text: Some(Arc::from(words.join(" "))) });
        }
        Err(errno) => {
            let (text, status) = cannot_run(shell, kernel, &name, errno, exec);
            let _ = kernel.write(2, text.as_bytes());
            redirect::restore(kernel, saved);
            if exec.is_some() && !shell.interactive {
                shell.exit(status);
            } else {
                shell.finish(status);
            }
        }
    }
}

/// The words and status of a command that cannot be started.
pub fn cannot_run(shell: &Shell, kernel: &Kernel, name: &str, errno: Errno, exec: Option<&str>) -> (String, i32) {
    let is_dir = name.contains('/') && kernel.file_info(name).is_ok_and(|info| info.is_dir);
    let bash = shell.dialect == Dialect::Bash;
    let (text, status) = match errno {
        Errno::Enoent if bash && name.contains('/') => ("No such file or directory".to_owned(), 127),
        Errno::Enoent if bash && exec.is_none() => ("command not found".to_owned(), 127),
        Errno::Enoent | Errno::Enotdir if errno == Errno::Enoent || !bash => ("not found".to_owned(), 127),
        Errno::Eacces if is_dir && bash => ("Is a directory".to_owned(), 126),
        Errno::Enoexec if bash => ("cannot execute binary file: Exec format error".to_owned(), 126),
        Errno::Eagain => {
            let text = match shell.dialect {
                Dialect::Bash => "fork: retry: Resource temporarily unavailable",
                Dialect::Dash => "Cannot fork",
                Dialect::Ash => "can't fork: Resource temporarily unavailable",
            };
            return (shell.complaint(text), 2);
        }
        errno => (errno.message().to_owned(), 126),
    };
    let words = format!("{name}: {text}");
    match exec {
        Some(builtin) if !bash || !name.contains('/') => (shell.builtin_complaint(builtin, &words), status),
        _ => (shell.complaint(&words), status),
    }
}

fn trace(shell: &Shell, kernel: &mut Kernel, simple: &Simple, words: &[String]) {
    if !shell.options.xtrace {
        return;
    }
    let prefix = shell.get("PS4").unwrap_or_else(|| "+ ".into());
    let shown = |word: &String| if shell.dialect == Dialect::Dash { word.clone() } else { builtins::quote(word) };
    let assigned: Vec<String> = simple
        .assignments
        .iter()
        .map(|(name, _, _)| format!("{name}={}", shown(&shell.get(name).unwrap_or_default())))
        .collect();
    let mut text = String::new();
    if shell.dialect == Dialect::Bash {
        for assignment in &assigned {
            text.push_str(&format!("{prefix}{assignment}\n"));
        }
        if !words.is_empty() {
            text.push_str(&format!("{prefix}{}\n", words.iter().map(shown).collect::<Vec<_>>().join(" ")));
        }
    } else {
        let all: Vec<String> = assigned.into_iter().chain(words.iter().map(shown)).collect();
        if !all.is_empty() {
            text = format!("{prefix}{}\n", all.join(" "));
        }
    }
    let _ = kernel.write(2, text.as_bytes());
}
