//! `kubectl debug`: a container for looking around in a running Pod, in a copy of it, or on a node.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/debug.

use serde_json::{Map, Value, json};

use crate::apimachinery::facts::facts;
use crate::apimachinery::patch::strategic_merge;
use crate::images::reference::{InvalidReference, Reference};
use crate::kubectl::apply::two_way;
use crate::kubectl::builder::{self, Query, Target};
use crate::kubectl::failure::{Failure, unreadable};
use crate::kubectl::flags::{Flag, Flags, map, slice, switch, text};
use crate::kubectl::print::{list_at, str_at};
use crate::kubectl::program::{Context, DONE, Next, Outcome, Progress, Task};
use crate::kubectl::session::{Running, Session, Stand, verdict};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::watch::{Event, Events};
use crate::kubectl::writing::random_letters;
use crate::shell::program::Wait;
use crate::text::go_number::quote;
use crate::text::http::{Method, Request};
use crate::text::yaml::from_yaml;

const FLAGS: &[Flag] = &[
    switch("arguments-only", "The words behind -- are arguments, not the command."),
    switch("attach", "Wait for the container and attach to it; on with -i."),
    text("container", "", "The name of the container.").short('c'),
    text("copy-to", "", "Make a copy of the Pod with this name."),
    text("custom", "", "File with parts of a container that are merged into the new one."),
    map("env", "Variables, as KEY=VALUE."),
    slice("filename", "File that names what to look into; may be repeated.").short('f'),
    text("image", "", "The image of the container."),
    text("image-pull-policy", "", "When to pull the image."),
    switch("keep-annotations", "With --copy-to: keep annotations."),
    switch("keep-init-containers", "With --copy-to: keep init containers.").on(),
    switch("keep-labels", "With --copy-to: keep labels."),
    switch("keep-liveness", "With --copy-to: keep liveness probes."),
    switch("keep-readiness", "With --copy-to: keep readiness probes."),
    switch("keep-startup", "With --copy-to: keep startup probes."),
    text("profile", "general", "What the container may: general, baseline, restricted, netadmin or sysadmin."),
    switch("quiet", "Say as little as possible.").short('q'),
    switch("replace", "With --copy-to: delete the original Pod."),
    switch("same-node", "With --copy-to: put the copy on the same node."),
    map("set-image", "With --copy-to: new images, as CONTAINER=IMAGE."),
    switch("share-processes", "With --copy-to: containers see each other's processes.").on(),
    switch("stdin", "Keep standard input open.").short('i'),
    text("target", "", "The container whose processes the new one sees."),
    switch("tty", "Give it a terminal.").short('t'),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "debug",
    group: Group::Troubleshooting,
    short: "Look into a Pod or node with a container of your own",
    long: "Adds a container to a running Pod, makes a copy of a Pod in which something is different, or starts a Pod on a node that sees the node's files under /host.",
    examples: &[
        ("A shell in a running Pod", "kubectl debug web -it --image=busybox:1.36 -- sh -c 'echo looking around'"),
        (
            "A copy of the Pod with one more container",
            "kubectl debug web --copy-to=web-copy --image=busybox:1.36 --share-processes -- sleep 60",
        ),
        (
            "A copy in which a container has another command",
            "kubectl debug web --copy-to=web-shell --container=web -- sleep 60",
        ),
        ("A copy with another image", "kubectl debug web --copy-to=web-next --set-image=web=nginx:1.28"),
        ("A Pod on a node", "kubectl debug node/node01 --image=busybox:1.36 -- ls /host"),
    ],
    usage: "(POD | TYPE[[.VERSION].GROUP]/NAME) [ -- COMMAND [args...] ] [options]",
    flags: &[FLAGS],
    run: Some(run),
    asks: 4,
    ..Command::EMPTY
};

fn bad_image(image: &str) -> bool {
    matches!(Reference::parse(image), Err(InvalidReference::Format | InvalidReference::Uppercase))
}

