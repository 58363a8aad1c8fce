//! `kubectl run`: one Pod from flags.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/run/run.go.

use serde_json::{Map, Value, json};

use crate::images::reference::{InvalidReference, Reference};
use crate::kubectl::builder::FILE_FLAGS;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, Flags, array, duration, int, switch, text};
use crate::kubectl::patching::overridden;
use crate::kubectl::print::{Format, PRINT_FLAGS, Printer, str_at};
use crate::kubectl::program::{Context, DONE, Next, Outcome};
use crate::kubectl::record::{self, RECORD};
use crate::kubectl::session::{Attach, DETACH_KEYS, Session, Start, keys};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::typed;
use crate::kubectl::writing::{self, DRY_RUN, DryRun, SAVE_CONFIG, field_manager};
use crate::text::go_number::quote;

const FLAGS: &[Flag] = &[
    array("annotations", "Annotations, as KEY=VALUE; may be repeated."),
    switch("attach", "Wait for the Pod and attach to it."),
    DETACH_KEYS,
    text("cascade", "background", "How objects that belong to a deleted one go.").bare("background"),
    switch("command", "The words behind -- are the command, not its arguments."),
    array("env", "Variables, as KEY=VALUE; may be repeated."),
    switch("expose", "Make a Service for the port, too."),
    switch("force", "With --rm: remove at once."),
    int("grace-period", "-1", "With --rm: seconds the Pod gets to end."),
    text("image", "", "The image to run.").required(),
    text("image-pull-policy", "", "When to pull the image."),
    text("labels", "", "Labels, as KEY=VALUE,KEY=VALUE.").short('l'),
    switch("leave-stdin-open", "Leave standard input open after the first attachment."),
    text("override-type", "merge", "The form of --overrides: json, merge or strategic."),
    text("overrides", "", "JSON that is merged into the generated Pod."),
    duration("pod-running-timeout", "1m0s", "How long to wait for the Pod."),
    text("port", "", "The port the container listens on."),
    switch("privileged", "Run with all privileges."),
    switch("quiet", "Say as little as possible.").short('q'),
    text("restart", "Always", "The restart policy: Always, OnFailure or Never."),
    switch("rm", "Delete the Pod when the attached session ends."),
    switch("stdin", "Keep standard input open.").short('i'),
    duration("timeout", "0s", "With --rm: how long to wait for the deletion."),
    switch("tty", "Give the container a terminal.").short('t'),
    switch("wait", "With --rm: wait until the Pod is gone."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "run",
    group: Group::Beginner,
    short: "Run an image in a Pod",
    long: "Makes one Pod that runs an image. Words behind -- are arguments for the image's program, or with --command a command of their own.",
    examples: &[
        ("A web server", "kubectl run web --image=nginx:1.27 --dry-run=client"),
        (
            "A command that runs once",
            "kubectl run once --image=busybox:1.36 --restart=Never --dry-run=client -o yaml -- echo hello",
        ),
    ],
    usage: "NAME --image=image [--env=\"key=value\"] [--port=port] [--dry-run=server|client] [--overrides=inline-json] [--command] -- [COMMAND] [args...] [options]",
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS, DRY_RUN, RECORD, &[field_manager("kubectl-run")], SAVE_CONFIG],
    run: Some(run),
    asks: 1,
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let before = flags.dash.unwrap_or(flags.args.len());
    let (named, words) = flags.args.split_at_checked(before).unwrap_or((&flags.args, &[]));
    let Some((name, extra)) = named.split_first() else {
        return Err(cx.usage("NAME is required for run"));
    };
    if name.is_empty() {
        return Err(Failure::msg("Parameter: name is required"));
    }
    if flags.nanoseconds("pod-running-timeout") <= 0 {
        return Err(cx.usage("--pod-running-timeout must be higher than zero"));
    }
    let words: Vec<String> = extra.iter().chain(words).cloned().collect();
    if flags.text("image").is_empty() {
        return Err(Failure::msg("--image is required"));
    }
    let image = flags.text("image");
    if matches!(Reference::parse(image), Err(InvalidReference::Format | InvalidReference::Uppercase)) {
        return Err(Failure::msg(format!("Invalid image name {}: invalid reference format", quote(image))));
    }
    let interactive = flags.on("stdin");
    let attach = if flags.changed("attach") { flags.on("attach") } else { interactive };
    if flags.on("tty") && !interactive {
        return Err(cx.usage("-i/--stdin is required for containers with -t/--tty=true"));
    }
    if flags.on("expose") && flags.text("port").is_empty() {
        return Err(cx.usage("--port must be set when exposing a service"));
    }
    let restart = match flags.text("restart") {
        "" if interactive => "OnFailure",
        "" => "Always",
        word => word,
    };
    if !["Always", "OnFailure", "Never"].contains(&restart) {
        return Err(cx.usage(format!("invalid restart policy: {restart}")));
    }
    if flags.on("rm") && !attach {
        return Err(cx.usage("--rm should only be used for attached containers"));
    }
    let dry_run = DryRun::of(cx)?;
    writing::cascade(cx)?;
    if attach && dry_run != DryRun::None {
        return Err(cx.usage(
            "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
        ));
    }
    let policy = flags.text("image-pull-policy");
    if !["", "Always", "IfNotPresent", "Never"].contains(&policy) {
        return Err(cx.usage(format!("invalid image pull policy: {policy}")));
    }
    let mut printer = Printer::of(&flags, cx.system, false)?.typed();
    let mut object = pod(&flags, name, &words, restart)?;
    object = overridden(&flags, object)?;
    record::note(cx, &mut object);
    if flags.on("save-config") && dry_run != DryRun::Client {
        let memory = typed::compact(&typed::complete(&object)) + "\n";
        writing::set_annotation(&mut object, writing::LAST_APPLIED, &memory);
    }
    let namespace = cx.namespace()?;
    if cx.config()?.namespace_forced
        && let Some(metadata) = writing::metadata_mut(&mut object)
    {
        metadata.insert("namespace".to_owned(), json!(namespace));
    }
    let resource = cx.discovery()?.of_kind("v1", "Pod").cloned().unwrap_or_default();
    let manager = flags.text("field-manager");
    let made = writing::create(cx, &format!("/api/v1/namespaces/{namespace}/pods"), &object, dry_run, manager, "")?;
    if attach {
        let session = Session {
            namespace,
            pod: name.clone(),
            container: name.clone(),
            stdin: interactive,
            tty: flags.on("tty"),
            quiet: flags.on("quiet"),
            detach: keys(flags.text("detach-keys"))?,
            ..Session::default()
        };
        let attach = Attach::wait_for(
            cx,
            session,
            flags.nanoseconds("pod-running-timeout"),
            flags.on("rm"),
            restart != "Always",
        );
        return Ok(Next::Task(Box::new(Start::Attach(attach))));
    }
    let what = format!("created{}", dry_run.suffix());
    let text = printer.done(&made, &resource, str_at(&made, "/metadata/name"), &what)?;
    if flags.on("expose") {
        let service = expose(cx, &flags, name, &made, dry_run)?;
        let resource = cx.discovery()?.of_kind("v1", "Service").cloned().unwrap_or_default();
        let service = Printer::of(&flags, cx.system, false)?.done(&service, &resource, name, &what)?;
        cx.out.out(&service);
        if matches!(printer.format, Format::Yaml) {
            cx.out.line("---\n---");
        }
    }
    cx.out.out(&text);
    DONE
}

