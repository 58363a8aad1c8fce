//! `kubectl create`: makes objects from files, or from flags with one of the commands below it.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create.

mod config_map;
mod cron_job;
mod deployment;
mod ingress;
mod job;
mod others;
mod rbac;
mod secret;
mod service;

use serde_json::Value;

use crate::kubectl::builder::{self, FILE_FLAGS, Query};
use crate::kubectl::discovery::Resource;
use crate::kubectl::editing::{self, Mode};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, switch, text};
use crate::kubectl::print::{PRINT_FLAGS, Printer, str_at};
use crate::kubectl::program::{Context, DONE, Outcome, ended};
use crate::kubectl::raw;
use crate::kubectl::record::{self, RECORD};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::typed;
use crate::kubectl::writing::{self, DRY_RUN, DryRun, SAVE_CONFIG, VALIDATE, blame, field_manager, remember};
use crate::text::http::Method;

const FLAGS: &[Flag] = &[
    switch("edit", "Edit the object before it is created."),
    text("raw", "", "Send a POST with the file to this path."),
    text("selector", "", "Only objects whose labels match.").short('l'),
    switch("windows-line-endings", "Edit with the line endings of Windows."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "create",
    group: Group::Beginner,
    short: "Create objects from a file or from flags",
    long: "Creates objects from a file or from standard input, in YAML or JSON; the commands below make common objects from flags.",
    examples: &[
        ("From a file", "kubectl create -f job.yaml"),
        ("A Job from flags", "kubectl create job hello --image=busybox:1.36 --dry-run=client -o yaml -- echo hello"),
    ],
    usage: "-f FILENAME [options]",
    flags: &[
        FLAGS,
        FILE_FLAGS,
        PRINT_FLAGS,
        DRY_RUN,
        RECORD,
        VALIDATE,
        &[field_manager("kubectl-create")],
        SAVE_CONFIG,
    ],
    subcommands: &[
        &others::NAMESPACE,
        &others::QUOTA,
        &secret::COMMAND,
        &config_map::COMMAND,
        &others::SERVICE_ACCOUNT,
        &service::COMMAND,
        &deployment::COMMAND,
        &rbac::CLUSTER_ROLE,
        &rbac::CLUSTER_ROLE_BINDING,
        &rbac::ROLE,
        &rbac::ROLE_BINDING,
        &others::POD_DISRUPTION_BUDGET,
        &others::PRIORITY_CLASS,
        &job::COMMAND,
        &cron_job::COMMAND,
        &ingress::COMMAND,
        &others::TOKEN,
    ],
    run: Some(run),
    asks: 0,
    ..Command::EMPTY
};

/// The flags of a generator: its own and those that all have.
macro_rules! generator {
    ($($own:expr),* $(,)?) => {
        &[
            &[$($own),*],
            crate::kubectl::print::PRINT_FLAGS,
            crate::kubectl::writing::DRY_RUN,
            crate::kubectl::writing::VALIDATE,
            &[crate::kubectl::writing::field_manager("kubectl-create")],
            crate::kubectl::writing::SAVE_CONFIG,
        ]
    };
}
use generator;

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if !flags.args.is_empty() {
        return Err(cx.usage(format!("Unexpected args: [{}]", flags.args.join(" "))));
    }
    let mut query = Query::of(&flags);
    if query.files.is_empty() && query.kustomize.is_empty() {
        return Err(Failure::msg("must specify one of -f and -k"));
    }
    let dry_run = DryRun::of(cx)?;
    let validation = writing::validation(&flags)?;
    let mut printer = Printer::of(&flags, cx.system, false)?;
    query.validate = validation != "Ignore";
    if !flags.text("raw").is_empty() {
        if flags.on("edit") {
            return Err(Failure::msg("--raw and --edit are mutually exclusive"));
        }
        raw::check(&flags, 1..=1)?;
        return raw::send(cx, Method::Post, flags.text("raw"), flags.list("filename").first().map(String::as_str));
    }
    let built = builder::build(cx, &query)?;
    let mut failures = Vec::new();
    if built.targets.is_empty() && built.failures.is_empty() {
        return Err(Failure::msg("no objects passed to create"));
    }
    if flags.on("edit") {
        let groups = built.targets.into_iter().map(|target| vec![target]).collect();
        return editing::start(cx, groups, Mode::BeforeCreate);
    }
    for target in &built.targets {
        let mut object = target.object.clone().unwrap_or_default();
        if flags.on("save-config") {
            object = remember(&object);
        }
        record::note(cx, &mut object);
        let manager = flags.text("field-manager");
        let collection = target.resource.path(&target.namespace);
        match writing::create(cx, &collection, &object, dry_run, manager, validation) {
            Ok(made) => {
                let what = format!("created{}", dry_run.suffix());
                let text = printer.done(&made, &target.resource, str_at(&made, "/metadata/name"), &what)?;
                cx.out.out(&text);
            }
            Err(failure) => failures.push(blame(failure, "creating", target.source.as_deref())),
        }
    }
    let failures = Failure::with_files(failures, built.failures);
    ended(failures)
}

