//! Requests in Kubernetes' protobuf, as typed Go clients send them, made into JSON before anybody else sees them.
//! Answers stay JSON, which those clients take too. Knows no kind: `numbers.txt` (`cargo xtask numbers`) has the names,
//! numbers and types of every field.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/runtime/serializer/protobuf/protobuf.go.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The media type of bodies that are read here.
pub const MEDIA_TYPE: &str = "application/vnd.kubernetes.protobuf";

static TABLE: &str = include_str!("numbers.txt");
/// What every body begins with.
const MAGIC: &[u8] = b"k8s\0";
/// How deep messages may stand in messages; no kind needs half of it.
const DEPTH: usize = 64;

/// Why there is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// The table does not have the kind.
    UnknownKind,
    /// The bytes are no message of their kind: what is wrong.
    Broken(String),
}

/// The JSON that says what a body in protobuf says.
///
/// # Errors
/// See [`Unread`].
pub fn to_json(body: &[u8]) -> Result<Value, Unread> {
    let broken = |why: &str| Unread::Broken(why.to_owned());
    let message = body.strip_prefix(MAGIC).ok_or_else(|| {
        broken("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    })?;
    let (mut head, mut raw) = (&[][..], &[][..]);
    for part in Parts(message) {
        match part.map_err(broken)? {
            (1, Wire::Bytes(bytes)) => head = bytes,
            (2, Wire::Bytes(bytes)) => raw = bytes,
            _ => {}
        }
    }
    let (mut api_version, mut kind) = (String::new(), String::new());
    for part in Parts(head) {
        match part.map_err(broken)? {
            (1, Wire::Bytes(bytes)) => api_version = text(bytes).map_err(broken)?,
            (2, Wire::Bytes(bytes)) => kind = text(bytes).map_err(broken)?,
            _ => {}
        }
    }
    let known = of_kind(&api_version, &kind).ok_or(Unread::UnknownKind)?;
    let mut object = Map::new();
    read(known, raw, DEPTH, &mut object).map_err(broken)?;
    object.insert("apiVersion".to_owned(), json!(api_version));
    object.insert("kind".to_owned(), json!(kind));
    Ok(Value::Object(object))
}

/// The type of a field or of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    String,
    Bytes,
    Int,
    /// A number with a fraction.
    Double,
    Bool,
    Quantity,
    IntOrString,
    Time,
    MicroTime,
    /// JSON inside of a message.
    Raw,
    Message(&'static str),
    List(Box<Shape>),
    Map(Box<Shape>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    /// Its name in JSON; `~` when its fields stand in its place, `|` when it stands for the whole message.
    name: &'static str,
    shape: Shape,
    /// Whether Go tells a zero from nothing.
    pointer: bool,
}

type Fields = BTreeMap<u64, Field>;

fn table() -> &'static BTreeMap<&'static str, Fields> {
    // Immutable, and the same for every connection.
    static READ: OnceLock<BTreeMap<&'static str, Fields>> = OnceLock::new();
    READ.get_or_init(|| {
        let line = |line: &'static str| {
            let (name, fields) = line.split_once(' ')?;
            Some((name, fields.split(' ').filter_map(field).collect()))
        };
        TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect()
    })
}

fn field(word: &'static str) -> Option<(u64, Field)> {
    let (name, rest) = word.split_once('=')?;
    let (number, shape) = rest.split_once(':')?;
    let (shape, pointer) = shape.strip_suffix('?').map_or((shape, false), |shape| (shape, true));
    Some((number.parse().ok()?, Field { name, shape: shape_of(shape), pointer }))
}

fn shape_of(text: &'static str) -> Shape {
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return Shape::List(Box::new(shape_of(inner)));
    }
    if let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        return Shape::Map(Box::new(shape_of(inner)));
    }
    match text {
        "string" => Shape::String,
        "bytes" => Shape::Bytes,
        "int" => Shape::Int,
        "double" => Shape::Double,
        "bool" => Shape::Bool,
        "quantity" => Shape::Quantity,
        "intstr" => Shape::IntOrString,
        "time" => Shape::Time,
        "microtime" => Shape::MicroTime,
        "raw" => Shape::Raw,
        name => Shape::Message(name),
    }
}

/// The fields of a kind; options of requests belong to every group.
fn of_kind(api_version: &str, kind: &str) -> Option<&'static Fields> {
    let (group, version) = api_version.split_once('/').unwrap_or(("core", api_version));
    let table = table();
    table.get(&*format!("{group}.{version}.{kind}")).or_else(|| table.get(&*format!("meta.v1.{kind}")))
}

