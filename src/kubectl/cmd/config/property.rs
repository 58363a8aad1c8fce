//! `kubectl config set` and `unset`: one value of the kubeconfig file, named by its path.
//!
//! Refuses what has no place in the file. Models Kubernetes 1.36
//! staging/src/k8s.io/kubectl/pkg/cmd/config/{set,unset,navigation_step_parser}.go.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{load, misused, one_name, slot, sub, write};
use crate::kubectl::config::entry;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::switch;
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::Command;
use crate::text::go_number::quote;

pub(super) static SET: Command = Command {
    flags: &[&[switch("set-raw-bytes", "The value of a ...-data field is not in base64.")]],
    ..sub(
        "set",
        "Set one value",
        "PROPERTY_NAME PROPERTY_VALUE [options]",
        set,
        &[
            ("The namespace of a context", "kubectl config set contexts.kubernetes-admin@kubernetes.namespace team"),
            ("The address of a cluster", "kubectl config set clusters.kubernetes.server https://10.0.0.1:6443"),
            ("A certificate", "kubectl config set users.bot.client-certificate-data abc --set-raw-bytes=true"),
        ],
    )
};
pub(super) static UNSET: Command = sub(
    "unset",
    "Remove one value",
    "PROPERTY_NAME [options]",
    unset,
    &[
        ("No present context", "kubectl config unset current-context"),
        ("Not this context", "kubectl config unset contexts.team"),
    ],
);

/// What a field holds.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Bool,
    Bytes,
    /// Lists and objects, which can only be unset.
    Deep,
}

/// The fields of an entry, by name.
type Fields = &'static [(&'static str, Kind)];

/// The lists of the file: what an entry holds, and the fields of that.
const LISTS: &[(&str, &str, Fields)] = &[
    (
        "clusters",
        "cluster",
        &[
            ("server", Kind::Text),
            ("tls-server-name", Kind::Text),
            ("insecure-skip-tls-verify", Kind::Bool),
            ("certificate-authority", Kind::Text),
            ("certificate-authority-data", Kind::Bytes),
            ("proxy-url", Kind::Text),
            ("disable-compression", Kind::Bool),
            ("extensions", Kind::Deep),
        ],
    ),
    (
        "contexts",
        "context",
        &[("cluster", Kind::Text), ("user", Kind::Text), ("namespace", Kind::Text), ("extensions", Kind::Deep)],
    ),
    (
        "users",
        "user",
        &[
            ("client-certificate", Kind::Text),
            ("client-certificate-data", Kind::Bytes),
            ("client-key", Kind::Text),
            ("client-key-data", Kind::Bytes),
            ("token", Kind::Text),
            ("tokenFile", Kind::Text),
            ("act-as", Kind::Text),
            ("act-as-uid", Kind::Text),
            ("act-as-groups", Kind::Deep),
            ("act-as-user-extra", Kind::Deep),
            ("username", Kind::Text),
            ("password", Kind::Text),
            ("auth-provider", Kind::Deep),
            ("exec", Kind::Deep),
            ("extensions", Kind::Deep),
        ],
    ),
];