/// What does not go together, in upstream's order.
fn check(flags: &Flags, names: &[String], words: &[String]) -> Result<(), Failure> {
    let (image, copy, container) = (flags.text("image"), flags.text("copy-to"), flags.text("container"));
    let copying = !copy.is_empty();
    let why = if flags.on("attach") && image.is_empty() && container.is_empty() {
        "you must specify --container or create a new container using --image in order to attach."
    } else if copying && image.is_empty() && flags.list("set-image").is_empty() && words.is_empty() {
        "you must specify --image, --set-image or command arguments."
    } else if copying && !words.is_empty() && container.is_empty() && image.is_empty() {
        "you must specify an existing container or a new image when specifying args."
    } else if !copying && flags.on("replace") {
        "--replace may only be used with --copy-to."
    } else if !copying && flags.on("same-node") {
        "--same-node may only be used with --copy-to."
    } else if !copying && !flags.list("set-image").is_empty() {
        "--set-image may only be used with --copy-to."
    } else if !copying && image.is_empty() {
        "you must specify --image when not using --copy-to."
    } else {
        ""
    };
    if !why.is_empty() {
        return Err(Failure::msg(why));
    }
    if !image.is_empty() && bad_image(image) {
        return Err(Failure::msg(format!("invalid image name {}: invalid reference format", quote(image))));
    }
    if names.is_empty() && flags.list("filename").is_empty() {
        return Err(Failure::msg("NAME or filename is required for debug"));
    }
    let policy = flags.text("image-pull-policy");
    if !["", "Always", "IfNotPresent", "Never"].contains(&policy) {
        return Err(Failure::msg(format!("invalid image pull policy: {policy}")));
    }
    for pair in flags.list("set-image") {
        let (name, image) = pair.split_once('=').unwrap_or((&pair, ""));
        if bad_image(image) {
            return Err(Failure::msg(format!(
                "invalid image name {} for container {}: invalid reference format",
                quote(image),
                quote(name)
            )));
        }
    }
    if !flags.text("target").is_empty() && copying {
        return Err(Failure::msg("--target is incompatible with --copy-to. Use --share-processes instead."));
    }
    let profiles = ["legacy", "general", "baseline", "restricted", "netadmin", "sysadmin"];
    if !profiles.contains(&flags.text("profile")) {
        return Err(Failure::msg(format!("unknown profile: {}", flags.text("profile"))));
    }
    if flags.on("tty") && !flags.on("stdin") {
        return Err(Failure::msg("-i/--stdin is required for containers with -t/--tty=true"));
    }
    Ok(())
}

/// What was asked for.
struct Wish {
    flags: Flags,
    words: Vec<String>,
    custom: Value,
}

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let (names, words) = flags.args.split_at_checked(flags.dash.unwrap_or(flags.args.len())).unwrap_or_default();
    let custom = custom(cx, &flags)?;
    check(&flags, names, words)?;
    if !flags.text("target").is_empty() && !flags.on("quiet") {
        cx.out.line(&format!("Targeting container {}. If you don't see processes from this container it may be because the container runtime doesn't support this feature.", quote(flags.text("target"))));
    }
    if flags.text("profile") == "legacy" {
        cx.out.err_line("--profile=legacy is deprecated and planned to be removed in v1.39. It is recommended to specify other profile, for example \"--profile=general\".");
    }
    let mut query = Query { files: flags.list("filename"), ..Query::default() };
    query.args =
        names.iter().map(|name| if name.contains('/') { name.clone() } else { format!("pods/{name}") }).collect();
    let built = builder::build(cx, &query)?;
    let (found, failures) = builder::fetch(cx, &built);
    if let Some(failure) = failures.into_iter().next() {
        return Err(failure);
    }
    let wish = Wish { words: words.to_vec(), custom, flags: flags.clone() };
    let mut sessions = Vec::new();
    for target in &found {
        let made = match target.resource.kind.as_str() {
            "Node" if target.resource.group.is_empty() => on_node(cx, &wish, target)?,
            "Pod" if target.resource.group.is_empty() && !flags.text("copy-to").is_empty() => copy(cx, &wish, target)?,
            "Pod" if target.resource.group.is_empty() => inside(cx, &wish, target)?,
            kind => {
                let version = target.resource.api_version();
                let version = if target.resource.group.is_empty() { format!("/{version}") } else { version };
                return Err(Failure::msg(format!("\"{version}, Kind={kind}\" not supported by debug")));
            }
        };
        sessions.push(made);
    }
    let attach = if flags.changed("attach") { flags.on("attach") } else { flags.on("stdin") };
    let sessions: Vec<Session> = sessions.into_iter().filter(|one| attach && !one.container.is_empty()).collect();
    match sessions.into_iter().next() {
        Some(session) => {
            let events = watch_pod(cx, &session)?;
            Ok(Next::Task(Box::new(Attaching { session, events, running: None, told: String::new() })))
        }
        None => DONE,
    }
}