/// A value as it stands on the wire.
#[derive(Clone, Copy, Debug)]
enum Wire<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// What is wrong with a message.
type Fault = &'static str;

const SHORT: Fault = "unexpected EOF";

/// The fields of a message: number and value.
struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    fn number(&mut self) -> Result<u64, Fault> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(SHORT)?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err("proto: integer overflow")
    }

    fn bytes(&mut self, count: u64) -> Result<&'a [u8], Fault> {
        let count = usize::try_from(count).map_err(|_| SHORT)?;
        let (bytes, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn part(&mut self) -> Result<(u64, Wire<'a>), Fault> {
        let key = self.number()?;
        let value = match key & 7 {
            0 => Wire::Number(self.number()?),
            1 => Wire::Bytes(self.bytes(8)?),
            2 => {
                let count = self.number()?;
                Wire::Bytes(self.bytes(count)?)
            }
            5 => Wire::Bytes(self.bytes(4)?),
            _ => return Err("proto: illegal wireType"),
        };
        Ok((key >> 3, value))
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<(u64, Wire<'a>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let part = self.part();
        if part.is_err() {
            self.0 = &[];
        }
        Some(part)
    }
}

fn text(bytes: &[u8]) -> Result<String, Fault> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "proto: invalid UTF-8")
}

/// Reads a message into an object. Fields that nobody knows are dropped.
fn read(fields: &Fields, message: &[u8], depth: usize, out: &mut Map<String, Value>) -> Result<(), Fault> {
    let depth = depth.checked_sub(1).ok_or("proto: messages stand too deep in one another")?;
    for part in Parts(message) {
        let (number, wire) = part?;
        let Some(field) = fields.get(&number) else { continue };
        match (&field.shape, wire) {
            (Shape::Message(name), Wire::Bytes(bytes)) if field.name == "~" => {
                if let Some(inner) = table().get(name) {
                    read(inner, bytes, depth, out)?;
                }
            }
            (Shape::List(element), wire) => {
                let element = value(element, wire, depth)?;
                let held = out.entry(field.name).or_insert_with(|| json!([]));
                if !held.is_array() {
                    // Of two that stand for the whole the last does.
                    *held = json!([]);
                }
                if let Value::Array(items) = held {
                    items.push(element);
                }
            }
            (Shape::Map(element), Wire::Bytes(bytes)) => {
                let (key, element) = entry(element, bytes, depth)?;
                if let Value::Object(entries) = out.entry(field.name).or_insert_with(|| json!({})) {
                    entries.insert(key, element);
                }
            }
            (shape, wire) => {
                let value = value(shape, wire, depth)?;
                if field.pointer || !is_zero(&value) || *shape == Shape::IntOrString {
                    out.insert(field.name.to_owned(), value);
                }
            }
        }
    }
    Ok(())
}

/// Whether a field that Go holds by value says no more than if it were not there.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_i64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

fn entry(shape: &Shape, message: &[u8], depth: usize) -> Result<(String, Value), Fault> {
    let (mut key, mut held) = (String::new(), &[][..]);
    for part in Parts(message) {
        match part? {
            (1, Wire::Bytes(bytes)) => key = text(bytes)?,
            (2, Wire::Bytes(bytes)) => held = bytes,
            _ => {}
        }
    }
    Ok((key, value(shape, Wire::Bytes(held), depth)?))
}

