//! `kubectl auth`: who asks, and what they may.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/auth.

mod reconcile;

use serde_json::{Value, json};

use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, switch, text};
use crate::kubectl::help::subcommand_missing;
use crate::kubectl::print::{PRINT_FLAGS, Printer, list_at, str_at};
use crate::kubectl::program::{Context, DONE, Next, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::text::http::Method;
use crate::text::table::TabWriter;

/// The command.
pub static COMMAND: Command = Command {
    name: "auth",
    group: Group::Troubleshooting,
    short: "Inspect authorization",
    long: "Inspect authorization",
    usage: "[flags] [options]",
    subcommands: &[&CAN_I, &reconcile::COMMAND, &WHOAMI],
    run: Some(subcommand_missing),
    ..Command::EMPTY
};

const CAN_I_FLAGS: &[Flag] = &[
    switch("all-namespaces", "Ask about every namespace.").short('A'),
    switch("list", "List everything that is allowed."),
    switch("no-headers", "Leave out the line of headers."),
    switch("quiet", "Say nothing, only set the exit code.").short('q'),
    text("subresource", "", "A subresource such as log or scale."),
];

static CAN_I: Command = Command {
    name: "can-i",
    short: "Check whether an action is allowed",
    long: "Says yes or no to the question whether something may be done.",
    examples: &[
        ("May I make Jobs", "kubectl auth can-i create jobs"),
        ("What may I at all", "kubectl auth can-i --list"),
    ],
    usage: "VERB [TYPE | TYPE/NAME | NONRESOURCEURL] [options]",
    flags: &[CAN_I_FLAGS],
    run: Some(can_i),
    ..Command::EMPTY
};

static WHOAMI: Command = Command {
    name: "whoami",
    short: "Show as whom the server knows you",
    long: "Shows the user name and groups that the server sees.",
    examples: &[("Who am I", "kubectl auth whoami")],
    usage: "[flags] [options]",
    flags: &[PRINT_FLAGS],
    run: Some(whoami),
    ..Command::EMPTY
};

const VERBS: &[&str] = &[
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "use",
    "bind",
    "impersonate",
    "*",
    "approve",
    "sign",
    "escalate",
    "attest",
];

fn can_i(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if flags.on("list") {
        if !flags.args.is_empty() {
            return Err(Failure::msg("list option must be specified with no arguments"));
        }
        return list(cx);
    }
    let (verb, what) = match flags.args.as_slice() {
        [verb] => (verb.clone(), String::new()),
        [verb, what] => (verb.clone(), what.clone()),
        _ => {
            return Err(Failure::msg(
                "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
            ));
        }
    };
    if what.is_empty() {
        return Err(Failure::msg(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
        ));
    }
    let mut attributes = json!({"verb": verb});
    let spec = if what.starts_with('/') {
        json!({"nonResourceAttributes": {"verb": verb, "path": what}})
    } else {
        let (word, name) = what.split_once('/').unwrap_or((&what, ""));
        let (group, resource) = if word == "*" {
            ("*".to_owned(), "*".to_owned())
        } else {
            match cx.discovery()?.resolve(word) {
                Ok(found) => (found.group.clone(), found.plural.clone()),
                Err(_) => {
                    cx.out.err_line(&format!("Warning: the server doesn't have a resource type '{word}'\n"));
                    let (plural, group) = word.split_once('.').unwrap_or((word, ""));
                    (group.to_owned(), plural.to_owned())
                }
            }
        };
        if !VERBS.contains(&verb.as_str()) {
            cx.out.err_line(&format!("Warning: verb '{verb}' is not a known verb\n"));
        }
        let namespace = if flags.on("all-namespaces") { String::new() } else { cx.namespace()? };
        if let Some(fields) = attributes.as_object_mut() {
            for (key, value) in [
                ("namespace", namespace.as_str()),
                ("group", &group),
                ("resource", &resource),
                ("subresource", flags.text("subresource")),
                ("name", name),
            ] {
                if !value.is_empty() {
                    fields.insert(key.to_owned(), json!(value));
                }
            }
        }
        json!({"resourceAttributes": attributes})
    };
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "metadata": {}, "spec": spec});
    let answer = cx.write(Method::Post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &[], &review)?;
    let allowed = answer.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or(false);
    if !flags.on("quiet") {
        let mut text = if allowed { "yes" } else { "no" }.to_owned();
        let reason = str_at(&answer, "/status/reason");
        if !reason.is_empty() && !allowed {
            text.push_str(&format!(" - {reason}"));
        }
        cx.out.line(&text);
    }
    Ok(Next::Exit(i32::from(!allowed)))
}

fn list(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let namespace = cx.namespace()?;
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "metadata": {}, "spec": {"namespace": namespace}});
    let answer = cx.write(Method::Post, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", &[], &review)?;
    let texts = |rule: &Value, path: &str| -> Vec<String> {
        list_at(rule, path).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut rows: Vec<[String; 4]> = Vec::new();
    for rule in list_at(&answer, "/status/resourceRules") {
        let verbs = format!("[{}]", texts(rule, "/verbs").join(" "));
        let names = format!("[{}]", texts(rule, "/resourceNames").join(" "));
        for group in texts(rule, "/apiGroups") {
            for resource in texts(rule, "/resources") {
                let (name, sub) = resource.split_once('/').map_or((resource.as_str(), None), |(a, b)| (a, Some(b)));
                let mut text = if group.is_empty() { name.to_owned() } else { format!("{name}.{group}") };
                if let Some(sub) = sub {
                    text.push_str(&format!("/{sub}"));
                }
                rows.push([text, "[]".to_owned(), names.clone(), verbs.clone()]);
            }
        }
    }
    for rule in list_at(&answer, "/status/nonResourceRules") {
        let verbs = format!("[{}]", texts(rule, "/verbs").join(" "));
        for url in texts(rule, "/nonResourceURLs") {
            rows.push([String::new(), format!("[{url}]"), "[]".to_owned(), verbs.clone()]);
        }
    }
    let mut writer = TabWriter::for_tables();
    if !flags.on("no-headers") {
        writer.write("Resources\tNon-Resource URLs\tResource Names\tVerbs\n");
    }
    for row in rows {
        writer.write(&(row.join("\t") + "\n"));
    }
    let text = writer.flush();
    cx.out.out(&text);
    DONE
}

fn whoami(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}});
    let answer = cx.write(Method::Post, "/apis/authentication.k8s.io/v1/selfsubjectreviews", &[], &review)?;
    if !printer.is_human() {
        let text = printer.print(&answer)?;
        cx.out.out(&text);
        return DONE;
    }
    let mut writer = TabWriter::for_tables();
    writer.write("ATTRIBUTE\tVALUE\n");
    let user = answer.pointer("/status/userInfo").cloned().unwrap_or_default();
    writer.write(&format!("Username\t{}\n", str_at(&user, "/username")));
    if !str_at(&user, "/uid").is_empty() {
        writer.write(&format!("UID\t{}\n", str_at(&user, "/uid")));
    }
    let join = |list: &[Value]| list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let groups = list_at(&user, "/groups");
    if !groups.is_empty() {
        writer.write(&format!("Groups\t[{}]\n", join(groups)));
    }
    for (key, values) in user.get("extra").and_then(Value::as_object).into_iter().flatten() {
        let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
        writer.write(&format!("Extra: {key}\t[{}]\n", join(values)));
    }
    let text = writer.flush();
    cx.out.out(&text);
    DONE
}
