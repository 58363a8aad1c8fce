//! Reads request bodies: JSON or YAML into an object of the kind that the path names, strictly when asked.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/{create,rest}.go and the strict decoder
//! of sigs.k8s.io/json.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::api::{self, KindOps};
use crate::apimachinery::{Object, Status, field};
use crate::text::go_value::json_word;
use crate::text::{go_json, http::Request, yaml};

/// What becomes of unknown and duplicate fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldValidation {
    /// They are dropped.
    Ignore,
    /// They are dropped with a warning.
    Warn,
    /// They fail the request.
    Strict,
}

impl FieldValidation {
    /// Reads `fieldValidation`; the server warns unless told otherwise.
    pub fn of(request: &Request, options: &str) -> Result<Self, Status> {
        match request.query("fieldValidation").unwrap_or_default() {
            "" | "Warn" => Ok(Self::Warn),
            "Ignore" => Ok(Self::Ignore),
            "Strict" => Ok(Self::Strict),
            other => {
                let path = field::Path::new("fieldValidation");
                let error = field::Error::not_supported(&path, other, &["", "Ignore", "Strict", "Warn"]);
                Err(Status::invalid(&format!("{options}.meta.k8s.io"), "", &[error]))
            }
        }
    }
}

/// Whether the request asks for `dryRun=All`.
pub(super) fn dry_run(request: &Request, options: &str) -> Result<bool, Status> {
    let given: Vec<&str> =
        request.query.iter().filter(|(name, _)| name == "dryRun").map(|(_, value)| value.as_str()).collect();
    is_dry(given, options)
}

/// Whether what is `given` for `dryRun` asks for it.
pub(super) fn is_dry(given: Vec<&str>, options: &str) -> Result<bool, Status> {
    if given.iter().all(|value| *value == "All") {
        return Ok(!given.is_empty());
    }
    let path = field::Path::new("dryRun");
    let error = field::Error::not_supported(&path, given, &["All"]);
    Err(Status::invalid(&format!("{options}.meta.k8s.io"), "", &[error]))
}

/// How many bytes of a body are shown that is not understood.
const SHOWN: usize = 30;

/// A body as JSON, with what strict decoding says of keys that came twice.
pub(super) fn read(request: &Request, expected: &str) -> Result<(Value, Vec<String>), Status> {
    let media = request.header("Content-Type").unwrap_or("application/json");
    match media.split(';').next().unwrap_or_default().trim() {
        "" | "application/json" => {
            let (value, twice) = parse(&request.body).map_err(|why| unreadable(expected, &why, &request.body))?;
            Ok((value, twice.iter().map(|path| format!("duplicate field {}", go_json::quoted(path))).collect()))
        }
        "application/yaml" | "text/yaml" | "application/x-yaml" => {
            let text = String::from_utf8_lossy(&request.body);
            let value = yaml::from_yaml(&text).map_err(|why| {
                let why = why.strip_prefix("error converting YAML to JSON: ").unwrap_or(&why);
                unreadable(expected, why, &request.body)
            })?;
            Ok((value, repeated(yaml::from_yaml_strict(&text).err())))
        }
        _ => Err(Status::unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml, application/vnd.kubernetes.protobuf",
        )),
    }
}

fn unreadable(expected: &str, why: &str, body: &[u8]) -> Status {
    let why = if why.starts_with("yaml: ") {
        why.to_owned()
    } else {
        format!("couldn't get version/kind; json parse error: {why}")
    };
    unrecognized(expected, &why, body)
}

/// What YAML says of keys that come twice, each in a line of its own, the headline left away.
pub(super) fn repeated(error: Option<String>) -> Vec<String> {
    error.iter().flat_map(|why| why.lines().skip(1)).map(|line| line.trim().to_owned()).collect()
}

/// What cannot even be told to be of some kind (`transformDecodeError`).
pub(super) fn unrecognized(expected: &str, why: &str, body: &[u8]) -> Status {
    let head = body.get(..SHOWN).unwrap_or(body);
    let more = if body.len() > SHOWN { " ..." } else { "" };
    let shown = match body.first() {
        None => "<empty>".to_owned(),
        Some(b'{') => String::from_utf8_lossy(head).into_owned(),
        Some(_) => head.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {expected}): {why} ({shown}{more})"
    ))
}

