//! The smaller generators: namespace, quota, serviceaccount, poddisruptionbudget, priorityclass, token.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/create.

use serde_json::{Value, json};

use super::{Told, create, generator, one_name, some_name};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{array, duration, int32, switch, text};
use crate::kubectl::print::Printer;
use crate::kubectl::print::str_at;
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::selector::object_selector;
use crate::kubectl::tree::Command;
use crate::kubectl::writing;
use crate::text::http::Method;

/// `create namespace`.
pub static NAMESPACE: Command = Command {
    name: "namespace",
    aliases: &["ns"],
    short: "Create a namespace",
    long: "Creates a namespace.",
    examples: &[("A namespace", "kubectl create namespace test --dry-run=client -o yaml")],
    usage: "NAME [--dry-run=server|client|none] [options]",
    flags: generator![],
    run: Some(namespace),
    ..Command::EMPTY
};

/// `create quota`.
pub static QUOTA: Command = Command {
    name: "quota",
    aliases: &["resourcequota"],
    short: "Create a quota",
    long: "Creates a ResourceQuota: how much a namespace may hold.",
    examples: &[
        ("At most ten Pods and two cores", "kubectl create quota small --hard=pods=10,cpu=2 --dry-run=client -o yaml"),
        (
            "Only for Pods without requests",
            "kubectl create quota loose --hard=pods=5 --scopes=BestEffort --dry-run=client -o yaml",
        ),
    ],
    usage: "NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2] [--dry-run=server|client|none] [options]",
    flags: generator![
        text("hard", "", "Limits, such as pods=10,cpu=2."),
        text("scopes", "", "Scopes the quota is limited to."),
    ],
    run: Some(quota),
    ..Command::EMPTY
};

/// `create serviceaccount`.
pub static SERVICE_ACCOUNT: Command = Command {
    name: "serviceaccount",
    aliases: &["sa"],
    short: "Create a service account",
    long: "Creates a service account, the identity that programs in Pods have.",
    examples: &[("A service account", "kubectl create serviceaccount bot --dry-run=client -o yaml")],
    usage: "NAME [--dry-run=server|client|none] [options]",
    flags: generator![],
    run: Some(service_account),
    ..Command::EMPTY
};

/// `create poddisruptionbudget`.
pub static POD_DISRUPTION_BUDGET: Command = Command {
    name: "poddisruptionbudget",
    aliases: &["pdb"],
    short: "Create a Pod disruption budget",
    long: "Creates a PodDisruptionBudget: how many Pods have to stay when nodes are emptied.",
    examples: &[
        ("One Pod has to stay", "kubectl create pdb web --selector=app=web --min-available=1 --dry-run=client -o yaml"),
        (
            "Half of them may be missing",
            "kubectl create pdb web --selector=app=web --max-unavailable=50% --dry-run=client -o yaml",
        ),
    ],
    usage: "NAME --selector=SELECTOR --min-available=N [--dry-run=server|client|none] [options]",
    flags: generator![
        text("max-unavailable", "", "How many Pods may be missing, as a number or a percentage."),
        text("min-available", "", "How many Pods have to stay, as a number or a percentage."),
        text("selector", "", "The Pods, by their labels."),
    ],
    run: Some(pod_disruption_budget),
    ..Command::EMPTY
};

/// `create priorityclass`.
pub static PRIORITY_CLASS: Command = Command {
    name: "priorityclass",
    aliases: &["pc"],
    short: "Create a priority class",
    long: "Creates a PriorityClass.",
    examples: &[
        (
            "A class above the others",
            "kubectl create priorityclass high --value=1000 --description=important --dry-run=client -o yaml",
        ),
        (
            "One that pushes nobody away",
            "kubectl create priorityclass patient --value=1000 --preemption-policy=Never --dry-run=client -o yaml",
        ),
    ],
    usage: "NAME --value=VALUE --global-default=BOOL [--dry-run=server|client|none] [options]",
    flags: generator![
        text("description", "", "What the class is for."),
        switch("global-default", "Use it for Pods that name none."),
        text("preemption-policy", "PreemptLowerPriority", "PreemptLowerPriority or Never."),
        int32("value", "0", "The priority."),
    ],
    run: Some(priority_class),
    ..Command::EMPTY
};

/// `create token`.
pub static TOKEN: Command = Command {
    name: "token",
    short: "Ask for a token of a service account",
    long: "Asks the server for a token with which one can act as a service account.",
    examples: &[
        ("A token of the default account", "kubectl create token default"),
        ("For ten minutes", "kubectl create token default --duration=10m"),
        ("As an object", "kubectl create token default -o yaml"),
    ],
    usage: "SERVICE_ACCOUNT_NAME [options]",
    flags: &[
        &[
            array("audience", "Who the token is meant for."),
            text("bound-object-kind", "", "The kind of object the token ends with."),
            text("bound-object-name", "", "The name of that object."),
            text("bound-object-uid", "", "Its UID."),
            duration("duration", "0s", "How long it is valid."),
        ],
        crate::kubectl::print::PRINT_FLAGS,
    ],
    run: Some(token),
    ..Command::EMPTY
};

fn namespace(cx: &mut Context<'_>) -> Outcome {
    let name = some_name(cx)?;
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}, "status": {}});
    create(cx, object, Told::Plain)
}

fn service_account(cx: &mut Context<'_>) -> Outcome {
    let name = some_name(cx)?;
    create(
        cx,
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}),
        Told::Failed("serviceaccount"),
    )
}

