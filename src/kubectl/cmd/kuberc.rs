//! `kubectl kuberc`: shows and changes the learner's preferences.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/kuberc.

use serde_json::{Map, Value, json};

use crate::kubectl::confirm::Answer;
use crate::kubectl::failure::{Failure, path_error};
use crate::kubectl::flags::{Flag, Flags, array, switch, text};
use crate::kubectl::help::subcommand_missing;
use crate::kubectl::kuberc::place;
use crate::kubectl::print::{Format, Printer, print_flags};
use crate::kubectl::program::{Context, DONE, Next, Outcome, Progress, Task};
use crate::kubectl::tree::{Command, Group};
use crate::text::go_json;
use crate::text::go_number::quote;
use crate::text::yaml::{from_yaml, to_yaml};

/// The command.
pub static COMMAND: Command = Command {
    name: "kuberc",
    group: Group::Other,
    short: "Manage the file with your preferences",
    long: "Shows and changes the kuberc file: aliases of commands, and what flags are when they are not given.",
    examples: &[
        ("Wide tables from now on", "kubectl kuberc set --section defaults --command get --option output=wide"),
        (
            "A short name for `get nodes`",
            "kubectl kuberc set --section aliases --name getn --command get --prependarg nodes",
        ),
        ("What is set", "kubectl kuberc view"),
    ],
    usage: "SUBCOMMAND [options]",
    subcommands: &[&SET, &VIEW],
    run: Some(subcommand_missing),
    unless: Some("KUBECTL_KUBERC"),
    ..Command::EMPTY
};

const KUBERC: Flag = text("kuberc", "", "The kuberc file with preferences.");
const YAML: &[Flag] = &print_flags("yaml");

static VIEW: Command = Command {
    name: "view",
    short: "Show the preferences",
    long: "Shows the kuberc file, in YAML unless told otherwise.",
    examples: &[("As JSON", "kubectl kuberc view --output json")],
    usage: "[options]",
    flags: &[&[KUBERC], YAML],
    run: Some(view),
    ..Command::EMPTY
};

static SET: Command = Command {
    name: "set",
    short: "Change the preferences",
    long: "Sets the defaults of a command's flags, an alias, or which programs may hand out credentials.",
    examples: &[
        (
            "An alias with arguments at its end",
            "kubectl kuberc set --section aliases --name runx --command run --option image=nginx --appendarg \"--\" --appendarg custom-arg1",
        ),
        (
            "In the place of what is there",
            "kubectl kuberc set --section defaults --command get --option output=json --overwrite",
        ),
    ],
    usage: "--section (defaults|aliases) --command COMMAND [options]",
    flags: &[&[
        KUBERC,
        array("allowlist-entry", "A program that may hand out credentials, as command=NAME; may be repeated."),
        array("appendarg", "An argument behind those of the line, of an alias; may be repeated."),
        text("command", "", "The command, such as get or \"set env\"."),
        text("name", "", "The name of an alias."),
        array("option", "A flag and its value, as FLAG=VALUE; may be repeated."),
        switch("overwrite", "Replace what is there."),
        text("policy", "", "Which programs may hand out credentials: AllowAll, DenyAll or Allowlist."),
        array("prependarg", "An argument before those of the line, of an alias; may be repeated."),
        text("section", "", "What to change: defaults, aliases or credentialplugin.").required(),
    ]],
    run: Some(set),
    ..Command::EMPTY
};

fn file(cx: &Context<'_>) -> Result<(String, bool), Failure> {
    let found = place(cx.system, cx.session.flags.text("kuberc")).map_err(Failure::msg)?;
    found.ok_or_else(|| Failure::msg("KUBERC is disabled via KUBERC=off environment variable"))
}

