//! `kubectl config set` and `unset`: one value of the kubeconfig file, named by its path.
//!
//! Refuses what has no place in the file. Models Kubernetes 1.36
//! staging/src/k8s.io/kubectl/pkg/cmd/config/{set,unset,navigation_step_parser}.go.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{load, misused, one_name, sub, write_as};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::switch;
use crate::kubectl::kubeconfig::Kubeconfig;
use crate::kubectl::kubeconfig::schema::{self, Struct, Type, decode_bytes};
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

/// A step of a path: the word, and what stands there.
struct Step {
    word: String,
    ty: Type,
    /// The type that a map's values have, where the step is a name in a map.
    of: Option<&'static Struct>,
}

/// The steps of a path.
///
/// # Errors
/// A word that has no place where it stands.
fn steps(path: &str) -> Result<Vec<Step>, Failure> {
    let parts: Vec<&str> = path.split('.').collect();
    let (mut steps, mut within, mut at) = (Vec::new(), Type::Struct(&schema::CONFIG), 0);
    while let Some(rest) = parts.get(at..).filter(|rest| !rest.is_empty()) {
        match within {
            Type::Struct(of) => {
                let word = rest.first().copied().unwrap_or_default();
                let Some(field) = of.at(word) else { return Err(lost(path, &steps, of)) };
                within = field.ty;
                steps.push(Step { word: word.to_owned(), ty: within, of: None });
                at += 1;
            }
            // A name may hold dots: it ends where a field's name begins.
            Type::Entries(of, _) => {
                let end = rest.iter().skip(1).position(|part| of.at(part).is_some());
                let name = rest.get(..end.map_or(rest.len(), |end| end + 1)).unwrap_or(rest);
                within = Type::Struct(of);
                steps.push(Step { word: name.join("."), ty: within, of: Some(of) });
                at += name.len();
            }
            Type::Extras => return Err(Failure::msg("string is not of type struct")),
            Type::Extensions => return Err(panic("reflect: Elem of invalid type runtime.Object")),
            _ => return Err(Failure::msg(format!("unable to parse one or more field values of {path}"))),
        }
    }
    Ok(steps)
}

/// Go's addresses of types are those of its program; here they are none.
const ADDRESS: &str = "0x0";

fn lost(path: &str, steps: &[Step], within: &Struct) -> Failure {
    let steps: Vec<String> = steps.iter().map(|step| format!("{{{} {ADDRESS}}}", step.word)).collect();
    Failure::msg(format!("unable to parse {path} after [{}] at api.{}", steps.join(" "), within.go))
}

/// Upstream ends in a panic.
fn panic(why: &str) -> Failure {
    Failure::Exit(2, format!("panic: {why}\n\ngoroutine 1 [running]:"))
}

/// A change of one value.
struct Change<'a> {
    /// The new text; `None` takes the value away.
    text: Option<&'a str>,
    /// Whether bytes are given as they are, not in base64.
    raw: bool,
}

impl Change<'_> {
    /// Goes down the steps that are left, and changes what is there.
    fn make(&self, ty: Type, here: &mut Value, steps: &[Step]) -> Result<(), Failure> {
        match (ty, self.text) {
            (Type::Struct(of), _) => self.in_struct(of, here, steps),
            (Type::Entries(..), _) => self.in_map(here, steps),
            (Type::Extensions | Type::Extras | Type::TextMap, _) => {
                Err(Failure::msg(format!("can't set a map to a value: {}", shown(here))))
            }
            (Type::Pointer(_), _) => Err(panic("unrecognized type: <nil>")),
            (Type::Texts, _) => Err(Failure::msg("unrecognized slice type. string")),
            (Type::List(_), _) => Err(Failure::msg("unrecognized slice type. struct")),
            (Type::Bool, text) => {
                *here = json!(truth(text.unwrap_or_default())?);
                Ok(())
            }
            (Type::Bytes, Some(text)) if !self.raw => {
                decode_bytes(text).map_err(|why| Failure::msg(format!("error decoding input value: {why}")))?;
                *here = json!(text);
                Ok(())
            }
            (Type::Bytes, text) => {
                *here = json!(STANDARD.encode(text.unwrap_or_default()));
                Ok(())
            }
            (Type::Text, text) => {
                *here = json!(text.unwrap_or_default());
                Ok(())
            }
        }
    }

    fn in_struct(&self, of: &'static Struct, here: &mut Value, steps: &[Step]) -> Result<(), Failure> {
        let Some((step, rest)) = steps.split_first() else {
            let colors = here.get("colors").is_some();
            return Err(Failure::msg(format!(
                "unable to locate path config.navigationStep{{stepValue:\"\", stepType:reflect.Type(nil)}} under {{{colors} map[]}}"
            )));
        };
        if !here.is_object() {
            *here = json!({});
        }
        let (Some(field), Some(fields)) = (of.at(&step.word), here.as_object_mut()) else { return Ok(()) };
        let mut value = fields.remove(field.name).unwrap_or(Value::Null);
        if rest.is_empty() && self.text.is_none() {
            return Ok(());
        }
        self.make(step.ty, &mut value, rest)?;
        if !matches!(&value, Value::Null | Value::Bool(false)) && value != "" && value != json!({}) {
            fields.insert(field.name.to_owned(), value);
        }
        Ok(())
    }

    fn in_map(&self, here: &mut Value, steps: &[Step]) -> Result<(), Failure> {
        let Some((step, rest)) = steps.split_first().filter(|(_, rest)| !rest.is_empty() || self.text.is_none()) else {
            return Err(Failure::msg(format!("can't set a map to a value: {}", shown(here))));
        };
        if !here.is_object() {
            *here = json!({});
        }
        let (Some(of), Some(entries)) = (step.of, here.as_object_mut()) else { return Ok(()) };
        if rest.is_empty() {
            entries.remove(&step.word);
            return Ok(());
        }
        if !entries.contains_key(&step.word) && self.text.is_none() {
            return Err(Failure::msg(format!("current map key `{}` is invalid", step.word)));
        }
        let entry = entries.entry(step.word.clone()).or_insert_with(|| json!({}));
        self.make(Type::Struct(of), entry, rest)
    }
}