/// Where a path leads.
enum Place {
    /// A field of the file itself.
    Top(String),
    /// A whole list, by its name.
    List(&'static str),
    /// An entry of a list: list, name.
    Entry(&'static str, String),
    /// A field of an entry: list, what an entry holds, name, field.
    Field(&'static str, &'static str, String, &'static str, Kind),
}

fn place(path: &str) -> Result<Place, Failure> {
    let parts: Vec<&str> = path.split('.').collect();
    let Some((first, rest)) = parts.split_first() else { return Err(lost(path, "")) };
    let Some((list, holds, fields)) = LISTS.iter().find(|(list, ..)| list == first) else {
        return match (*first, rest) {
            ("current-context" | "kind" | "apiVersion" | "preferences" | "extensions", []) => {
                Ok(Place::Top((*first).to_owned()))
            }
            ("current-context", _) => Err(Failure::msg(format!("unable to parse one or more field values of {path}"))),
            _ => Err(lost(path, "[]")),
        };
    };
    if rest.is_empty() {
        return Ok(Place::List(list));
    }
    // A name may hold dots: it ends where a field's name begins.
    let known = |part: &&str| fields.iter().find(|(name, _)| name == part);
    let end = rest.iter().skip(1).position(|part| known(part).is_some()).map(|at| at + 1);
    let Some((name, [field, more @ ..])) = end.and_then(|end| rest.split_at_checked(end)) else {
        return Ok(Place::Entry(list, rest.join(".")));
    };
    let Some((field, kind)) = known(field) else { return Err(lost(path, "[]")) };
    if !more.is_empty() {
        return Err(Failure::msg(format!("unable to parse one or more field values of {path}")));
    }
    Ok(Place::Field(list, holds, name.join("."), field, *kind))
}

fn lost(path: &str, after: &str) -> Failure {
    Failure::msg(format!("unable to parse {path} after {after} at api.Config"))
}

fn value(kind: Kind, text: &str, raw: bool) -> Result<Value, Failure> {
    match kind {
        Kind::Text => Ok(json!(text)),
        Kind::Bool => match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(json!(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(json!(false)),
            _ => Err(Failure::msg(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(text)))),
        },
        Kind::Bytes if raw => Ok(json!(STANDARD.encode(text))),
        Kind::Bytes => match STANDARD.decode(text) {
            Ok(_) => Ok(json!(text)),
            Err(_) => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
                let good = text.bytes().take_while(|byte| plain(*byte)).count();
                let at = if good == text.len() { text.len() / 4 * 4 } else { good };
                Err(Failure::msg(format!("error decoding input value: illegal base64 data at input byte {at}")))
            }
        },
        Kind::Deep => Err(Failure::msg("unrecognized slice type. string")),
    }
}

fn set(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let [path, text] = flags.args.as_slice() else {
        return Err(misused(cx, &flags.args));
    };
    if text.is_empty() {
        return Err(Failure::msg("you cannot use set to unset a property"));
    }
    if path.is_empty() {
        return Err(Failure::msg("you must specify a property"));
    }
    let mut file = load(cx)?;
    let place = place(path)?;
    match place {
        Place::Top(field) if field == "current-context" => {
            if let Some(top) = file.content.as_object_mut() {
                top.insert(field, json!(text));
            }
        }
        Place::Top(_) => {}
        Place::List(_) | Place::Entry(..) => {
            return Err(Failure::msg(format!("unable to locate path {path}")));
        }
        Place::Field(list, holds, name, field, kind) => {
            let value = value(kind, text, flags.on("set-raw-bytes"))?;
            if let Some((_, fields)) = slot(&mut file.content, list, &name, holds) {
                fields.insert(field.to_owned(), value);
            }
        }
    }
    write(cx, &file)?;
    cx.out.line(&format!("Property {} set.", quote(path)));
    DONE
}

fn unset(cx: &mut Context<'_>) -> Outcome {
    let path = one_name(cx)?;
    if path.is_empty() {
        return Err(Failure::msg("you must specify a property"));
    }
    let mut file = load(cx)?;
    let place = place(&path)?;
    let top = |content: &mut Value, name: &str, empty: Value| {
        content.as_object_mut().map(|fields: &mut Map<String, Value>| fields.insert(name.to_owned(), empty))
    };
    match place {
        Place::Top(field) => {
            top(&mut file.content, &field, json!(""));
        }
        Place::List(list) => {
            top(&mut file.content, list, json!([]));
        }
        Place::Entry(list, name) => {
            if let Some(entries) = file.content.pointer_mut(&format!("/{list}")).and_then(Value::as_array_mut) {
                entries.retain(|one| one.get("name").and_then(Value::as_str) != Some(name.as_str()));
            }
        }
        Place::Field(list, holds, name, field, _) => {
            if entry(&file.content, list, &name, holds).is_none() {
                return Err(Failure::msg(format!("current map key `{name}` is invalid")));
            }
            if let Some((_, fields)) = slot(&mut file.content, list, &name, holds) {
                fields.remove(field);
            }
        }
    }
    write(cx, &file)?;
    cx.out.line(&format!("Property {} unset.", quote(&path)));
    DONE
}