/// The fields of a preference that its type has, so that nothing else is shown or written again.
fn known(value: &Value) -> Value {
    let pick = |value: &Value, names: &[&str]| -> Map<String, Value> {
        let field = |name: &&str| Some(((*name).to_owned(), value.get(name)?.clone()));
        names.iter().filter_map(field).collect()
    };
    let each = |value: Option<&Value>, one: &dyn Fn(&Value) -> Value| match value.and_then(Value::as_array) {
        Some(items) => Value::Array(items.iter().map(one).collect()),
        None => Value::Null,
    };
    let option = |value: &Value| json!({"name": value.get("name").cloned().unwrap_or_else(|| json!("")), "default": value.get("default").cloned().unwrap_or_else(|| json!(""))});
    let mut out = pick(value, &["kind", "apiVersion", "credentialPluginPolicy"]);
    let defaults = |value: &Value| json!({"command": value.get("command").cloned().unwrap_or_else(|| json!("")), "options": each(value.get("options"), &option)});
    let alias = |value: &Value| {
        let mut fields = pick(value, &["prependArgs", "appendArgs"]);
        fields.retain(|_, value| value.as_array().is_some_and(|list| !list.is_empty()));
        for name in ["name", "command"] {
            fields.insert(name.to_owned(), value.get(name).cloned().unwrap_or_else(|| json!("")));
        }
        if value.get("options").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
            fields.insert("options".to_owned(), each(value.get("options"), &option));
        }
        Value::Object(fields)
    };
    out.insert("defaults".to_owned(), each(value.get("defaults"), &defaults));
    out.insert("aliases".to_owned(), each(value.get("aliases"), &alias));
    let allowed = |value: &Value| Value::Object(pick(value, &["name", "command"]));
    if value.get("credentialPluginAllowlist").and_then(Value::as_array).is_some_and(|list| !list.is_empty()) {
        out.insert("credentialPluginAllowlist".to_owned(), each(value.get("credentialPluginAllowlist"), &allowed));
    }
    Value::Object(out)
}

fn unreadable(path: &str, message: &str) -> Failure {
    Failure::msg(format!("error reading kuberc file: open {path}: {}", message.to_lowercase()))
}

fn parsed(bytes: &[u8]) -> Result<Value, Failure> {
    let text = String::from_utf8_lossy(bytes);
    from_yaml(&text).map_err(|why| Failure::msg(format!("error parsing kuberc file: {why}")))
}

fn view(cx: &mut Context<'_>) -> Outcome {
    let (path, explicit) = file(cx)?;
    let bytes = match cx.system.read_file(&path) {
        Ok(bytes) => bytes,
        Err(errno) if cx.system.file_info(&path).is_ok() => return Err(unreadable(&path, errno.message())),
        Err(_) if explicit => return Err(Failure::msg(format!("kuberc file not found at {path}"))),
        Err(_) => {
            cx.out.line(&format!("kuberc file not found at {path}"));
            cx.out.out("Would you like to generate a default kuberc file with recommended options? (y/N): ");
            return Ok(Next::Task(Box::new(Offering { path, answer: Answer::default() })));
        }
    };
    let mut preference = known(&parsed(&bytes)?);
    if let Some(fields) = preference.as_object_mut() {
        for name in ["defaults", "aliases"] {
            if fields.get(name).is_none_or(Value::is_null) {
                fields.insert(name.to_owned(), json!([]));
            }
        }
    }
    let mut printer = Printer::of(&cx.session.flags, cx.system, false)?;
    let text = match printer.format {
        Format::Json => go_json::ordered(&preference, PREFERENCE, WITHIN) + "\n",
        _ => printer.print(&preference)?,
    };
    cx.out.out(&text);
    DONE
}

/// The fields of preferences in the order of Go's type.
const PREFERENCE: &[&str] =
    &["kind", "apiVersion", "defaults", "aliases", "credentialPluginPolicy", "credentialPluginAllowlist"];

/// The fields of what they hold.
const WITHIN: go_json::Within<'static> = &[
    ("defaults", &["command", "options"] as &[&str]),
    ("aliases", &["name", "command", "prependArgs", "appendArgs", "options"]),
    ("options", &["name", "default"]),
];

/// Asks whether a first file is to be made.
#[derive(Clone, Debug)]
struct Offering {
    path: String,
    answer: Answer,
}

