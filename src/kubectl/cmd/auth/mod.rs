//! `kubectl auth`: who asks, and what they may.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/auth.

mod reconcile;

use serde_json::{Value, json};

use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, switch, text};
use crate::kubectl::help::subcommand_missing;
use crate::kubectl::print::{Format, PRINT_FLAGS, Printer, list_at, str_at};
use crate::kubectl::program::{Context, DONE, Next, Outcome};
use crate::kubectl::rules::rows;
use crate::kubectl::tree::{Command, Group};
use crate::text::go_json;
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
    asks: 2,
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

const URL_VERBS: &[&str] = &["get", "put", "post", "head", "options", "delete", "patch", "*"];

fn can_i(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if flags.on("list") {
        if !flags.args.is_empty() {
            return Err(Failure::msg("list option must be specified with no arguments"));
        }
        if flags.on("quiet") || flags.on("all-namespaces") || !flags.text("subresource").is_empty() {
            let why = "list option can't be specified with neither quiet, all-namespaces nor subresource options";
            return Err(Failure::msg(why));
        }
        return list(cx);
    }
    let [verb, what] = flags.args.as_slice() else {
        return Err(Failure::msg(
            "you must specify two arguments: verb resource or verb resource/resourceName.\nSee 'kubectl auth can-i -h' for help and examples.",
        ));
    };
    let spec = if what.starts_with('/') {
        if !flags.text("subresource").is_empty() {
            return Err(Failure::msg("--subresource can not be used with NonResourceURL"));
        }
        if !URL_VERBS.contains(&verb.as_str()) {
            warn(cx, &format!("verb '{verb}' is not a known verb"));
        }
        json!({"nonResourceAttributes": {"verb": verb, "path": what}})
    } else {
        json!({"resourceAttributes": resource_attributes(cx, verb, what)?})
    };
    if flags.on("no-headers") {
        return Err(Failure::msg("--no-headers cannot be set without --list specified"));
    }
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "metadata": {}, "spec": spec});
    let answer = cx.write(Method::Post, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &[], &review)?;
    let allowed = answer.pointer("/status/allowed").and_then(Value::as_bool).unwrap_or(false);
    if !flags.on("quiet") {
        let mut text = if allowed { "yes" } else { "no" }.to_owned();
        for why in ["/status/reason", "/status/evaluationError"] {
            let why = str_at(&answer, why);
            if !why.is_empty() && !allowed {
                text.push_str(&format!(" - {why}"));
            }
        }
        cx.out.line(&text);
    }
    Ok(Next::Exit(i32::from(!allowed)))
}

/// The empty line after it is kubectl's own.
fn warn(cx: &mut Context<'_>, text: &str) {
    cx.out.err_line(&format!("Warning: {text}\n"));
}

/// What a question about objects of a kind asks, after the warnings about it.
fn resource_attributes(cx: &mut Context<'_>, verb: &str, what: &str) -> Result<Value, Failure> {
    let flags = cx.session.flags.clone();
    let (word, name) = what.split_once('/').unwrap_or((what, ""));
    let (mut group, mut resource, mut namespaced) = (String::new(), word.to_owned(), None);
    if word != "*" {
        let lower = word.to_lowercase();
        // A user that is not said well is told of before anything is asked.
        cx.config()?;
        match cx.resource(&lower) {
            Ok(found) => {
                (group, resource, namespaced) = (found.group.clone(), found.plural.clone(), Some(found.namespaced));
            }
            Err(_) if ["users", "groups"].contains(&lower.as_str()) => {}
            Err(_) => {
                let (plural, group) = lower.split_once('.').unwrap_or((&lower, ""));
                let within = if group.is_empty() { String::new() } else { format!(" in group '{group}'") };
                warn(cx, &format!("the server doesn't have a resource type '{plural}'{within}"));
            }
        }
    }
    let mut namespace = String::new();
    if !flags.on("all-namespaces") {
        namespace = cx.namespace()?;
        if namespaced == Some(false) {
            let within = if group.is_empty() { String::new() } else { format!(" in group '{group}'") };
            warn(cx, &format!("resource '{resource}' is not namespace scoped{within}"));
        }
        if !VERBS.contains(&verb) {
            warn(cx, &format!("verb '{verb}' is not a known verb"));
        }
    }
    let fields = [
        ("namespace", namespace.as_str()),
        ("verb", verb),
        ("group", &group),
        ("resource", &resource),
        ("subresource", flags.text("subresource")),
        ("name", name),
    ];
    let given = fields.into_iter().filter(|(_, value)| !value.is_empty());
    Ok(Value::Object(given.map(|(key, value)| (key.to_owned(), json!(value))).collect()))
}

fn list(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let namespace = cx.namespace()?;
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "metadata": {}, "spec": {"namespace": namespace}});
    let answer = cx.write(Method::Post, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", &[], &review)?;
    let mut writer = TabWriter::for_tables();
    if !flags.on("no-headers") {
        writer.write("Resources\tNon-Resource URLs\tResource Names\tVerbs\n");
    }
    let rules = |path: &str| list_at(&answer, path).to_vec();
    for row in rows(&rules("/status/resourceRules"), &rules("/status/nonResourceRules")) {
        writer.write(&(row + "\n"));
    }
    let text = writer.flush();
    cx.out.out(&text);
    DONE
}

/// The fields of a review in the order of Go's type.
const REVIEW: &[&str] = &["kind", "apiVersion", "metadata", "status"];
/// Those of a user.
const USER: &[&str] = &["username", "uid", "groups", "extra"];

fn whoami(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let mut printer = Printer::of(&flags, cx.system, false)?;
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview", "metadata": {}});
    let answer = cx.write(Method::Post, "/apis/authentication.k8s.io/v1/selfsubjectreviews", &[], &review)?;
    if !printer.is_human() {
        let text = match printer.format {
            Format::Json => go_json::ordered(&answer, REVIEW, &[("userInfo", USER)]) + "\n",
            _ => printer.print(&answer)?,
        };
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
