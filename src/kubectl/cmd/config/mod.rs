//! `kubectl config`: shows and changes the kubeconfig file.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/config.

mod entries;
mod property;

use serde_json::{Map, Value, json};

use crate::kubectl::config::{ConfigFile, entry, read};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{switch, text};
use crate::kubectl::generated;
use crate::kubectl::help::{self, subcommand_missing};
use crate::kubectl::print::{Format, Printer, list_at, print_flags, str_at};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group, find};
use crate::text::go_number::quote;
use crate::text::table::TabWriter;
use crate::text::yaml::to_yaml;

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

fn write(cx: &mut Context<'_>, file: &ConfigFile) -> Result<(), Failure> {
    let path = file.path.clone();
    if let Some((directory, _)) = path.rsplit_once('/') {
        let _ = cx.system.create_dir(directory, true);
    }
    let mut content = file.content.clone();
    tidy(&mut content);
    let text = to_yaml(&content);
    cx.system
        .write_file(&path, text.as_bytes())
        .map_err(|errno| Failure::msg(format!("open {path}: {}", errno.message().to_lowercase())))
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

/// The file, in the order and with the fields that kubectl gives it. One that is not there is empty.
fn load(cx: &Context<'_>) -> Result<ConfigFile, Failure> {
    let (path, _) = crate::kubectl::config::path(cx.system, &cx.session.flags);
    let mut file = match cx.system.file_info(&path) {
        Ok(_) => read(cx.system, &cx.session.flags)?,
        Err(_) => ConfigFile { path, content: json!({"apiVersion": "v1", "kind": "Config", "current-context": ""}) },
    };
    tidy(&mut file.content);
    Ok(file)
}

/// Sorts the lists by their names and gives every entry what it always has.
fn tidy(content: &mut Value) {
    let Some(fields) = content.as_object_mut() else { return };
    if fields.get("preferences").and_then(Value::as_object).is_some_and(Map::is_empty) {
        fields.remove("preferences");
    }
    fields.entry("current-context").or_insert_with(|| json!(""));
    for (list, field, always) in [
        ("clusters", "cluster", &["server"][..]),
        ("contexts", "context", &["cluster", "user"]),
        ("users", "user", &[]),
    ] {
        let entries = fields.entry(list.to_owned()).or_insert(Value::Null);
        let Some(entries) = entries.as_array_mut().filter(|entries| !entries.is_empty()) else {
            fields.insert(list.to_owned(), Value::Null);
            continue;
        };
        entries.sort_by_key(|one| str_at(one, "/name").to_owned());
        for entry in entries.iter_mut().filter_map(|one| one.get_mut(field)).filter_map(Value::as_object_mut) {
            for name in always {
                entry.entry((*name).to_owned()).or_insert_with(|| json!(""));
            }
        }
    }
}

fn current_context(cx: &mut Context<'_>) -> Outcome {
    let file = load(cx)?;
    let current = str_at(&file.content, "/current-context");
    if current.is_empty() {
        return Err(Failure::msg("current-context is not set"));
    }
    let current = current.to_owned();
    cx.out.line(&current);
    DONE
}

fn names(cx: &mut Context<'_>, list: &str) -> Outcome {
    let file = load(cx)?;
    cx.out.line("NAME");
    for one in list_at(&file.content, &format!("/{list}")) {
        cx.out.line(str_at(one, "/name"));
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
    let file = load(cx)?;
    let current = str_at(&file.content, "/current-context");
    let mut contexts: Vec<&Value> = list_at(&file.content, "/contexts").iter().collect();
    contexts.sort_by_key(|one| str_at(one, "/name").to_owned());
    let mut failures = Vec::new();
    for name in &flags.args {
        if !contexts.iter().any(|one| str_at(one, "/name") == name) {
            failures.push(Failure::msg(format!("context {name} not found")));
        }
    }
    let mut writer = TabWriter::for_tables();
    if !flags.on("no-headers") && output.is_empty() {
        writer.write("CURRENT\tNAME\tCLUSTER\tAUTHINFO\tNAMESPACE\n");
    }
    for one in contexts {
        let name = str_at(one, "/name");
        if !flags.args.is_empty() && !flags.args.iter().any(|wanted| wanted == name) {
            continue;
        }
        if output == "name" {
            writer.write(&format!("{name}\n"));
            continue;
        }
        let mark = if name == current { "*" } else { "" };
        let of = |field: &str| str_at(one, &format!("/context/{field}"));
        writer.write(&format!("{mark}\t{name}\t{}\t{}\t{}\n", of("cluster"), of("user"), of("namespace")));
    }
    let text = writer.flush();
    cx.out.out(&text);
    if failures.is_empty() { DONE } else { Err(Failure::Many(failures)) }
}

fn use_context(cx: &mut Context<'_>) -> Outcome {
    let args = cx.session.flags.args.clone();
    let [name] = args.as_slice() else { return Err(misused(cx, &args)) };
    let mut file = load(cx)?;
    if entry(&file.content, "contexts", name, "context").is_none() {
        return Err(Failure::msg(format!("no context exists with the name: {}", quote(name))));
    }
    if let Some(fields) = file.content.as_object_mut() {
        fields.insert("current-context".to_owned(), json!(name));
    }
    write(cx, &file)?;
    cx.out.line(&format!("Switched to context {}.", quote(name)));
    DONE
}

/// The entry of a list, made when it is missing; says whether it was there.
fn slot<'a>(file: &'a mut Value, list: &str, name: &str, field: &str) -> Option<(bool, &'a mut Map<String, Value>)> {
    let entries = file.as_object_mut()?.entry(list.to_owned()).or_insert_with(|| json!([]));
    if !entries.is_array() {
        *entries = json!([]);
    }
    let entries = entries.as_array_mut()?;
    let known = entries.iter().position(|one| str_at(one, "/name") == name);
    if known.is_none() {
        entries.push(json!({"name": name, field: {}}));
    }
    let at = known.unwrap_or(entries.len() - 1);
    let value = entries.get_mut(at)?.as_object_mut()?.entry(field.to_owned()).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    Some((known.is_some(), value.as_object_mut()?))
}

fn one_name(cx: &mut Context<'_>) -> Result<String, Failure> {
    let args = cx.session.flags.args.clone();
    match args.as_slice() {
        [name] => Ok(name.clone()),
        other => Err(misused(cx, other)),
    }
}

fn remove(cx: &mut Context<'_>, list: &str, word: &str) -> Outcome {
    let name = one_name(cx)?;
    let mut file = load(cx)?;
    let path = file.path.clone();
    let entries = file.content.pointer_mut(&format!("/{list}")).and_then(Value::as_array_mut);
    let found = entries.is_some_and(|entries| {
        let before = entries.len();
        entries.retain(|one| str_at(one, "/name") != name);
        entries.len() != before
    });
    if !found {
        return Err(Failure::msg(format!("cannot delete {word} {name}, not in {path}")));
    }
    if word == "context" && str_at(&file.content, "/current-context") == name {
        cx.out.err_line(
            "warning: this removed your active context, use \"kubectl config use-context\" to select a different one",
        );
    }
    write(cx, &file)?;
    cx.out.line(&format!("deleted {word} {name} from {path}"));
    DONE
}

fn rename_context(cx: &mut Context<'_>) -> Outcome {
    let args = cx.session.flags.args.clone();
    let [old, new] = args.as_slice() else { return Err(misused(cx, &args)) };
    let mut file = load(cx)?;
    if entry(&file.content, "contexts", old, "context").is_none() {
        return Err(Failure::msg(format!("cannot rename the context {}, it's not in {}", quote(old), file.path)));
    }
    if entry(&file.content, "contexts", new, "context").is_some() {
        return Err(Failure::msg(format!(
            "cannot rename the context {}, the context {} already exists in {}",
            quote(old),
            quote(new),
            file.path
        )));
    }
    for one in file.content.pointer_mut("/contexts").and_then(Value::as_array_mut).into_iter().flatten() {
        if str_at(one, "/name") == old
            && let Some(fields) = one.as_object_mut()
        {
            fields.insert("name".to_owned(), json!(new));
        }
    }
    if str_at(&file.content, "/current-context") == old
        && let Some(fields) = file.content.as_object_mut()
    {
        fields.insert("current-context".to_owned(), json!(new));
    }
    write(cx, &file)?;
    cx.out.line(&format!("Context {} renamed to {}.", quote(old), quote(new)));
    DONE
}

fn view(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if !flags.args.is_empty() {
        return Err(cx.usage(format!("unexpected arguments: [{}]", flags.args.join(" "))));
    }
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let mut file = load(cx)?;
    if !flags.text("context").is_empty()
        && let Some(fields) = file.content.as_object_mut()
    {
        fields.insert("current-context".to_owned(), json!(flags.text("context")));
    }
    if flags.on("minify") {
        minify(&mut file.content)?;
        tidy(&mut file.content);
    }
    if !flags.on("raw") && !flags.on("flatten") {
        hide(&mut file.content);
    }
    let text = match printer.format {
        Format::Json => generated::indented(&file.content) + "\n",
        _ => printer.print(&file.content)?,
    };
    cx.out.out(&text);
    DONE
}

/// Keeps what the present context needs.
fn minify(content: &mut Value) -> Result<(), Failure> {
    let current = str_at(content, "/current-context").to_owned();
    if current.is_empty() {
        return Err(Failure::msg("current-context must exist in order to minify"));
    }
    let context = entry(content, "contexts", &current, "context").cloned();
    let part = |name: &str| {
        let of_context = context.as_ref().and_then(|context| context.get(name));
        of_context.and_then(Value::as_str).unwrap_or("").to_owned()
    };
    let wanted = [
        ("contexts", "context", "context", current.clone()),
        ("clusters", "cluster", "cluster", part("cluster")),
        ("users", "user", "user", part("user")),
    ];
    for (list, field, word, name) in wanted {
        if entry(content, list, &name, field).is_none() && (list != "users" || !name.is_empty()) {
            return Err(Failure::msg(format!("cannot locate {word} {name}")));
        }
        if let Some(entries) = content.pointer_mut(&format!("/{list}")).and_then(Value::as_array_mut) {
            entries.retain(|one| str_at(one, "/name") == name);
        }
    }
    Ok(())
}

/// Puts words in the place of certificates, keys and tokens.
fn hide(content: &mut Value) {
    for list in ["/clusters", "/users"] {
        for one in content.pointer_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            for field in ["cluster", "user"] {
                let Some(fields) = one.get_mut(field).and_then(Value::as_object_mut) else { continue };
                for (key, value) in fields.iter_mut() {
                    if key.ends_with("-data") {
                        *value = json!("DATA+OMITTED");
                    } else if key == "token" || key == "password" {
                        *value = json!("REDACTED");
                    }
                }
            }
        }
    }
}
