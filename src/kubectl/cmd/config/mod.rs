//! `kubectl config`: shows and changes the kubeconfig files.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/config.

mod entries;
mod property;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::kubectl::failure::{Failure, path_error};
use crate::kubectl::flags::{switch, text};
use crate::kubectl::help::{self, subcommand_missing};
use crate::kubectl::kubeconfig::schema::{self, Type};
use crate::kubectl::kubeconfig::{self, Files, Kubeconfig, text as text_of};
use crate::kubectl::print::{Format, Printer, print_flags};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group, find};
use crate::shell::vfs::lexical;
use crate::text::go_json;
use crate::text::go_number::quote;
use crate::text::table::TabWriter;

/// The command.
pub static COMMAND: Command = Command {
    name: "config",
    group: Group::Other,
    short: "Show and change the kubeconfig file",
    long: "Shows and changes the file that says which clusters there are and as whom to speak to them.",
    examples: &[("The present context", "kubectl config current-context")],
    usage: "SUBCOMMAND [options]",
    subcommands: &[
        &CURRENT_CONTEXT,
        &DELETE_CLUSTER,
        &DELETE_CONTEXT,
        &DELETE_USER,
        &GET_CLUSTERS,
        &GET_CONTEXTS,
        &GET_USERS,
        &RENAME_CONTEXT,
        &property::SET,
        &entries::SET_CLUSTER,
        &entries::SET_CONTEXT,
        &entries::SET_CREDENTIALS,
        &property::UNSET,
        &USE_CONTEXT,
        &VIEW,
    ],
    run: Some(subcommand_missing),
    ..Command::EMPTY
};