impl Task for Offering {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        let yes = match self.answer.read(cx) {
            Ok(yes) => yes,
            Err(wait) => return Ok(Progress::Wait(wait)),
        };
        if yes {
            let default =
                |command: &str, name: &str| json!({"command": command, "options": [{"name": name, "default": "true"}]});
            let preference = json!({"apiVersion": "kubectl.config.k8s.io/v1beta1", "kind": "Preference", "aliases": null,
                "defaults": [default("apply", "server-side"), default("delete", "interactive")]});
            save(cx, &self.path, &preference)?;
        }
        Ok(Progress::Next(Next::Exit(0)))
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

fn save(cx: &mut Context<'_>, path: &str, preference: &Value) -> Result<(), Failure> {
    let folder = path.rsplit_once('/').map_or(".", |(folder, _)| if folder.is_empty() { "/" } else { folder });
    cx.system.create_dir(folder, true).map_err(|errno| {
        Failure::msg(format!("failed to create directory {folder}: {}", path_error("mkdir", folder, errno)))
    })?;
    cx.system
        .write_file(path, to_yaml(preference).as_bytes())
        .map_err(|errno| Failure::msg(format!("failed to write kuberc file: {}", path_error("open", path, errno))))?;
    cx.out.line(&format!("Updated {path}"));
    Ok(())
}

fn check(flags: &Flags) -> Result<(), Failure> {
    let (section, policy) = (flags.text("section"), flags.text("policy"));
    let entries = flags.list("allowlist-entry");
    let plugin = section == "credentialplugin";
    let why = if !matches!(section, "defaults" | "aliases" | "credentialplugin") {
        format!("--section must be \"defaults\", \"aliases\", or \"credentialplugin\", got: {section}")
    } else if section == "aliases" && flags.text("name").is_empty() {
        "--name is required when --section=aliases".to_owned()
    } else if section == "defaults" && !flags.text("name").is_empty() {
        "--name should not be specified when --section=defaults".to_owned()
    } else if section == "defaults" && !(flags.list("prependarg").is_empty() && flags.list("appendarg").is_empty()) {
        "--prependarg and --appendarg are only valid for --section=aliases".to_owned()
    } else if !plugin && flags.text("command").is_empty() {
        "--command is required when --section=aliases or --section=defaults".to_owned()
    } else if plugin && policy.is_empty() {
        "--policy is required when --section=credentialplugin".to_owned()
    } else if plugin && matches!(policy, "AllowAll" | "DenyAll") && !entries.is_empty() {
        "--allowlist-entry may only be used when --section=credentialplugin and --policy=Allowlist".to_owned()
    } else if plugin && policy == "Allowlist" && entries.is_empty() {
        "--allowlist-entry is required when --section=credentialplugin and --policy=Allowlist".to_owned()
    } else if plugin && !matches!(policy, "AllowAll" | "DenyAll" | "Allowlist") {
        format!(" --policy must be  \"AllowAll\", \"DenyAll\", or \"Allowlist\", got: {policy}")
    } else {
        return Ok(());
    };
    Err(Failure::msg(why))
}

fn set(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let (path, _) = file(cx)?;
    check(&flags)?;
    let bytes = match cx.system.read_file(&path) {
        Ok(bytes) => bytes,
        Err(errno) if cx.system.file_info(&path).is_ok() => return Err(unreadable(&path, errno.message())),
        Err(_) => Vec::new(),
    };
    let empty = json!({"apiVersion": "kubectl.config.k8s.io/v1beta1", "kind": "Preference"});
    let mut preference = known(&if bytes.is_empty() { empty } else { parsed(&bytes)? });
    let mut options = Vec::new();
    for option in flags.list("option") {
        let Some((name, value)) = option.split_once('=') else {
            return Err(Failure::msg(format!("invalid option format {}, expected flag=value", quote(&option))));
        };
        options.push(json!({"name": name.trim_start_matches('-'), "default": value}));
    }
    let Some(fields) = preference.as_object_mut() else { return DONE };
    match flags.text("section") {
        "defaults" => set_defaults(fields, &flags, options)?,
        "aliases" => set_alias(fields, &flags, options)?,
        _ => set_plugins(fields, &flags)?,
    }
    save(cx, &path, &preference)?;
    DONE
}

/// The list of that name in the preferences, made when it is missing, and where in it the entry is.
fn entries<'a>(
    fields: &'a mut Map<String, Value>,
    list: &str,
    key: &str,
    name: &str,
) -> (&'a mut Value, Option<usize>) {
    let list = fields.entry(list).or_insert(Value::Null);
    if !list.is_array() {
        *list = json!([]);
    }
    let same = |entry: &Value| entry.get(key).and_then(Value::as_str) == Some(name);
    let found = list.as_array().and_then(|all| all.iter().position(same));
    (list, found)
}

