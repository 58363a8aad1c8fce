//! `export`, `readonly`, `unset`, `local`, `declare`.

use std::sync::Arc;

use super::After;
use crate::shell::applets::driver::Out;
use crate::shell::kernel::Kernel;
use crate::shell::machine::Dialect;
use crate::shell::parser::is_name;
use crate::shell::shell::{Shell, Variable};

fn bad_name(shell: &Shell, builtin: &str, word: &str, out: &mut Out) -> After {
    if shell.dialect == Dialect::Bash {
        out.err(&shell.builtin_complaint(builtin, &format!("`{word}': not a valid identifier")));
        return After::Status(1);
    }
    let name = word.split('=').next().unwrap_or_default();
    out.err(&shell.builtin_complaint(builtin, &format!("{name}: bad variable name")));
    After::Fatal(2)
}

fn refuse_readonly(shell: &Shell, name: &str, out: &mut Out) -> After {
    out.err(&shell.complaint(&shell.words_readonly(name)));
    if shell.dialect == Dialect::Bash { After::Status(1) } else { After::Fatal(2) }
}

fn print(shell: &Shell, word: &str, flag: &str, wanted: impl Fn(&Variable) -> bool, out: &mut Out) {
    for (name, variable) in shell.vars.iter().filter(|(_, variable)| wanted(variable)) {
        let value = variable.value.as_ref().map(|value| match shell.dialect {
            Dialect::Bash => format!("=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$")),
            _ => format!("='{}'", value.replace('\'', r"'\''")),
        });
        let lead = if shell.dialect == Dialect::Bash { format!("declare -{flag}") } else { word.to_owned() };
        out.out(&format!("{lead} {name}{}\n", value.unwrap_or_default()));
    }
}

fn attribute(
    shell: &mut Shell,
    builtin: &str,
    words: &[String],
    out: &mut Out,
    mark: impl Fn(&mut Variable, bool),
) -> After {
    let mut on = true;
    let mut result = After::Status(0);
    for word in words.iter().skip(1) {
        if word == "-n" {
            on = false;
            continue;
        }
        if word.starts_with('-') {
            continue;
        }
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        if !is_name(name) {
            result = bad_name(shell, builtin, word, out);
            if matches!(result, After::Fatal(_)) {
                return result;
            }
            continue;
        }
        if value.is_some() && shell.variable(name).is_some_and(|variable| variable.readonly) {
            return refuse_readonly(shell, name, out);
        }
        if let Some(value) = value {
            shell.set(name, value);
        }
        mark(Arc::make_mut(&mut shell.vars).entry(name.to_owned()).or_default(), on);
    }
    result
}

pub(in crate::shell) fn export(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    if words.len() == 1 || words.get(1).is_some_and(|word| word == "-p") {
        print(shell, "export", "x", |variable| variable.exported, out);
        return After::Status(0);
    }
    attribute(shell, "export", words, out, |variable, on| variable.exported = on)
}

pub(in crate::shell) fn readonly(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    if words.len() == 1 || words.get(1).is_some_and(|word| word == "-p") {
        print(shell, "readonly", "r", |variable| variable.readonly, out);
        return After::Status(0);
    }
    attribute(shell, "readonly", words, out, |variable, on| variable.readonly |= on)
}

pub(in crate::shell) fn unset(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let functions = words.iter().any(|word| word == "-f");
    for name in words.iter().skip(1).filter(|word| !word.starts_with('-')) {
        if functions {
            Arc::make_mut(&mut shell.functions).remove(name);
        } else if shell.variable(name).is_some_and(|variable| variable.readonly) {
            let text = match shell.dialect {
                Dialect::Bash => format!("{name}: cannot unset: readonly variable"),
                _ => format!("{name}: is read only"),
            };
            out.err(&shell.builtin_complaint("unset", &text));
            return if shell.dialect == Dialect::Bash { After::Status(1) } else { After::Fatal(2) };
        } else if Arc::make_mut(&mut shell.vars).remove(name).is_none() && shell.dialect == Dialect::Bash {
            Arc::make_mut(&mut shell.functions).remove(name);
        }
    }
    After::Status(0)
}

pub(in crate::shell) fn local(shell: &mut Shell, _: &mut Kernel, words: &[String], out: &mut Out) -> After {
    if shell.locals.is_empty() {
        let text = if shell.dialect == Dialect::Bash { "can only be used in a function" } else { "not in a function" };
        out.err(&shell.builtin_complaint("local", text));
        return if shell.dialect == Dialect::Bash { After::Status(1) } else { After::Fatal(2) };
    }
    for word in words.iter().skip(1).filter(|word| !word.starts_with('-')) {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        if !is_name(name) {
            return bad_name(shell, "local", word, out);
        }
        let old = shell.variable(name).cloned();
        if old.as_ref().is_some_and(|old| old.readonly) {
            return refuse_readonly(shell, name, out);
        }
        if let Some(frame) = shell.locals.last_mut() {
            frame.push((name.to_owned(), old));
        }
        match value {
            Some(value) => shell.set(name, value),
            // ash and dash keep the value of the outer variable, bash starts unset.
            None if shell.dialect == Dialect::Bash => drop(Arc::make_mut(&mut shell.vars).remove(name)),
            None => {}
        }
    }
    After::Status(0)
}

pub(in crate::shell) fn declare(shell: &mut Shell, kernel: &mut Kernel, words: &[String], out: &mut Out) -> After {
    let flags: String = words.iter().skip(1).filter_map(|word| word.strip_prefix('-')).collect();
    let names: Vec<String> = words.iter().filter(|word| !word.starts_with('-')).cloned().collect();
    if flags.contains(['a', 'A']) {
        out.err(&shell.builtin_complaint("declare", "this shell has no arrays"));
        return After::Status(1);
    }
    if names.len() == 1 || flags.contains('p') {
        print(
            shell,
            "declare",
            if flags.contains('x') { "x" } else { "-" },
            |variable| !flags.contains('x') || variable.exported,
            out,
        );
        return After::Status(0);
    }
    if !shell.locals.is_empty() && !flags.contains('g') {
        let result = local(shell, kernel, &names, out);
        if !matches!(result, After::Status(0)) {
            return result;
        }
    }
    attribute(shell, "declare", &names, out, |variable, _| {
        variable.exported |= flags.contains('x');
        variable.readonly |= flags.contains('r');
    })
}