/// The parts of a container in the file of `--custom`.
fn custom(cx: &Context<'_>, flags: &Flags) -> Result<Value, Failure> {
    let file = flags.text("custom");
    if file.is_empty() {
        return Ok(Value::Null);
    }
    let bytes = cx.system.read_file(file).map_err(|errno| {
        Failure::msg(format!("must pass a container spec json file for custom profile: {}", unreadable(file, errno)))
    })?;
    let custom = from_yaml(&String::from_utf8_lossy(&bytes))
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| Failure::msg(format!("{file} does not contain a valid container spec")))?;
    if ["name", "command", "image", "lifecycle", "volumeDevices"].iter().any(|field| custom.get(*field).is_some()) {
        return Err(Failure::msg(
            "name, command, image, lifecycle and volume devices are not modifiable via custom profile",
        ));
    }
    Ok(custom)
}

impl Wish {
    /// Fills in what the flags say about a container.
    fn fill(&self, container: &mut Map<String, Value>, fresh: bool) {
        let flags = &self.flags;
        if !self.words.is_empty() {
            if flags.on("arguments-only") {
                container.insert("args".to_owned(), json!(self.words));
            } else {
                container.insert("command".to_owned(), json!(self.words));
                container.remove("args");
            }
        }
        let env: Vec<Value> = flags
            .list("env")
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        if !env.is_empty() {
            container.insert("env".to_owned(), Value::Array(env));
        }
        for (flag, field) in [("image", "image"), ("image-pull-policy", "imagePullPolicy")] {
            if !flags.text(flag).is_empty() {
                container.insert(field.to_owned(), json!(flags.text(flag)));
            }
        }
        for (flag, field) in [("stdin", "stdin"), ("tty", "tty")] {
            container.remove(field);
            if flags.on(flag) {
                container.insert(field.to_owned(), json!(true));
            }
        }
        if fresh {
            container.insert("terminationMessagePolicy".to_owned(), json!("File"));
        }
    }

    /// The name of the new container, made up and told when none was given.
    fn name(&self, cx: &mut Context<'_>) -> String {
        if !self.flags.text("container").is_empty() {
            return self.flags.text("container").to_owned();
        }
        let name = format!("debugger-{}", random_letters(cx));
        if !self.flags.on("quiet") {
            cx.out.line(&format!("Defaulting debug container name to {name}."));
        }
        name
    }