const fn sub(
    name: &'static str,
    short: &'static str,
    usage: &'static str,
    run: fn(&mut Context<'_>) -> Outcome,
    examples: &'static [(&'static str, &'static str)],
) -> Command {
    Command { name, short, long: short, examples, usage, run: Some(run), ..Command::EMPTY }
}

static CURRENT_CONTEXT: Command = sub(
    "current-context",
    "Show the present context",
    "[flags] [options]",
    current_context,
    &[("The present context", "kubectl config current-context")],
);
static DELETE_CLUSTER: Command = sub(
    "delete-cluster",
    "Delete a cluster",
    "NAME [options]",
    |cx| remove(cx, "clusters", "cluster"),
    &[("Forget a cluster", "kubectl config delete-cluster kubernetes")],
);
static DELETE_CONTEXT: Command = sub(
    "delete-context",
    "Delete a context",
    "NAME [options]",
    |cx| remove(cx, "contexts", "context"),
    &[("Forget a context", "kubectl config delete-context kubernetes-admin@kubernetes")],
);
static DELETE_USER: Command = sub(
    "delete-user",
    "Delete a user",
    "NAME [options]",
    |cx| remove(cx, "users", "user"),
    &[("Forget a user", "kubectl config delete-user kubernetes-admin")],
);
static GET_CLUSTERS: Command = sub(
    "get-clusters",
    "List the clusters",
    "[options]",
    |cx| names(cx, "clusters"),
    &[("The clusters", "kubectl config get-clusters")],
);
static GET_USERS: Command = sub(
    "get-users",
    "List the users",
    "[flags] [options]",
    |cx| names(cx, "users"),
    &[("The users", "kubectl config get-users")],
);
static RENAME_CONTEXT: Command = sub(
    "rename-context",
    "Rename a context",
    "CONTEXT_NAME NEW_NAME [options]",
    rename_context,
    &[("A shorter name", "kubectl config rename-context kubernetes-admin@kubernetes home")],
);
static USE_CONTEXT: Command = Command {
    aliases: &["use"],
    ..sub(
        "use-context",
        "Choose the present context",
        "CONTEXT_NAME [options]",
        use_context,
        &[("Choose a context", "kubectl config use-context kubernetes-admin@kubernetes")],
    )
};

static GET_CONTEXTS: Command = Command {
    flags: &[&[switch("no-headers", "Leave out the line of headers."), text("output", "", "name.").short('o')]],
    ..sub(
        "get-contexts",
        "List the contexts",
        "[(-o|--output=)name)] [options]",
        get_contexts,
        &[
            ("The contexts", "kubectl config get-contexts"),
            ("Their names alone", "kubectl config get-contexts -o name"),
        ],
    )
};
static VIEW: Command = Command {
    examples: &[
        ("The whole file", "kubectl config view"),
        ("Only what the present context needs", "kubectl config view --minify"),
    ],
    flags: &[
        &print_flags("yaml"),
        &[
            switch("flatten", "Put files into the output."),
            switch("merge", "Merge all files.").on(),
            switch("minify", "Only what the present context needs."),
            switch("raw", "Show secrets, too."),
        ],
    ],
    ..sub("view", "Show the file", "[flags] [options]", view, &[])
};

fn files(cx: &Context<'_>) -> Files {
    Files::of(cx.system, &cx.session.flags)
}

/// What the files hold together, paths as they are written.
fn load(cx: &mut Context<'_>) -> Result<Kubeconfig, Failure> {
    let loaded = files(cx).start(cx.system)?;
    cx.tell_files(&loaded.read, &loaded.missing);
    Ok(loaded.config)
}

/// Writes a change to the files that it belongs to, with paths as seen from them if they are to be `relative`.
fn write_as(cx: &mut Context<'_>, config: &Kubeconfig, relative: bool) -> Result<(), Failure> {
    let mut read = Vec::new();
    let done = files(cx).modify(cx.system, config, relative, &mut read);
    cx.tell_files(&read, &[]);
    done
}

fn write(cx: &mut Context<'_>, config: &Kubeconfig) -> Result<(), Failure> {
    write_as(cx, config, true)
}

/// The command's help, and what is wrong with the words after it.
fn misused(cx: &mut Context<'_>, args: &[String]) -> Failure {
    show_help(cx);
    Failure::msg(format!("Unexpected args: [{}]", args.join(" ")))
}

fn show_help(cx: &mut Context<'_>) {
    let path: Vec<String> = cx.session.path.split(' ').skip(1).map(str::to_owned).collect();
    if let Ok(found) = find(&path) {
        cx.out.out(&help::command(&found));
    }
}

fn current_context(cx: &mut Context<'_>) -> Outcome {
    let config = load(cx)?;
    if config.current().is_empty() {
        return Err(Failure::msg("current-context is not set"));
    }
    cx.out.line(config.current());
    DONE
}

fn names(cx: &mut Context<'_>, list: &str) -> Outcome {
    let config = load(cx)?;
    cx.out.line("NAME");
    for (name, _) in config.entries(list) {
        cx.out.line(name);
    }
    DONE
}

fn get_contexts(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let output = flags.text("output");
    if !["", "name"].contains(&output) {
        return Err(Failure::msg(format!(
            "--output {output} is not available in kubectl config get-contexts; resetting to default output format"
        )));
    }
    let config = load(cx)?;
    let mut wanted = flags.args.clone();
    if wanted.is_empty() {
        wanted = config.entries("contexts").map(|(name, _)| name.clone()).collect();
    }
    wanted.sort();
    let unknown = flags.args.iter().filter(|name| config.entry("contexts", name).is_none());
    let failures: Vec<Failure> = unknown.map(|name| Failure::msg(format!("context {name} not found"))).collect();
    let mut writer = TabWriter::for_tables();
    if !flags.on("no-headers") && output.is_empty() {
        writer.write("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n");
    }
    for name in wanted {
        let Some(context) = config.entry("contexts", &name) else { continue };
        if output == "name" {
            writer.write(&format!("{name}\n"));
            continue;
        }
        let mark = if name == config.current() { "*" } else { "" };
        let of = |field: &str| text_of(context, field);
        writer.write(&format!("{mark}\t{name}\t{}\t{}\t{}\n", of("cluster"), of("user"), of("namespace")));
    }
    let text = writer.flush();
    cx.out.out(&text);
    match failures.len() {
        0 => DONE,
        _ => Err(Failure::Many(failures)),
    }
}

fn use_context(cx: &mut Context<'_>) -> Outcome {
    let name = one_name(cx)?;
    let mut config = load(cx)?;
    if name.is_empty() {
        return Err(Failure::msg("empty context names are not allowed"));
    }
    if config.entry("contexts", &name).is_none() {
        return Err(Failure::msg(format!("no context exists with the name: {}", quote(&name))));
    }
    config.set_current(&name);
    write(cx, &config)?;
    cx.out.line(&format!("Switched to context {}.", quote(&name)));
    DONE
}

fn one_name(cx: &mut Context<'_>) -> Result<String, Failure> {
    let args = cx.session.flags.args.clone();
    match args.as_slice() {
        [name] => Ok(name.clone()),
        other => Err(misused(cx, other)),
    }
}

fn remove(cx: &mut Context<'_>, list: &str, word: &str) -> Outcome {
    let mut config = load(cx)?;
    let args = cx.session.flags.args.clone();
    let [name] = args.as_slice() else {
        if word == "user" {
            return Err(cx.usage("user to delete is required"));
        }
        show_help(cx);
        return DONE;
    };
    let path = files(cx).usual(cx.system).to_owned();
    if config.entry(list, name).is_none() {
        return Err(Failure::msg(format!("cannot delete {word} {name}, not in {path}")));
    }
    if word == "context" && config.current() == name {
        cx.out.err_line(
            "warning: this removed your active context, use \"kubectl config use-context\" to select a different one",
        );
    }
    config.set(list, name, None);
    write(cx, &config)?;
    cx.out.line(&format!("deleted {word} {name} from {path}"));
    DONE
}

fn rename_context(cx: &mut Context<'_>) -> Outcome {
    let args = cx.session.flags.args.clone();
    let [old, new] = args.as_slice() else { return Err(misused(cx, &args)) };
    if new.is_empty() {
        return Err(Failure::msg("You must specify a new non-empty context name"));
    }
    let mut config = load(cx)?;
    let path = files(cx).usual(cx.system).to_owned();
    let Some(context) = config.entry("contexts", old).cloned() else {
        return Err(Failure::msg(format!("cannot rename the context {}, it's not in {path}", quote(old))));
    };
    if config.entry("contexts", new).is_some() {
        return Err(Failure::msg(format!(
            "cannot rename the context {}, the context {} already exists in {path}",
            quote(old),
            quote(new),
        )));
    }
    config.set("contexts", new, Some(context));
    config.set("contexts", old, None);
    if config.current() == old {
        config.set_current(new);
    }
    write(cx, &config)?;
    cx.out.line(&format!("Context {} renamed to {}.", quote(old), quote(new)));
    DONE
}

fn view(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if !flags.args.is_empty() {
        return Err(cx.usage(format!("unexpected arguments: [{}]", flags.args.join(" "))));
    }
    let files = files(cx);
    let printer = Printer::of(&flags, cx.system, false)?;
    let mut config = match files.explicit() {
        _ if flags.on("merge") => load(cx)?,
        Some(path) => kubeconfig::alone(cx.system, path)?,
        None => return Err(Failure::msg("if merge==false a precise file must be specified")),
    };
    if flags.on("minify") {
        if !flags.text("context").is_empty() {
            config.set_current(flags.text("context"));
        }
        minify(&mut config)?;
    }
    if flags.on("flatten") {
        flatten(cx, &mut config)?;
    } else if !flags.on("raw") {
        hide(&mut config);
    }
    show(cx, printer, &config.file())
}

fn show(cx: &mut Context<'_>, mut printer: Printer, file: &Value) -> Outcome {
    let text = match printer.format {
        Format::Json => go_json::reindented(&schema::json_text(file), "") + "\n",
        _ => printer.print(file)?,
    };
    cx.out.out(&text);
    DONE
}

/// Keeps what the present context needs.
fn minify(config: &mut Kubeconfig) -> Result<(), Failure> {
    let current = config.current().to_owned();
    if current.is_empty() {
        return Err(Failure::msg("current-context must exist in order to minify"));
    }
    let Some(context) = config.entry("contexts", &current).cloned() else {
        return Err(Failure::msg(format!("cannot locate context {current}")));
    };
    let wanted = [
        ("contexts", "context", current.as_str()),
        ("clusters", "cluster", text_of(&context, "cluster")),
        ("users", "user", text_of(&context, "user")),
    ];
    for (list, word, name) in wanted {
        if !name.is_empty() && config.entry(list, name).is_none() {
            return Err(Failure::msg(format!("cannot locate {word} {name}")));
        }
        let others: Vec<String> = config
            .entries(list)
            .map(|(other, _)| other.clone())
            .filter(|other| other != name || name.is_empty())
            .collect();
        for other in others {
            config.set(list, &other, None);
        }
    }
    Ok(())
}

/// Puts the content of files into the place of their names.
fn flatten(cx: &Context<'_>, config: &mut Kubeconfig) -> Result<(), Failure> {
    for (list, fields) in
        [("users", &["client-certificate", "client-key"][..]), ("clusters", &["certificate-authority"])]
    {
        for entry in config.entries_mut(list) {
            let base = kubeconfig::base(cx.system, text_of(entry, kubeconfig::schema::ORIGIN));
            for field in fields {
                let data = format!("{field}-data");
                let Some(path) = entry.get(*field).and_then(Value::as_str) else { continue };
                if entry.contains_key(&data) {
                    return Err(Failure::msg("cannot have values for both path and contents"));
                }
                let path = if path.starts_with('/') { path.to_owned() } else { lexical(&base, path) };
                let content =
                    cx.system.read_file(&path).map_err(|errno| Failure::msg(path_error("open", &path, errno)))?;
                entry.insert(data, json!(STANDARD.encode(content)));
                entry.remove(*field);
            }
        }
    }
    Ok(())
}

/// Puts words in the place of certificates, keys and tokens.
fn hide(config: &mut Kubeconfig) {
    for field in schema::CONFIG.fields {
        let Type::Entries(of, _) = field.ty else { continue };
        for entry in config.entries_mut(field.name) {
            for field in of.fields {
                if let Some(value) = entry.get_mut(field.name) {
                    match field.ty {
                        Type::Bytes => *value = json!("DATA+OMITTED"),
                        _ if field.secret => *value = json!("REDACTED"),
                        _ => {}
                    }
                }
            }
        }
    }
}