fn quota(cx: &mut Context<'_>) -> Outcome {
    let name = some_name(cx)?;
    let flags = cx.session.flags.clone();
    let hard = writing::quantities(flags.text("hard"))?;
    let mut spec = json!({});
    if let Some(fields) = spec.as_object_mut() {
        if !hard.is_empty() {
            fields.insert("hard".to_owned(), Value::Object(hard));
        }
        if !flags.text("scopes").is_empty() {
            fields.insert("scopes".to_owned(), json!(flags.text("scopes").split(',').collect::<Vec<_>>()));
        }
    }
    let object =
        json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": spec, "status": {}});
    create(cx, object, Told::Failed("quota"))
}

fn pod_disruption_budget(cx: &mut Context<'_>) -> Outcome {
    let name = some_name(cx)?;
    let flags = cx.session.flags.clone();
    if flags.text("selector").is_empty() {
        return Err(Failure::msg("a selector must be specified"));
    }
    match (flags.text("max-unavailable"), flags.text("min-available")) {
        ("", "") => return Err(Failure::msg("one of min-available or max-unavailable must be specified")),
        (_, "") | ("", _) => {}
        _ => return Err(Failure::msg("min-available and max-unavailable cannot be both specified")),
    }
    for flag in ["min-available", "max-unavailable"] {
        let text = flags.text(flag);
        let digits = text.strip_suffix('%').unwrap_or(text);
        if !text.is_empty() && (digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(Failure::msg(format!("invalid format specified for {flag}")));
        }
    }
    let amount = |text: &str| text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number));
    let selector = object_selector(flags.text("selector"))?;
    let mut spec = json!({"selector": selector});
    if let Some(fields) = spec.as_object_mut() {
        for (flag, field) in [("max-unavailable", "maxUnavailable"), ("min-available", "minAvailable")] {
            if !flags.text(flag).is_empty() {
                fields.insert(field.to_owned(), amount(flags.text(flag)));
            }
        }
    }
    let object = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec,
        "status": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0}});
    create(cx, object, Told::Failed("poddisruptionbudgets"))
}

fn priority_class(cx: &mut Context<'_>) -> Outcome {
    let name = one_name(cx)?;
    let flags = cx.session.flags.clone();
    let mut object = json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
        "value": flags.number("value"), "preemptionPolicy": flags.text("preemption-policy")});
    if let Some(fields) = object.as_object_mut() {
        if flags.on("global-default") {
            fields.insert("globalDefault".to_owned(), json!(true));
        }
        if !flags.text("description").is_empty() {
            fields.insert("description".to_owned(), json!(flags.text("description")));
        }
    }
    create(cx, object, Told::Failed("priorityclass"))
}

fn token(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let name = match flags.args.as_slice() {
        [name] => name.clone(),
        other => return Err(cx.usage(format!("exactly one NAME is required, got {}", other.len()))),
    };
    let mut printer = Printer::of(&flags, cx.system, false)?.typed();
    let namespace = cx.namespace()?;
    if name.is_empty() {
        return Err(Failure::msg("service account name is required"));
    }
    let (kind, object) = (flags.text("bound-object-kind"), flags.text("bound-object-name"));
    let nanoseconds = flags.nanoseconds("duration");
    let version = match kind {
        "Pod" | "Secret" | "Node" => "v1",
        _ => "",
    };
    let why = if nanoseconds < 0 {
        "--duration must be greater than or equal to 0"
    } else if nanoseconds % 1_000_000_000 != 0 {
        "--duration cannot be expressed in units less than seconds"
    } else if flags.list("audience").iter().any(String::is_empty) {
        "--audience must not be an empty string"
    } else if kind.is_empty() && !object.is_empty() {
        "--bound-object-name can only be set if --bound-object-kind is provided"
    } else if kind.is_empty() && !flags.text("bound-object-uid").is_empty() {
        "--bound-object-uid can only be set if --bound-object-kind is provided"
    } else if !kind.is_empty() && version.is_empty() {
        "supported --bound-object-kind values are Node, Pod, Secret"
    } else if !kind.is_empty() && object.is_empty() {
        "--bound-object-name is required if --bound-object-kind is provided"
    } else {
        ""
    };
    if !why.is_empty() {
        return Err(Failure::msg(why));
    }
    let mut spec = json!({});
    if let Some(fields) = spec.as_object_mut() {
        if !kind.is_empty() {
            let uid = flags.text("bound-object-uid");
            let mut bound = json!({"kind": kind, "apiVersion": version, "name": object});
            if let (false, Some(bound)) = (uid.is_empty(), bound.as_object_mut()) {
                bound.insert("uid".to_owned(), json!(uid));
            }
            fields.insert("boundObjectRef".to_owned(), bound);
        }
        if !flags.list("audience").is_empty() {
            fields.insert("audiences".to_owned(), json!(flags.list("audience")));
        }
        if nanoseconds > 0 {
            fields.insert("expirationSeconds".to_owned(), json!(nanoseconds / 1_000_000_000));
        }
    }
    let request =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {}, "spec": spec});
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
    let answer = cx.write(Method::Post, &path, &[], &request).map_err(|failure| match failure {
        Failure::Connection { request, message, .. } => {
            Failure::msg(format!("failed to create token: {request}: {message}"))
        }
        other => Failure::msg(format!("failed to create token: {}", other.text())),
    })?;
    if printer.is_human() {
        cx.out.line(str_at(&answer, "/status/token"));
    } else {
        let text = printer.print(&answer)?;
        cx.out.out(&text);
    }
    DONE
}