/// Reads JSON and notes the paths of keys that came twice; the last one counts, as in Go.
pub(super) fn parse(bytes: &[u8]) -> Result<(Value, Vec<String>), String> {
    match go_json::scan_value(bytes) {
        Ok(_) => {}
        Err(go_json::ScanError::Syntax { message, .. }) => return Err(message),
        Err(_) => return Err("unexpected end of JSON input".to_owned()),
    }
    let mut duplicates = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let seed = Strict { path: String::new(), duplicates: &mut duplicates };
    let value = seed.deserialize(&mut reader).map_err(|error| error.to_string())?;
    reader.end().map_err(|_| {
        let end = go_json::scan_value(bytes).unwrap_or_default();
        let rest = String::from_utf8_lossy(bytes.get(end..).unwrap_or_default()).trim_start().chars().next();
        format!("invalid character '{}' after top-level value", rest.unwrap_or_default())
    })?;
    Ok((value, duplicates))
}

/// Reads an object of `ops`' kind, and the JSON that it was read from. Warnings get the fields that were dropped.
pub(super) fn object(
    request: &Request,
    ops: &dyn KindOps,
    options: &str,
    warnings: &mut Vec<String>,
) -> Result<(Box<dyn Object>, Value), Status> {
    let validation = FieldValidation::of(request, options)?;
    let (value, strict) = read(request, ops.info().kind)?;
    type_meta(&value).map_err(|why| unrecognized(ops.info().kind, &why.text(), &request.body))?;
    if ops.structural_schema().is_some() {
        check_custom(&value, ops, &request.body)?;
    }
    decode(value, ops, validation, strict, warnings)
}

/// A custom resource must say what it is: nothing is filled in for it.
fn check_custom(value: &Value, ops: &dyn KindOps, text: &[u8]) -> Result<(), Status> {
    let info = ops.info();
    let held = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
    let (version, kind) = (held("apiVersion"), held("kind"));
    if kind.is_empty() {
        let why = format!("Object 'Kind' is missing in '{}'", String::from_utf8_lossy(text));
        return Err(unrecognized(info.kind, &why, text));
    }
    if version != info.api_version() {
        return Err(Status::bad_request(format!(
            "the API version in the data ({version}) does not match the expected API version ({})",
            info.api_version()
        )));
    }
    if kind != info.kind {
        let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let error = field::Error::invalid(&field::Path::new("kind"), kind, format!("must be {}", info.kind));
        return Err(Status::invalid(&format!("{kind}.{}", info.group), name, &[error]));
    }
    Ok(())
}

/// Why a value tells no kind and version.
pub(super) enum NoTypeMeta {
    /// They are no text, or there is nothing that could have them.
    NotJson(String),
    /// The version is none.
    GroupVersion(String),
}

impl NoTypeMeta {
    /// In Go's words.
    pub fn text(self) -> String {
        match self {
            NoTypeMeta::NotJson(why) => format!("couldn't get version/kind; json parse error: {why}"),
            NoTypeMeta::GroupVersion(why) => why,
        }
    }
}

/// Whether kind and version can be read of a value: `null` has none and is good for everything.
pub(super) fn type_meta(value: &Value) -> Result<(), NoTypeMeta> {
    let go_struct = "struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }";
    let map = match value {
        Value::Null => return Ok(()),
        Value::Object(map) => map,
        other => {
            let why = format!("json: cannot unmarshal {} into Go value of type {go_struct}", json_word(other));
            return Err(NoTypeMeta::NotJson(why));
        }
    };
    for name in ["apiVersion", "kind"] {
        if let Some(other) = map.get(name).filter(|held| !held.is_string() && !held.is_null()) {
            let why =
                format!("json: cannot unmarshal {} into Go struct field .{name} of type string", json_word(other));
            return Err(NoTypeMeta::NotJson(why));
        }
    }
    let version = map.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if version.matches('/').count() > 1 {
        return Err(NoTypeMeta::GroupVersion(format!("unexpected GroupVersion string: {version}")));
    }
    Ok(())
}

/// Makes an object of JSON: kind and version must fit, types too, unknown fields as `validation` says. `strict` is what
/// the text itself is complained of. The JSON comes along, for what the types cannot keep.
pub(super) fn decode(
    value: Value,
    ops: &dyn KindOps,
    validation: FieldValidation,
    strict: Vec<String>,
    warnings: &mut Vec<String>,
) -> Result<(Box<dyn Object>, Value), Status> {
    let text = |key: &str, otherwise: &str| {
        value.get(key).and_then(Value::as_str).filter(|held| !held.is_empty()).unwrap_or(otherwise).to_owned()
    };
    let info = ops.info();
    let given = (text("kind", info.kind), text("apiVersion", &info.api_version()));
    fit(value, ops, validation, strict, warnings).map_err(|why| match why {
        Unfit::Version(given) => Status::bad_request(format!(
            "the API version in the data ({given}) does not match the expected API version ({})",
            info.api_version()
        )),
        Unfit::Because(why) => {
            let version = given.1.rsplit('/').next().unwrap_or_default();
            Status::bad_request(format!(
                "{} in version \"{version}\" cannot be handled as a {}: {why}",
                given.0, info.kind
            ))
        }
    })
}