    /// What the profile does to the container.
    fn profile(&self, container: &mut Value, style: Style) {
        let Some(fields) = container.as_object_mut() else { return };
        let profile = self.flags.text("profile");
        if matches!((profile, style), ("general", Style::Node) | ("baseline" | "restricted", _)) {
            fields.remove("securityContext");
        }
        let security = match (profile, style) {
            ("general", Style::Copy | Style::Inside) => json!({"capabilities": {"add": ["SYS_PTRACE"]}}),
            ("restricted", _) => json!({
                "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
                "allowPrivilegeEscalation": false, "seccompProfile": {"type": "RuntimeDefault"},
            }),
            ("netadmin", _) => json!({"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}),
            ("sysadmin", _) => json!({"privileged": true}),
            _ => Value::Null,
        };
        if let Some(security) = security.as_object() {
            let slot = fields.entry("securityContext").or_insert_with(|| json!({}));
            if let Some(slot) = slot.as_object_mut() {
                slot.extend(security.clone());
            }
        }
        if matches!((profile, style), ("legacy" | "general" | "sysadmin", Style::Node)) {
            let mounts = fields.entry("volumeMounts").or_insert_with(|| json!([]));
            if let Some(mounts) = mounts.as_array_mut() {
                mounts.push(json!({"mountPath": "/host", "name": "host-root"}));
            }
        }
        if !self.custom.is_null() {
            let known = facts().get("core.v1.Container");
            if let Ok(merged) = strategic_merge(facts(), known, container.clone(), &self.custom) {
                *container = merged;
            }
        }
    }
}

/// Where the container is to run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Node,
    Copy,
    Inside,
}

/// A Pod of its own on a node.
fn on_node(cx: &mut Context<'_>, wish: &Wish, target: &Target) -> Result<Session, Failure> {
    let node = &target.name;
    let given = wish.flags.text("container");
    let name = if given.is_empty() { "debugger" } else { given };
    let pod = format!("node-debugger-{node}-{}", random_letters(cx));
    if !wish.flags.on("quiet") {
        cx.out.line(&format!("Creating debugging pod {pod} with container {name} on node {node}."));
    }
    let mut container = json!({"name": name});
    if let Some(fields) = container.as_object_mut() {
        wish.fill(fields, true);
    }
    wish.profile(&mut container, Style::Node);
    let mut spec = json!({
        "containers": [container], "nodeName": node, "restartPolicy": "Never", "tolerations": [{"operator": "Exists"}],
    });
    if let Some(fields) = spec.as_object_mut() {
        let profile = wish.flags.text("profile");
        if ["legacy", "general", "netadmin", "sysadmin"].contains(&profile) {
            for field in ["hostNetwork", "hostPID", "hostIPC"] {
                fields.insert(field.to_owned(), json!(true));
            }
        }
        if ["legacy", "general", "sysadmin"].contains(&profile) {
            fields.insert("volumes".to_owned(), json!([{"name": "host-root", "hostPath": {"path": "/"}}]));
        }
    }
    let labels = json!({"app.kubernetes.io/managed-by": "kubectl-debug"});
    let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": pod, "labels": labels}, "spec": spec});
    let namespace = cx.namespace()?;
    let made = cx.write(Method::Post, &format!("/api/v1/namespaces/{namespace}/pods"), &[], &object)?;
    Ok(session(wish, &made, name))
}

fn session(wish: &Wish, pod: &Value, container: &str) -> Session {
    Session {
        namespace: str_at(pod, "/metadata/namespace").to_owned(),
        pod: str_at(pod, "/metadata/name").to_owned(),
        container: container.to_owned(),
        stdin: wish.flags.on("stdin"),
        tty: wish.flags.on("tty"),
        quiet: wish.flags.on("quiet"),
        ..Session::default()
    }
}

/// One more container in the running Pod.
fn inside(cx: &mut Context<'_>, wish: &Wish, target: &Target) -> Result<Session, Failure> {
    let before = target.object.clone().unwrap_or_default();
    let name = wish.name(cx);
    let mut container = json!({"name": name});
    if let Some(fields) = container.as_object_mut() {
        wish.fill(fields, true);
        if !wish.flags.text("target").is_empty() {
            fields.insert("targetContainerName".to_owned(), json!(wish.flags.text("target")));
        }
    }
    wish.profile(&mut container, Style::Inside);
    warn(cx, &before, &container);
    let mut after = before.clone();
    if let Some(spec) = after.pointer_mut("/spec").and_then(Value::as_object_mut) {
        let list = spec.entry("ephemeralContainers").or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(container);
        }
    }
    let patch = two_way(&before, &after).to_string();
    let path = format!("{}/ephemeralcontainers", target.path());
    let made = cx.patch(&path, "strategic", &[], patch.as_bytes()).map_err(|failure| match &failure {
        Failure::Status { status, .. } if failure.is_not_found() && str_at(status, "/details/name").is_empty() => {
            Failure::msg(format!(
                "ephemeral containers are disabled for this cluster (error from server: {})",
                quote(&failure.text())
            ))
        }
        _ => failure,
    })?;
    Ok(session(wish, &made, &name))
}