fn pod(flags: &Flags, name: &str, words: &[String], restart: &str) -> Result<Value, Failure> {
    let mut labels = Map::new();
    for part in flags.text("labels").split(',').filter(|part| !part.is_empty()) {
        let Some((key, value)) = part.split_once('=') else {
            return Err(Failure::msg(format!("unexpected label spec: {part}")));
        };
        labels.insert(key.to_owned(), json!(value));
    }
    if labels.is_empty() {
        labels.insert("run".to_owned(), json!(name));
    }
    let mut container = Map::new();
    container.insert("name".to_owned(), json!(name));
    container.insert("image".to_owned(), json!(flags.text("image")));
    container.insert("resources".to_owned(), json!({}));
    if !flags.text("image-pull-policy").is_empty() {
        container.insert("imagePullPolicy".to_owned(), json!(flags.text("image-pull-policy")));
    }
    if !words.is_empty() {
        container.insert(if flags.on("command") { "command" } else { "args" }.to_owned(), json!(words));
    }
    let mut env = Vec::new();
    for one in flags.list("env").iter().filter(|one| !one.is_empty()) {
        let named = |key: &str| {
            let first = key.chars().next().unwrap_or('0');
            !first.is_ascii_digit() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c))
        };
        let Some((key, value)) = one.split_once('=').filter(|(key, _)| named(key)) else {
            return Err(Failure::msg(format!("invalid env: {one}")));
        };
        env.push(if value.is_empty() { json!({"name": key}) } else { json!({"name": key, "value": value}) });
    }
    if !env.is_empty() {
        container.insert("env".to_owned(), json!(env));
    }
    if !flags.text("port").is_empty() {
        let port: i64 = flags.text("port").parse().map_err(|_| {
            Failure::msg(format!(
                "strconv.Atoi: parsing {}: invalid syntax",
                crate::text::go_number::quote(flags.text("port"))
            ))
        })?;
        container.insert("ports".to_owned(), json!([{"containerPort": port}]));
    }
    for (flag, field) in [("stdin", "stdin"), ("tty", "tty")] {
        if flags.on(flag) {
            container.insert(field.to_owned(), json!(true));
        }
    }
    if flags.on("stdin") && !flags.on("leave-stdin-open") {
        container.insert("stdinOnce".to_owned(), json!(true));
    }
    if flags.on("privileged") {
        container.insert("securityContext".to_owned(), json!({"privileged": true}));
    }
    let mut metadata = json!({"name": name, "labels": labels});
    let mut annotations = Map::new();
    for one in flags.list("annotations").iter().filter(|one| !one.is_empty()) {
        let Some((key, value)) = one.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            return Err(Failure::msg(format!("invalid annotations format: {one}")));
        };
        annotations.insert(key.to_owned(), json!(value));
    }
    if let (false, Some(fields)) = (annotations.is_empty(), metadata.as_object_mut()) {
        fields.insert("annotations".to_owned(), Value::Object(annotations));
    }
    Ok(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart},
        "status": {},
    }))
}

/// The Service for the Pod's port, made and as the server has it.
fn expose(cx: &mut Context<'_>, flags: &Flags, name: &str, pod: &Value, dry_run: DryRun) -> Result<Value, Failure> {
    let port: i64 = flags.text("port").parse().unwrap_or(0);
    let selector = pod.pointer("/metadata/labels").cloned().unwrap_or_default();
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
        "spec": {"selector": selector, "ports": [{"protocol": "TCP", "port": port, "targetPort": port}]},
        "status": {"loadBalancer": {}}});
    let namespace = cx.namespace()?;
    let manager = flags.text("field-manager");
    writing::create(cx, &format!("/api/v1/namespaces/{namespace}/services"), &service, dry_run, manager, "")
}