fn value(shape: &Shape, wire: Wire<'_>, depth: usize) -> Result<Value, Fault> {
    Ok(match (shape, wire) {
        // Go writes negative numbers of 32 bits as those of 64.
        (Shape::Int, Wire::Number(number)) => json!(number.cast_signed()),
        (Shape::Bool, Wire::Number(number)) => json!(number != 0),
        (Shape::String, Wire::Bytes(bytes)) => json!(text(bytes)?),
        (Shape::Bytes, Wire::Bytes(bytes)) => json!(BASE64_STANDARD.encode(bytes)),
        (Shape::Quantity, Wire::Bytes(bytes)) => json!(text(first_bytes(bytes)?)?),
        (Shape::Raw, Wire::Bytes(bytes)) => match first_bytes(bytes)? {
            [] => Value::Null,
            raw => serde_json::from_slice(raw).map_err(|_| "proto: what should be JSON is none")?,
        },
        (Shape::IntOrString, Wire::Bytes(bytes)) => int_or_string(bytes)?,
        (Shape::Time | Shape::MicroTime, Wire::Bytes(bytes)) => time(bytes, *shape == Shape::MicroTime)?,
        (Shape::Double, Wire::Bytes(bytes)) => double(bytes)?,
        (Shape::Message(name), Wire::Bytes(bytes)) => {
            let mut object = Map::new();
            if let Some(fields) = table().get(name) {
                read(fields, bytes, depth, &mut object)?;
                if !fields.is_empty() && fields.values().all(|field| field.name == "|") {
                    // Nothing at all is what Go has when it is not allowed.
                    return Ok(object.remove("|").unwrap_or(Value::Bool(false)));
                }
            }
            Value::Object(object)
        }
        // As the value of a map: a message whose first field is the list.
        (Shape::List(element), Wire::Bytes(bytes)) => {
            let mut items = Vec::new();
            for part in Parts(bytes) {
                items.push(value(element, part?.1, depth)?);
            }
            Value::Array(items)
        }
        _ => return Err("proto: wrong wireType"),
    })
}

/// The one text of a message that wraps it.
fn first_bytes(message: &[u8]) -> Result<&[u8], Fault> {
    let mut found = &[][..];
    for part in Parts(message) {
        if let (1, Wire::Bytes(bytes)) = part? {
            found = bytes;
        }
    }
    Ok(found)
}

/// A number of eight bytes; whole ones are whole in JSON too.
fn double(bytes: &[u8]) -> Result<Value, Fault> {
    let held = f64::from_le_bytes(bytes.try_into().map_err(|_| SHORT)?);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
    let whole = (held.fract() == 0.0 && held.abs() < 9e15).then_some(held as i64);
    Ok(whole.map_or_else(|| json!(held), |whole| json!(whole)))
}

fn int_or_string(message: &[u8]) -> Result<Value, Fault> {
    let (mut is_text, mut number, mut words) = (false, 0, String::new());
    for part in Parts(message) {
        match part? {
            (1, Wire::Number(kind)) => is_text = kind == 1,
            (2, Wire::Number(given)) => number = given.cast_signed(),
            (3, Wire::Bytes(bytes)) => words = text(bytes)?,
            _ => {}
        }
    }
    Ok(if is_text { json!(words) } else { json!(number) })
}