/// A word when the Pod's user makes what the profile grants useless.
fn warn(cx: &mut Context<'_>, pod: &Value, container: &Value) {
    let user = |object: &Value, path: &str| object.pointer(path).and_then(Value::as_i64);
    let granted = container.pointer("/securityContext/privileged").and_then(Value::as_bool) == Some(true)
        || !list_at(container, "/securityContext/capabilities/add").is_empty();
    if user(pod, "/spec/securityContext/runAsUser").is_some_and(|user| user != 0)
        && user(container, "/securityContext/runAsUser") != Some(0)
        && granted
    {
        cx.out.err_line("Warning: Non-root user is configured for the entire target Pod, and some capabilities granted by debug profile may not work. Please consider using \"--custom\" with a custom profile that specifies \"securityContext.runAsUser: 0\".");
    }
}

/// A copy of the Pod in which something is different.
fn copy(cx: &mut Context<'_>, wish: &Wish, target: &Target) -> Result<Session, Failure> {
    let flags = &wish.flags;
    let before = target.object.clone().unwrap_or_default();
    let mut copy = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": flags.text("copy-to"), "namespace": target.namespace}, "spec": before.get("spec")});
    // Where only images change, no profile has a say.
    let known = list_at(&before, "/spec/containers").iter().any(|one| str_at(one, "/name") == flags.text("container"));
    let images_only = !known && flags.text("image").is_empty() && !flags.list("set-image").is_empty();
    let general = flags.text("profile") != "legacy" && !images_only;
    for (field, keep) in [
        ("labels", images_only || (flags.on("keep-labels") && general)),
        ("annotations", flags.on("keep-annotations") || !general),
    ] {
        let old = before.pointer(&format!("/metadata/{field}")).cloned();
        if let (true, Some(old), Some(metadata)) =
            (keep, old, copy.pointer_mut("/metadata").and_then(Value::as_object_mut))
        {
            metadata.insert(field.to_owned(), old);
        }
    }
    let name = {
        let Some(spec) = copy.pointer_mut("/spec").and_then(Value::as_object_mut) else {
            return Err(Failure::msg("the pod has no spec"));
        };
        spec.remove("ephemeralContainers");
        if !flags.on("same-node") {
            spec.remove("nodeName");
        }
        if flags.changed("share-processes") {
            spec.insert("shareProcessNamespace".to_owned(), json!(flags.on("share-processes")));
        }
        if general {
            if !flags.on("keep-init-containers") {
                spec.remove("initContainers");
            }
            spec.entry("shareProcessNamespace").or_insert(json!(true));
        }
        let containers = spec.entry("containers").or_insert_with(|| json!([]));
        different(cx, wish, containers, general)?
    };
    if let Some(container) = list_at(&copy, "/spec/containers").iter().find(|one| str_at(one, "/name") == name) {
        warn(cx, &copy, &container.clone());
    }
    let made = cx.write(Method::Post, &format!("/api/v1/namespaces/{}/pods", target.namespace), &[], &copy)?;
    if flags.on("replace") {
        let request = Request::new(Method::Delete, target.path())
            .with_header("Accept", "application/json")
            .with_header("Content-Type", "application/json")
            .with_body(json!({"gracePeriodSeconds": 0}).to_string());
        cx.json(request)?;
    }
    Ok(session(wish, &made, &name))
}