/// A map of Go, its values as addresses.
fn shown(map: &Value) -> String {
    let names = map.as_object().into_iter().flatten().map(|(name, _)| format!("{name}:{ADDRESS}"));
    format!("map[{}]", names.collect::<Vec<_>>().join(" "))
}

fn truth(text: &str) -> Result<bool, Failure> {
    match text {
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        _ => Err(Failure::msg(format!("strconv.ParseBool: parsing {}: invalid syntax", quote(text)))),
    }
}

fn change(cx: &mut Context<'_>, path: &str, change: &Change<'_>) -> Result<(), Failure> {
    if path.is_empty() {
        return Err(Failure::msg("you must specify a property"));
    }
    let config = load(cx)?;
    let steps = steps(path)?;
    let mut content = Value::Object(config.content);
    change.make(Type::Struct(&schema::CONFIG), &mut content, &steps)?;
    let content = match content {
        Value::Object(content) => content,
        _ => Map::new(),
    };
    write_as(cx, &Kubeconfig { content }, false)
}

fn set(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let [path, text] = flags.args.as_slice() else {
        return Err(misused(cx, &flags.args));
    };
    if text.is_empty() {
        return Err(Failure::msg("you cannot use set to unset a property"));
    }
    change(cx, path, &Change { text: Some(text), raw: flags.on("set-raw-bytes") })?;
    cx.out.line(&format!("Property {} set.", quote(path)));
    DONE
}

fn unset(cx: &mut Context<'_>) -> Outcome {
    let path = one_name(cx)?;
    change(cx, &path, &Change { text: None, raw: true })?;
    cx.out.line(&format!("Property {} unset.", quote(&path)));
    DONE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(path: &str, text: Option<&str>) -> Result<Value, String> {
        let read =
            "clusters: [{name: a.b, cluster: {server: s}}]\nusers: [{name: u, user: {exec: {command: c}, as: root}}]";
        let mut content = Value::Object(Kubeconfig::parse(read).unwrap().content);
        let steps = steps(path).map_err(|why| why.text())?;
        let change = Change { text, raw: false };
        change.make(Type::Struct(&schema::CONFIG), &mut content, &steps).map_err(|why| why.text())?;
        Ok(content)
    }

    #[test]
    fn a_path_leads_to_every_field_that_go_would_find() {
        let at = |path: &str, text: Option<&str>, pointer: &str| {
            changed(path, text).map(|content| content.pointer(pointer).cloned())
        };
        assert_eq!(at("clusters.a.b.server", Some("x"), "/clusters/a.b/server"), Ok(Some(json!("x"))));
        assert_eq!(at("clusters.server.server", Some("x"), "/clusters/server/server"), Ok(Some(json!("x"))));
        assert_eq!(at("clusters..server", Some("x"), "/clusters//server"), Ok(Some(json!("x"))));
        assert_eq!(at("preferences.colors", Some("t"), "/preferences/colors"), Ok(Some(json!(true))));
        assert_eq!(at("preferences.colors", Some("f"), "/preferences"), Ok(None));
        assert_eq!(at("users.u.act-as", Some("x"), "/users/u/as"), Ok(Some(json!("x"))));
        assert_eq!(at("users.u.exec", None, "/users/u"), Ok(Some(json!({"as": "root"}))));
        assert_eq!(at("users.u", None, "/users"), Ok(None));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_refused_in_upstreams_words() {
        let cases = [
            ("nosuch", Some("x"), "unable to parse nosuch after [] at api.Config"),
            ("users.u.exec.command", Some("x"), "unable to parse one or more field values of users.u.exec.command"),
            ("users.u.act-as-user-extra.x", Some("x"), "string is not of type struct"),
            ("users.u.act-as-groups", Some("x"), "unrecognized slice type. string"),
            ("contexts", Some("x"), "can't set a map to a value: map[]"),
            ("contexts.c.extensions", Some("x"), "can't set a map to a value: map[]"),
            ("contexts.c.user", None, "current map key `c` is invalid"),
            ("current-context.x", Some("x"), "unable to parse one or more field values of current-context.x"),
            (
                "preferences",
                Some("x"),
                "unable to locate path config.navigationStep{stepValue:\"\", stepType:reflect.Type(nil)} under {false map[]}",
            ),
            (
                "clusters.a.b.insecure-skip-tls-verify",
                Some("maybe"),
                "strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
        ];
        for (path, text, why) in cases {
            assert_eq!(changed(path, text), Err(why.to_owned()), "{path}");
        }
    }
}