/// An instant; the empty message is none.
fn time(message: &[u8], micro: bool) -> Result<Value, Fault> {
    let (mut seconds, mut nanos) = (None, 0);
    for part in Parts(message) {
        match part? {
            (1, Wire::Number(given)) => seconds = Some(given.cast_signed()),
            (2, Wire::Number(given)) => nanos = i32::try_from(given).unwrap_or_default(),
            _ => {}
        }
    }
    let Some(seconds) = seconds else { return Ok(Value::Null) };
    let instant = Timestamp::new(seconds, if micro { nanos } else { 0 }).map_err(|_| "proto: no such time")?;
    Ok(json!(if micro { instant.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string() } else { instant.to_string() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with bytes.
    fn part(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, u8::try_from(bytes.len()).unwrap()];
        out.extend_from_slice(bytes);
        out
    }

    fn body(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let head = [part(1, api_version.as_bytes()), part(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), part(1, &head), part(2, raw), part(3, b""), part(4, b"")].concat()
    }

    #[test]
    fn every_message_that_a_field_names_is_there() {
        let table = table();
        let mut missing: Vec<&str> = Vec::new();
        for field in table.values().flat_map(BTreeMap::values) {
            let mut shape = &field.shape;
            while let Shape::List(inner) | Shape::Map(inner) = shape {
                shape = inner;
            }
            if let Shape::Message(name) = shape
                && !table.contains_key(name)
            {
                missing.push(name);
            }
        }
        missing.sort_unstable();
        missing.dedup();
        assert_eq!(missing, Vec::<&str>::new());
        assert!(table.len() > 450);
    }

    #[test]
    fn zeros_that_go_holds_by_value_go_and_those_behind_a_pointer_stay() {
        // metadata.name "a", an empty namespace; spec: parallelism 0, suspend false, an empty template.
        let metadata = [part(1, b"a"), part(3, b"")].concat();
        let template = [part(1, b""), part(2, &part(3, b"Never"))].concat();
        let spec = [vec![8, 0, 80, 0], part(6, &template)].concat();
        let job = [part(1, &metadata), part(2, &spec), part(3, b"")].concat();
        assert_eq!(
            to_json(&body("batch/v1", "Job", &job)).unwrap(),
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "a"},
                "spec": {"parallelism": 0, "suspend": false, "template": {"spec": {"restartPolicy": "Never"}}}})
        );
    }

    #[test]
    fn fields_of_an_embedded_struct_stand_in_its_place() {
        let volume = [part(1, b"v"), part(2, &part(2, b""))].concat();
        let pod = part(2, &part(1, &volume));
        let read = to_json(&body("v1", "Pod", &pod)).unwrap();
        assert_eq!(read["spec"]["volumes"], json!([{"name": "v", "emptyDir": {}}]));
    }

    #[test]
    fn a_schema_has_json_choices_and_fractions() {
        let text = part(5, b"string");
        let default = part(8, &part(1, b"\"x\""));
        let maximum = [vec![9 << 3 | 1], 1.5f64.to_le_bytes().to_vec()].concat();
        let minimum = [vec![11 << 3 | 1], 2.0f64.to_le_bytes().to_vec()].concat();
        let long = |number: u8, bytes: &[u8]| {
            [vec![(number << 3 | 2) & 0x7f | 0x80, number >> 4], part(0, bytes)[1..].to_vec()].concat()
        };
        let number = [part(5, b"number"), maximum, minimum].concat();
        let list = [part(5, b"array"), long(24, &part(1, &text))].concat();
        let open = [part(5, b"object"), long(30, &[8, 1])].concat();
        let map = [part(5, b"object"), long(30, &[vec![8, 1], part(2, &text)].concat())].concat();
        let rule = long(44, &part(1, b"self.n > 1"));
        let field = |name: &[u8], schema: &[u8]| long(29, &[part(1, name), part(2, schema)].concat());
        let properties = [
            field(b"s", &[text.clone(), default].concat()),
            field(b"n", &number),
            field(b"l", &list),
            field(b"o", &open),
            field(b"m", &map),
        ];
        let schema = [part(5, b"object"), properties.concat(), rule].concat();
        let whole = |number: u8, bytes: &[u8]| {
            let length = bytes.len();
            let head =
                vec![number << 3 | 2, u8::try_from(length & 0x7f).unwrap() | 0x80, u8::try_from(length >> 7).unwrap()];
            [head, bytes.to_vec()].concat()
        };
        let version = [part(1, b"v1"), vec![16, 1], whole(4, &whole(1, &schema))].concat();
        let spec = [part(1, b"example.com"), whole(7, &version)].concat();
        let raw = whole(2, &spec);
        let head = [part(1, b"apiextensions.k8s.io/v1"), part(2, b"CustomResourceDefinition")].concat();
        let read = to_json(&[MAGIC.to_vec(), part(1, &head), whole(2, &raw)].concat()).unwrap();
        assert_eq!(read["spec"]["group"], "example.com");
        assert_eq!(
            read["spec"]["versions"],
            json!([{"name": "v1", "served": true, "schema": {"openAPIV3Schema": {
            "type": "object", "x-kubernetes-validations": [{"rule": "self.n > 1"}],
            "properties": {
                "s": {"type": "string", "default": "x"},
                "n": {"type": "number", "maximum": 1.5, "minimum": 2},
                "l": {"type": "array", "items": {"type": "string"}},
                "o": {"type": "object", "additionalProperties": true},
                "m": {"type": "object", "additionalProperties": {"type": "string"}},
            }}}}])
        );
    }

    #[test]
    fn options_belong_to_every_group_and_numbers_may_be_negative() {
        let options = [vec![8, 0], part(4, b"Orphan")].concat();
        let read = to_json(&body("batch/v1", "DeleteOptions", &options)).unwrap();
        assert_eq!((&read["gracePeriodSeconds"], &read["propagationPolicy"]), (&json!(0), &json!("Orphan")));
        let minus = [[8].as_slice(), &[0xff; 9], &[1]].concat();
        let read = to_json(&body("batch/v1", "DeleteOptions", &minus)).unwrap();
        assert_eq!(read["gracePeriodSeconds"], json!(-1));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert!(matches!(to_json(b"{}"), Err(Unread::Broken(why)) if why.contains("expected prefix")));
        assert_eq!(to_json(&body("example.com/v1", "Widget", b"")), Err(Unread::UnknownKind));
        for raw in [&[10, 200][..], &[0x80; 12], &[15], &[10, 2, 10, 9]] {
            assert!(matches!(to_json(&body("v1", "Pod", raw)), Err(Unread::Broken(_))), "{raw:?}");
        }
    }
}
