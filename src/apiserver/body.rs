//! Reads request bodies: JSON or YAML into an object of the kind that the path names, strictly when asked.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/endpoints/handlers/{create,rest}.go and the strict decoder
//! of sigs.k8s.io/json.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::api::{self, KindOps};
use crate::apimachinery::{Object, Status, field};
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
                let error = field::Error::not_supported(&path, other, &["Ignore", "Strict", "Warn"]);
                Err(Status::invalid(&format!("{options}.meta.k8s.io"), "", &[error]))
            }
        }
    }
}

/// Whether the request asks for `dryRun=All`.
pub(super) fn dry_run(request: &Request, options: &str) -> Result<bool, Status> {
    let given: Vec<&str> =
        request.query.iter().filter(|(name, _)| name == "dryRun").map(|(_, value)| value.as_str()).collect();
    if given.iter().all(|value| *value == "All") {
        return Ok(!given.is_empty());
    }
    let path = field::Path::new("dryRun");
    let error = field::Error::not_supported(&path, given, &["All"]);
    Err(Status::invalid(&format!("{options}.meta.k8s.io"), "", &[error]))
}

/// A body as JSON, with the paths of the keys that came twice.
pub(super) fn read(request: &Request, expected: &str) -> Result<(Value, Vec<String>), Status> {
    let media = request.header("Content-Type").unwrap_or("application/json");
    match media.split(';').next().unwrap_or_default().trim() {
        "" | "application/json" | "*/*" => {
            parse(&request.body).map_err(|why| unreadable(expected, &why, &request.body))
        }
        "application/yaml" | "text/yaml" | "application/x-yaml" => {
            let text = String::from_utf8_lossy(&request.body);
            let value = yaml::from_yaml(&text).map_err(|why| unreadable(expected, &why, &request.body))?;
            Ok((value, Vec::new()))
        }
        _ => Err(Status::unsupported_media_type(
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml",
        )),
    }
}

fn unreadable(expected: &str, why: &str, body: &[u8]) -> Status {
    let shown: String = String::from_utf8_lossy(body).chars().take(1024).collect();
    Status::bad_request(format!(
        "the object provided is unrecognized (must be of type {expected}): couldn't get version/kind; json parse \
         error: {why} ({shown})"
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
    reader.end().map_err(|_| "invalid character after top-level value".to_owned())?;
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
    let (value, duplicates) = read(request, ops.info().kind)?;
    decode(value, ops, validation, duplicates, warnings)
}

/// Makes an object of JSON: kind and version must fit, types too, unknown fields as `validation` says. The JSON comes
/// along, for what the types cannot keep.
pub(super) fn decode(
    mut value: Value,
    ops: &dyn KindOps,
    validation: FieldValidation,
    duplicates: Vec<String>,
    warnings: &mut Vec<String>,
) -> Result<(Box<dyn Object>, Value), Status> {
    let info = ops.info();
    check_kind(&mut value, ops)?;
    let cannot = |why: &str| {
        let (kind, version) = (info.kind, info.version);
        Status::bad_request(format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"))
    };
    let mut strict: Vec<String> =
        duplicates.into_iter().map(|path| format!("duplicate field {}", go_json::quoted(&path))).collect();
    strict.extend(super::schema::check(ops, &value).map_err(|why| cannot(&why))?);
    match validation {
        FieldValidation::Strict if !strict.is_empty() => {
            return Err(cannot(&format!("strict decoding error: {}", strict.join(", "))));
        }
        FieldValidation::Warn => warnings.append(&mut strict),
        _ => {}
    }
    super::schema::drop_off(ops, &mut value);
    let document = value.clone();
    super::schema::drop_empty(ops, &mut value);
    let object = ops.decode(value).map_err(|why| cannot(&why))?;
    Ok((object, document))
}

/// Kind and version come from the path when the body names none; others are refused.
fn check_kind(value: &mut Value, ops: &dyn KindOps) -> Result<(), Status> {
    let info = ops.info();
    let version = info.api_version();
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (given_version, given_kind) = (text(value, "apiVersion"), text(value, "kind"));
    let Some(map) = value.as_object_mut() else {
        let why = format!(
            "couldn't get version/kind; json parse error: json: cannot unmarshal {} into Go value of type struct {{ \
             APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string \"json:\\\"kind,omitempty\\\"\" }}",
            go_type(value)
        );
        return Err(Status::bad_request(why));
    };
    if given_version.is_empty() {
        map.insert("apiVersion".to_owned(), Value::String(version.clone()));
    } else if given_version != version {
        if api::by_kind(&given_version, &given_kind).is_none() && !given_kind.is_empty() {
            return Err(unregistered(&given_version, &given_kind, info.kind));
        }
        return Err(Status::bad_request(format!(
            "the API version in the data ({given_version}) does not match the expected API version ({version})"
        )));
    }
    if given_kind.is_empty() {
        map.insert("kind".to_owned(), Value::String(info.kind.to_owned()));
    } else if given_kind != info.kind {
        if api::by_kind(&version, &given_kind).is_none() {
            return Err(unregistered(&version, &given_kind, info.kind));
        }
        let (short, kind) = (info.version, info.kind);
        return Err(Status::bad_request(format!(
            "{given_kind} in version \"{short}\" cannot be handled as a {kind}: converting ({given_kind}) to ({kind}): \
             unknown conversion"
        )));
    }
    Ok(())
}

fn unregistered(api_version: &str, given: &str, expected: &str) -> Status {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    Status::bad_request(format!(
        "{given} in version \"{version}\" cannot be handled as a {expected}: no kind \"{given}\" is registered for \
         version \"{api_version}\" in scheme \"pkg/api/legacyscheme/scheme.go:30\""
    ))
}

/// What Go's decoder calls a JSON value.
pub(super) fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
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