/// The one name a generator takes. What all generators ask of their flags is asked here, before their own.
///
/// # Errors
/// No name, or several; a dry run, form of output or validation that does not exist.
pub(super) fn one_name(cx: &mut Context<'_>) -> Result<String, Failure> {
    let flags = cx.session.flags.clone();
    let args = flags.args.get(..flags.dash.unwrap_or(flags.args.len())).unwrap_or_default();
    let [name] = args else {
        return Err(cx.usage(format!("exactly one NAME is required, got {}", args.len())));
    };
    DryRun::of(cx)?;
    Printer::of(&flags, cx.system, false)?;
    writing::validation(&flags)?;
    Ok(name.clone())
}

/// As [`one_name`], for generators that refuse an empty name themselves.
///
/// # Errors
/// As [`one_name`]; an empty name.
pub(super) fn some_name(cx: &mut Context<'_>) -> Result<String, Failure> {
    match one_name(cx)? {
        name if name.is_empty() => Err(Failure::msg("name must be specified")),
        name => Ok(name),
    }
}

/// What stands behind `--`.
pub(super) fn command_of(cx: &Context<'_>) -> Vec<String> {
    let flags = &cx.session.flags;
    flags.dash.and_then(|dash| flags.args.get(dash..)).unwrap_or_default().to_vec()
}

/// How a generator's failure is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// As the server told it.
    Plain,
    /// `failed to create <word>: ...`, without the server's reason.
    Failed(&'static str),
}

/// A server that is not there: upstream knows the paths of what it makes, and does not ask for them first.
fn unreachable(cx: &mut Context<'_>, failure: Failure, version: &str, kind: &str, told: Told) -> Failure {
    let (Failure::Connection { message, .. }, Told::Failed(word)) = (&failure, told) else { return failure };
    let (Ok(server), Ok(namespace)) = (cx.config().map(|config| config.server.clone()), cx.namespace()) else {
        return failure;
    };
    let kind = kind.to_lowercase();
    let plural = if kind.ends_with('s') { format!("{kind}es") } else { format!("{kind}s") };
    let root = if version.contains('/') { "apis" } else { "api" };
    let place = match kind.as_str() {
        "priorityclass" | "clusterrolebinding" => plural,
        _ => format!("namespaces/{namespace}/{plural}"),
    };
    let colon = if word == "secret" { "" } else { ":" };
    let url = format!("{server}/{root}/{version}/{place}?fieldManager=kubectl-create&fieldValidation=Strict");
    Failure::msg(format!("failed to create {word}{colon} Post \"{url}\": {message}"))
}

/// What is known of a kind without a server.
fn offline(version: &str, kind: &str) -> Resource {
    let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: kind.to_lowercase() + "s",
        kind: kind.to_owned(),
        namespaced: !["Namespace", "ClusterRole", "ClusterRoleBinding", "PriorityClass"].contains(&kind),
        ..Resource::default()
    }
}

/// Creates a generated object and says so.
///
/// # Errors
/// The server's.
pub(super) fn create(cx: &mut Context<'_>, object: Value, told: Told) -> Outcome {
    let flags = cx.session.flags.clone();
    let dry_run = DryRun::of(cx)?;
    let mut printer = Printer::of(&flags, cx.system, false)?.typed();
    let validation = writing::validation(&flags)?;
    let mut object = object;
    let (version, kind) = (str_at(&object, "/apiVersion").to_owned(), str_at(&object, "/kind").to_owned());
    if flags.on("save-config") {
        let memory = typed::compact(&typed::complete(&object)) + "\n";
        writing::set_annotation(&mut object, writing::LAST_APPLIED, &memory);
    }
    let forced = cx.config()?.namespace_forced;
    let namespace = cx.namespace()?;
    let resource = match cx.discovery() {
        Ok(discovery) => discovery.of_kind(&version, &kind).cloned(),
        // What is only shown needs no server.
        Err(Failure::Connection { .. }) if dry_run == DryRun::Client => Some(offline(&version, &kind)),
        Err(failure) => return Err(unreachable(cx, failure, &version, &kind, told)),
    };
    let resource =
        resource.ok_or_else(|| Failure::msg(format!("no matches for kind \"{kind}\" in version \"{version}\"")))?;
    if resource.namespaced
        && (forced || dry_run != DryRun::Client)
        && let Some(metadata) = writing::metadata_mut(&mut object)
        && forced
    {
        metadata.insert("namespace".to_owned(), Value::String(namespace.clone()));
    }
    let manager = flags.text("field-manager");
    let made =
        writing::create(cx, &resource.path(&namespace), &object, dry_run, manager, validation).map_err(|failure| {
            match told {
                Told::Plain => failure,
                Told::Failed(word) => match failure {
                    Failure::Connection { request, message, .. } => {
                        let colon = if word == "secret" { "" } else { ":" };
                        Failure::msg(format!("failed to create {word}{colon} {request}: {message}"))
                    }
                    other if word == "secret" => Failure::msg(format!("failed to create secret {}", other.text())),
                    other => Failure::msg(format!("failed to create {word}: {}", other.text())),
                },
            }
        })?;
    let what = format!("created{}", dry_run.suffix());
    let name = str_at(&made, "/metadata/name").to_owned();
    let text = printer.done(&made, &resource, &name, &what)?;
    cx.out.out(&text);
    DONE
}