fn set_defaults(fields: &mut Map<String, Value>, flags: &Flags, options: Vec<Value>) -> Result<(), Failure> {
    let command = flags.text("command");
    let (list, found) = entries(fields, "defaults", "command", command);
    let given = if options.is_empty() { Value::Null } else { Value::Array(options) };
    match found.and_then(|index| list.get_mut(index)) {
        Some(_) if !flags.on("overwrite") => Err(Failure::msg(format!(
            "defaults for command {} already exist, use --overwrite to replace",
            quote(command)
        ))),
        Some(entry) => {
            if let (false, Some(entry)) = (given.is_null(), entry.as_object_mut()) {
                entry.insert("options".to_owned(), given);
            }
            Ok(())
        }
        None => {
            list.as_array_mut().into_iter().for_each(|all| all.push(json!({"command": command, "options": given})));
            Ok(())
        }
    }
}

fn set_alias(fields: &mut Map<String, Value>, flags: &Flags, options: Vec<Value>) -> Result<(), Failure> {
    let name = flags.text("name");
    let (list, found) = entries(fields, "aliases", "name", name);
    let given = [
        ("prependArgs", json!(flags.list("prependarg"))),
        ("appendArgs", json!(flags.list("appendarg"))),
        ("options", Value::Array(options)),
    ];
    if found.is_some() && !flags.on("overwrite") {
        return Err(Failure::msg(format!("alias {} already exists, use --overwrite to replace", quote(name))));
    }
    let old = found.and_then(|index| list.get(index).cloned()).unwrap_or_else(|| json!({}));
    let mut entry = old.as_object().cloned().unwrap_or_default();
    entry.insert("name".to_owned(), json!(name));
    entry.insert("command".to_owned(), json!(flags.text("command")));
    for (field, value) in given {
        if value.as_array().is_some_and(|list| !list.is_empty()) {
            entry.insert(field.to_owned(), value);
        }
    }
    match (found, list.as_array_mut()) {
        (Some(index), Some(all)) => all.iter_mut().skip(index).take(1).for_each(|slot| *slot = json!(entry)),
        (None, Some(all)) => all.push(json!(entry)),
        _ => {}
    }
    Ok(())
}

fn set_plugins(fields: &mut Map<String, Value>, flags: &Flags) -> Result<(), Failure> {
    let (mut allowed, mut problems) = (Vec::new(), Vec::new());
    let entries = flags.list("allowlist-entry");
    for pair in entries.iter().flat_map(|entry| entry.split(',')) {
        match pair.split_once('=') {
            None => problems.push(format!("improperly formatted allowlist entry: {}", quote(pair))),
            Some(("name", _)) => {
                problems.push("allowlist entry field \"name\" is deprecated, use \"command\" instead".to_owned())
            }
            Some(("command", value)) if value.trim().is_empty() => {
                problems.push("empty value in allowlist entry for field \"command\"".to_owned());
            }
            Some(("command", value)) => allowed.push(json!({"command": value})),
            Some((field, _)) => problems.push(format!("unrecognized allowlist entry field: {}", quote(field))),
        }
    }
    if !problems.is_empty() {
        return Err(Failure::Many(problems.into_iter().map(Failure::msg).collect()));
    }
    if flags.text("policy") == "Allowlist" {
        fields.insert("credentialPluginAllowlist".to_owned(), Value::Array(allowed));
    }
    fields.insert("credentialPluginPolicy".to_owned(), json!(flags.text("policy")));
    Ok(())
}