/// Why a value is no object of a kind.
pub(super) enum Unfit {
    /// It is the kind in another version.
    Version(String),
    /// In Go's words.
    Because(String),
}

/// As [`decode`], without the words around what is wrong.
pub(super) fn fit(
    mut value: Value,
    ops: &dyn KindOps,
    validation: FieldValidation,
    mut strict: Vec<String>,
    warnings: &mut Vec<String>,
) -> Result<(Box<dyn Object>, Value), Unfit> {
    check_kind(&mut value, ops)?;
    strict.extend(super::schema::check(ops, &value).map_err(Unfit::Because)?);
    match validation {
        FieldValidation::Strict if !strict.is_empty() => {
            return Err(Unfit::Because(format!("strict decoding error: {}", strict.join(", "))));
        }
        FieldValidation::Warn => warnings.append(&mut strict),
        _ => {}
    }
    super::schema::drop_off(ops, &mut value);
    let document = value.clone();
    super::schema::drop_empty(ops, &mut value);
    let object = ops.decode(value).map_err(Unfit::Because)?;
    Ok((object, document))
}

/// Kind and version come from the path when the body names none; others are refused.
fn check_kind(value: &mut Value, ops: &dyn KindOps) -> Result<(), Unfit> {
    let info = ops.info();
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (mut version, mut kind) = (text(value, "apiVersion"), text(value, "kind"));
    let Some(map) = value.as_object_mut() else {
        return Err(Unfit::Because(format!("json: cannot unmarshal {} into Go value", json_word(value))));
    };
    if version.is_empty() {
        version = info.api_version();
        map.insert("apiVersion".to_owned(), Value::String(version.clone()));
    }
    if kind.is_empty() {
        info.kind.clone_into(&mut kind);
        map.insert("kind".to_owned(), Value::String(kind.clone()));
    }
    if version == info.api_version() && kind == info.kind {
        return Ok(());
    }
    let group = version.split_once('/').map_or("", |(group, _)| group);
    if api::by_kind(&version, &kind).is_none() {
        return Err(Unfit::Because(format!(
            "no kind {} is registered for version {} in scheme \"pkg/api/legacyscheme/scheme.go:30\"",
            go_json::quoted(&kind),
            go_json::quoted(&version)
        )));
    }
    if group == info.group && kind == info.kind {
        return Err(Unfit::Version(version));
    }
    let (short, internal) = (version.rsplit('/').next().unwrap_or_default(), go_package(info.group));
    let kept = info.kind;
    Err(Unfit::Because(format!("converting ({short}.{kind}) to ({internal}.{kept}): unknown conversion")))
}

/// The Go package of a group's own types.
pub(super) fn go_package(group: &str) -> &str {
    match group.split('.').next() {
        None | Some("") => "core",
        Some(first) => first,
    }
}

/// Builds a value and notes the keys that come twice.
struct Strict<'a> {
    path: String,
    duplicates: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        loop {
            let path = format!("{}[{}]", self.path, out.len());
            match items.next_element_seed(Strict { path, duplicates: self.duplicates })? {
                Some(item) => out.push(item),
                None => return Ok(Value::Array(out)),
            }
        }
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            if path.len() > 65_536 {
                return Err(A::Error::custom("nested too deeply"));
            }
            if out.contains_key(&key) {
                self.duplicates.push(path.clone());
            }
            let value = entries.next_value_seed(Strict { path, duplicates: self.duplicates })?;
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_comes_twice_is_noted_with_its_path() {
        let (value, twice) = parse(br#"{"a":[{"b":1,"b":2}],"c":1,"c":3}"#).unwrap();
        assert_eq!(twice, ["a[0].b", "c"]);
        assert_eq!(value, serde_json::json!({"a": [{"b": 2}], "c": 3}));
    }

    #[test]
    fn broken_json_is_described_as_go_does() {
        assert_eq!(parse(b"{\"a\":").unwrap_err(), "unexpected end of JSON input");
        assert!(parse(b"{x}").unwrap_err().starts_with("invalid character 'x'"));
        assert!(parse(&b"[".repeat(5000)).is_err());
    }
}