/// Changes the containers of a copy; the name of the one to attach to, empty when only images change.
fn different(cx: &mut Context<'_>, wish: &Wish, containers: &mut Value, general: bool) -> Result<String, Failure> {
    let flags = &wish.flags;
    let Some(list) = containers.as_array_mut() else { return Ok(String::new()) };
    let images = flags.list("set-image");
    for container in list.iter_mut().filter_map(Value::as_object_mut) {
        let own = container.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
        let image_of =
            |name: &str| images.iter().filter_map(|pair| pair.split_once('=')).find(|(known, _)| *known == name);
        if let Some((_, image)) = image_of(&own).or_else(|| image_of("*")) {
            container.insert("image".to_owned(), json!(image));
        }
        for (flag, field) in
            [("keep-liveness", "livenessProbe"), ("keep-readiness", "readinessProbe"), ("keep-startup", "startupProbe")]
        {
            if general && !flags.on(flag) {
                container.remove(field);
            }
        }
    }
    let mut name = flags.text("container").to_owned();
    if !list.iter().any(|one| str_at(one, "/name") == name) {
        if flags.text("image").is_empty() {
            return match images.is_empty() {
                false => Ok(String::new()),
                true => Err(Failure::msg("you must specify image when creating new container")),
            };
        }
        if name.is_empty() {
            name = wish.name(cx);
        }
        list.push(json!({"name": name, "terminationMessagePolicy": "File"}));
    }
    if let Some(container) = list.iter_mut().find(|one| str_at(one, "/name") == name) {
        if let Some(fields) = container.as_object_mut() {
            wish.fill(fields, false);
        }
        wish.profile(container, Style::Copy);
    }
    Ok(name)
}

fn watch_pod(cx: &mut Context<'_>, session: &Session) -> Result<Events, Failure> {
    let request = Request::new(Method::Get, format!("/api/v1/namespaces/{}/pods", session.namespace))
        .with_header("Accept", "application/json")
        .with_query("fieldSelector", format!("metadata.name={}", session.pod))
        .with_query("watch", "true");
    Events::open(cx, request)
}

/// Waits for the container and attaches to it.
#[derive(Clone, Debug)]
struct Attaching {
    session: Session,
    events: Events,
    running: Option<Running>,
    /// The last word about why it does not run yet.
    told: String,
}

impl Attaching {
    fn seen(&mut self, cx: &mut Context<'_>, pod: &Value) -> Result<Option<Progress>, Failure> {
        let lists = ["initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"];
        let status = lists
            .iter()
            .flat_map(|list| list_at(pod, &format!("/status/{list}")))
            .find(|one| str_at(one, "/name") == self.session.container);
        let Some(status) = status else { return Ok(None) };
        if status.pointer("/state/terminated").is_some() {
            self.events.close(cx);
            let request = Request::new(
                Method::Get,
                format!("/api/v1/namespaces/{}/pods/{}/log", self.session.namespace, self.session.pod),
            )
            .with_query("container", &self.session.container);
            let log = cx.raw(request)?;
            cx.out.bytes(1, &log);
            return Ok(Some(Progress::Next(Next::Exit(0))));
        }
        if status.pointer("/state/running").is_some() {
            self.events.close(cx);
            if !self.session.quiet && self.session.tty {
                cx.out.err_line("All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.");
                cx.out.err_line("If you don't see a command prompt, try pressing enter.");
            }
            self.running = Some(self.session.open(cx)?);
            return Ok(None);
        }
        let message = str_at(status, "/state/waiting/message");
        if !message.is_empty() && !self.session.quiet && message != self.told {
            self.told = message.to_owned();
            cx.out.err_line(&format!("Warning: container {}: {message}", self.session.container));
        }
        Ok(None)
    }
}

impl Task for Attaching {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        loop {
            if let Some(running) = &mut self.running {
                return match running.carry(cx) {
                    Stand::Wait(wait) => Ok(Progress::Wait(wait)),
                    Stand::Ended(status) => verdict(status).map(Progress::Next),
                };
            }
            match self.events.next(cx)? {
                Event::Seen(kind, _) if kind == "DELETED" => {
                    let what = format!("pods {} not found", quote(&self.session.pod));
                    return Err(Failure::status(404, "NotFound", what));
                }
                Event::Seen(_, pod) => {
                    if let Some(progress) = self.seen(cx, &pod)? {
                        return Ok(progress);
                    }
                }
                Event::Pending => return Ok(Progress::Wait(Wait { streams: true, ..Wait::default() })),
                Event::End => return Err(Failure::msg("timed out waiting for the condition")),
            }
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
