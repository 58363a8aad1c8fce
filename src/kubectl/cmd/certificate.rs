//! `kubectl certificate`: approves and denies requests for certificates.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/certificates.

use serde_json::{Value, json};

use crate::kubectl::builder::{self, FILE_FLAGS, Query};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, switch};
use crate::kubectl::print::{PRINT_FLAGS, Printer, list_at, str_at};
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group, find};
use crate::text::http::Method;

/// The command.
pub static COMMAND: Command = Command {
    name: "certificate",
    group: Group::Cluster,
    short: "Modify certificate resources",
    long: "Modify certificate resources",
    usage: "SUBCOMMAND [options]",
    subcommands: &[&APPROVE, &DENY],
    run: Some(help),
    asks: 4,
    ..Command::EMPTY
};

const FLAGS: &[Flag] = &[switch("force", "Change a request that has the condition already.")];

static APPROVE: Command = Command {
    name: "approve",
    short: "Approve a certificate signing request",
    long: "Approves requests for certificates, so that the signer issues them.",
    examples: &[("Approve a request", "kubectl certificate approve jane")],
    usage: "(-f FILENAME | NAME) [options]",
    flags: &[FILE_FLAGS, FLAGS, PRINT_FLAGS],
    run: Some(|cx| decide(cx, "Approved", "Denied", "approve")),
    ..Command::EMPTY
};

static DENY: Command = Command {
    name: "deny",
    short: "Deny a certificate signing request",
    long: "Denies requests for certificates: no signer will issue them.",
    examples: &[("Deny a request", "kubectl certificate deny jane")],
    usage: "(-f FILENAME | NAME) [options]",
    flags: &[FILE_FLAGS, FLAGS, PRINT_FLAGS],
    run: Some(|cx| decide(cx, "Denied", "Approved", "deny")),
    ..Command::EMPTY
};

fn help(cx: &mut Context<'_>) -> Outcome {
    let text = crate::kubectl::help::command(&find(&["certificate".to_owned()])?);
    cx.out.out(&text);
    DONE
}

fn decide(cx: &mut Context<'_>, condition: &str, other: &str, verb: &str) -> Outcome {
    let flags = cx.session.flags.clone();
    if flags.args.is_empty() && flags.list("filename").is_empty() && flags.text("kustomize").is_empty() {
        return Err(Failure::msg("one or more CSRs must be specified as <name> or -f <filename>"));
    }
    let mut printer = Printer::of(&flags, cx.system, false)?.typed();
    let mut query = Query::of(&flags);
    // A word is a name, or a type and a name.
    for word in query.args.iter_mut().filter(|word| !word.contains('/')) {
        *word = format!("certificatesigningrequests/{word}");
    }
    let built = builder::build(cx, &query)?;
    let (found, mut failures) = builder::fetch(cx, &built);
    for target in found {
        if target.resource.kind != "CertificateSigningRequest" {
            failures.push(Failure::msg(format!(
                "can only handle CertificateSigningRequest.certificates.k8s.io objects, got {}",
                target.resource.printed_kind()
            )));
            continue;
        }
        let mut request = target.object.clone().unwrap_or_default();
        let has = |kind: &str| list_at(&request, "/status/conditions").iter().any(|one| str_at(one, "/type") == kind);
        if has(other) {
            failures.push(Failure::msg(format!("certificate signing request \"{}\" is already {other}", target.name)));
            continue;
        }
        if !has(condition) || flags.on("force") {
            if !has(condition) {
                let word = if verb == "approve" { "approved" } else { "denied" };
                let now = cx.system.now().timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
                add(
                    &mut request,
                    json!({"type": condition, "status": "True", "reason": format!("Kubectl{}", capital(verb)),
                        "message": format!("This CSR was {word} by kubectl certificate {verb}."), "lastUpdateTime": now}),
                );
            }
            let path = format!("{}/approval", target.path());
            if let Err(failure) = cx.write(Method::Put, &path, &[], &request) {
                failures.push(failure);
                continue;
            }
        }
        let done = if verb == "approve" { "approved" } else { "denied" };
        let text = printer.done(&request, &target.resource, &target.name, done)?;
        cx.out.out(&text);
    }
    match failures.len() {
        0 => DONE,
        1 => Err(failures.remove(0)),
        _ => Err(Failure::Many(failures)),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

fn add(request: &mut Value, condition: Value) {
    let Some(fields) = request.as_object_mut() else { return };
    let Some(status) = fields.entry("status").or_insert_with(|| json!({})).as_object_mut() else { return };
    if let Some(list) = status.entry("conditions").or_insert_with(|| json!([])).as_array_mut() {
        list.push(condition);
    }
}
