//! What a kubeconfig file may hold: the types, their fields, and how an entry is read from a file and written to one.
//!
//! An entry in memory is a map without zero values; in a file some fields always stand. Unknown fields are dropped.
//! Models Kubernetes 1.36 staging/src/k8s.io/client-go/tools/clientcmd/api/{types,v1/types}.go.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::text::go_json;
use crate::text::go_value::json_word;

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    /// Text.
    Text,
    /// Yes or no.
    Bool,
    /// Bytes, in base64.
    Bytes,
    /// A list of texts.
    Texts,
    /// Texts by name.
    TextMap,
    /// Lists of texts by name.
    Extras,
    /// A list of objects of one type.
    List(&'static Struct),
    /// An object that is always there.
    Struct(&'static Struct),
    /// An object that may be absent.
    Pointer(&'static Struct),
    /// Named objects: a map in memory, a list in a file.
    Entries(&'static Struct, Entry),
    /// Named values that kubectl does not know: a map in memory, a list in a file.
    Extensions,
}

/// How a named object stands in a file's list.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The field that holds it, beside `name`.
    pub holds: &'static str,
    /// The Go type of the list's members.
    pub go: &'static str,
}

/// A type with fields.
#[derive(Debug)]
pub struct Struct {
    /// Its name in Go, without the package.
    pub go: &'static str,
    /// Its fields, in Go's order.
    pub fields: &'static [Field],
}

/// A field.
#[derive(Debug)]
pub struct Field {
    /// Its name in the file, and in memory.
    pub name: &'static str,
    /// Its name in a path of `kubectl config set`.
    pub path: &'static str,
    /// What it holds.
    pub ty: Type,
    /// Whether it stands in a file when there is nothing in it.
    pub always: bool,
    /// Whether `kubectl config view` hides it.
    pub secret: bool,
}

/// The field of an entry in memory that says which file it came from. It is never written.
pub const ORIGIN: &str = "-";

const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, path: name, ty, always: false, secret: false }
}

const fn always(name: &'static str, ty: Type) -> Field {
    Field { always: true, ..field(name, ty) }
}

const fn secret(name: &'static str, ty: Type) -> Field {
    Field { secret: true, ..field(name, ty) }
}

const fn called(name: &'static str, path: &'static str, ty: Type) -> Field {
    Field { path, ..field(name, ty) }
}

/// The whole file.
pub static CONFIG: Struct = Struct {
    go: "Config",
    fields: &[
        field("kind", Type::Text),
        field("apiVersion", Type::Text),
        field("preferences", Type::Struct(&PREFERENCES)),
        always("clusters", Type::Entries(&CLUSTER, Entry { holds: "cluster", go: "NamedCluster" })),
        always("users", Type::Entries(&USER, Entry { holds: "user", go: "NamedAuthInfo" })),
        always("contexts", Type::Entries(&CONTEXT, Entry { holds: "context", go: "NamedContext" })),
        always("current-context", Type::Text),
        field("extensions", Type::Extensions),
    ],
};

static PREFERENCES: Struct =
    Struct { go: "Preferences", fields: &[field("colors", Type::Bool), field("extensions", Type::Extensions)] };

static CLUSTER: Struct = Struct {
    go: "Cluster",
    fields: &[
        field(ORIGIN, Type::Text),
        always("server", Type::Text),
        field("tls-server-name", Type::Text),
        field("insecure-skip-tls-verify", Type::Bool),
        field("certificate-authority", Type::Text),
        field("certificate-authority-data", Type::Bytes),
        field("proxy-url", Type::Text),
        field("disable-compression", Type::Bool),
        field("extensions", Type::Extensions),
    ],
};

static USER: Struct = Struct {
    go: "AuthInfo",
    fields: &[
        field(ORIGIN, Type::Text),
        field("client-certificate", Type::Text),
        field("client-certificate-data", Type::Bytes),
        field("client-key", Type::Text),
        secret("client-key-data", Type::Bytes),
        secret("token", Type::Text),
        field("tokenFile", Type::Text),
        called("as", "act-as", Type::Text),
        called("as-uid", "act-as-uid", Type::Text),
        called("as-groups", "act-as-groups", Type::Texts),
        called("as-user-extra", "act-as-user-extra", Type::Extras),
        field("username", Type::Text),
        secret("password", Type::Text),
        field("auth-provider", Type::Pointer(&PROVIDER)),
        field("exec", Type::Pointer(&EXEC)),
        field("extensions", Type::Extensions),
    ],
};

static CONTEXT: Struct = Struct {
    go: "Context",
    fields: &[
        field(ORIGIN, Type::Text),
        always("cluster", Type::Text),
        always("user", Type::Text),
        field("namespace", Type::Text),
        field("extensions", Type::Extensions),
    ],
};

static PROVIDER: Struct =
    Struct { go: "AuthProviderConfig", fields: &[always("name", Type::Text), always("config", Type::TextMap)] };

static EXEC: Struct = Struct {
    go: "ExecConfig",
    fields: &[
        always("command", Type::Text),
        always("args", Type::Texts),
        always("env", Type::List(&VARIABLE)),
        field("apiVersion", Type::Text),
        field("installHint", Type::Text),
        always("provideClusterInfo", Type::Bool),
        field("interactiveMode", Type::Text),
    ],
};

static VARIABLE: Struct =
    Struct { go: "ExecEnvVar", fields: &[always("name", Type::Text), always("value", Type::Text)] };

impl Type {
    /// Its name in Go, as the reader of files prints it.
    fn go(self) -> String {
        match self {
            Type::Text => "string".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Bytes => "[]uint8".to_owned(),
            Type::Texts => "[]string".to_owned(),
            Type::TextMap => "map[string]string".to_owned(),
            Type::Extras => "map[string][]string".to_owned(),
            Type::List(of) => format!("[]v1.{}", of.go),
            Type::Struct(of) | Type::Pointer(of) => format!("v1.{}", of.go),
            Type::Entries(_, entry) => format!("[]v1.{}", entry.go),
            Type::Extensions => "[]v1.NamedExtension".to_owned(),
        }
    }
}

impl Struct {
    /// The field of that name in a path.
    pub fn at(&self, path: &str) -> Option<&'static Field>
    where
        Self: 'static,
    {
        self.fields.iter().find(|field| field.path == path)
    }
}

/// Reads what a file holds, as far as its types know it.
///
/// # Errors
/// The first value of a wrong type, in the words of Go's decoder; two entries of one name.
pub fn decode(content: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let mut reader = Reader { wrong: None, twice: None };
    let config = reader.fields(&CONFIG, content, &mut Vec::new());
    match reader.wrong.or(reader.twice) {
        Some(why) => Err(why),
        None => Ok(config),
    }
}

struct Reader {
    wrong: Option<String>,
    twice: Option<String>,
}

impl Reader {
    fn fields(
        &mut self,
        of: &'static Struct,
        from: &Map<String, Value>,
        place: &mut Vec<&'static str>,
    ) -> Map<String, Value> {
        let mut read = Map::new();
        // Go's reader goes through the document, which is sorted.
        for (name, value) in from {
            let Some(field) = of.fields.iter().find(|field| field.name == name && name != ORIGIN) else { continue };
            place.push(field.name);
            if let Some(value) = self.value(of, field.ty, value, place) {
                read.insert(name.clone(), value);
            }
            place.pop();
        }
        if of.go == EXEC.go
            && !read.contains_key("interactiveMode")
            && matches!(
                read.get("apiVersion").and_then(Value::as_str),
                Some("client.authentication.k8s.io/v1beta1" | "client.authentication.k8s.io/v1alpha1")
            )
        {
            read.insert("interactiveMode".to_owned(), json!("IfAvailable"));
        }
        read
    }

    fn value(&mut self, within: &Struct, ty: Type, value: &Value, place: &mut Vec<&'static str>) -> Option<Value> {
        let go = within.go;
        match (ty, value) {
            (_, Value::Null) => None,
            (Type::Text, Value::String(text)) => (!text.is_empty()).then(|| value.clone()),
            (Type::Bool, Value::Bool(on)) => on.then_some(Value::Bool(true)),
            (Type::Bytes, Value::String(text)) => match decode_bytes(text) {
                Ok(()) => (!text.is_empty()).then(|| value.clone()),
                Err(why) => {
                    self.wrong.get_or_insert(why);
                    None
                }
            },
            (Type::Texts, Value::Array(list)) => {
                Some(list.iter().filter_map(|one| self.word(go, one, place)).collect())
            }
            (Type::TextMap, Value::Object(map)) => {
                let mut texts = Map::new();
                for (name, one) in map {
                    texts.extend(self.word(go, one, place).map(|text| (name.clone(), text)));
                }
                Some(Value::Object(texts))
            }
            (Type::Extras, Value::Object(map)) => {
                let mut extras = Map::new();
                for (name, one) in map {
                    extras.extend(self.value(within, Type::Texts, one, place).map(|list| (name.clone(), list)));
                }
                (!extras.is_empty()).then_some(Value::Object(extras))
            }
            (Type::List(of), Value::Array(list)) => {
                let objects = list.iter().filter_map(Value::as_object);
                Some(objects.map(|one| Value::Object(self.fields(of, one, place))).collect())
            }
            (Type::Struct(of), Value::Object(map)) => {
                let read = self.fields(of, map, place);
                (!read.is_empty()).then_some(Value::Object(read))
            }
            (Type::Pointer(of), Value::Object(map)) => Some(Value::Object(self.fields(of, map, place))),
            (Type::Entries(of, entry), Value::Array(list)) => self.entries(of, entry, list, place),
            (Type::Extensions, Value::Array(list)) => {
                let mut known = Map::new();
                for one in list {
                    let name = one.get("name").and_then(Value::as_str).unwrap_or_default();
                    known.insert(name.to_owned(), one.get("extension").cloned().unwrap_or(Value::Null));
                }
                (!known.is_empty()).then_some(Value::Object(known))
            }
            (ty, value) => {
                self.unfit(go, value, &ty.go(), place);
                None
            }
        }
    }

    fn word(&mut self, within: &str, value: &Value, place: &[&'static str]) -> Option<Value> {
        match value {
            Value::String(_) => Some(value.clone()),
            Value::Null => Some(json!("")),
            other => {
                self.unfit(within, other, "string", place);
                None
            }
        }
    }

    fn entries(
        &mut self,
        of: &'static Struct,
        entry: Entry,
        list: &[Value],
        place: &mut Vec<&'static str>,
    ) -> Option<Value> {
        let mut known = Map::new();
        for one in list {
            let Some(one) = one.as_object() else {
                if !one.is_null() {
                    self.unfit(CONFIG.go, one, &format!("v1.{}", entry.go), place);
                }
                continue;
            };
            let mut read = Map::new();
            let mut named = "";
            for (key, value) in one {
                match value {
                    Value::Object(map) if key == entry.holds => {
                        place.push(entry.holds);
                        read = self.fields(of, map, place);
                        place.pop();
                    }
                    Value::String(name) if key == "name" => named = name,
                    Value::Null => {}
                    value if key == entry.holds || key == "name" => {
                        let wanted = if key == "name" { "string".to_owned() } else { format!("v1.{}", of.go) };
                        place.push(if key == "name" { "name" } else { entry.holds });
                        self.unfit(entry.go, value, &wanted, place);
                        place.pop();
                    }
                    _ => {}
                }
            }
            if known.insert(named.to_owned(), Value::Object(read)).is_some() {
                self.twice.get_or_insert_with(|| {
                    format!(
                        "error converting *[]{} into *map[string]*api.{}: duplicate name \"{named}\" in list: []",
                        entry.go, of.go
                    )
                });
            }
        }
        (!known.is_empty()).then_some(Value::Object(known))
    }

    fn unfit(&mut self, within: &str, value: &Value, wanted: &str, place: &[&'static str]) {
        let what = json_word(value);
        self.wrong.get_or_insert_with(|| {
            format!("json: cannot unmarshal {what} into Go struct field {within}.{} of type {wanted}", place.join("."))
        });
    }
}

/// Whether a text is base64, in Go's words when it is not.
///
/// # Errors
/// `illegal base64 data at input byte N`.
pub fn decode_bytes(text: &str) -> Result<(), String> {
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    if STANDARD.decode(&text).is_ok() {
        return Ok(());
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let good = text.bytes().take_while(|byte| plain(*byte)).count();
    let at = if good == text.len() { text.len() / 4 * 4 } else { good };
    Err(format!("illegal base64 data at input byte {at}"))
}

/// What a file with this content holds: lists sorted by name, and the fields that always stand.
pub fn encode(content: &Map<String, Value>) -> Value {
    let mut file = written(&CONFIG, content);
    file.insert("apiVersion".to_owned(), json!("v1"));
    file.insert("kind".to_owned(), json!("Config"));
    Value::Object(file)
}

fn written(of: &'static Struct, content: &Map<String, Value>) -> Map<String, Value> {
    let mut fields = Map::new();
    for field in of.fields.iter().filter(|field| field.name != ORIGIN) {
        let value = content.get(field.name).map(|value| value_of(field.ty, value));
        let value = value.or_else(|| field.always.then(|| nothing(field.ty)));
        fields.extend(value.map(|value| (field.name.to_owned(), value)));
    }
    fields
}

fn value_of(ty: Type, value: &Value) -> Value {
    match (ty, value) {
        (Type::Struct(of) | Type::Pointer(of), Value::Object(map)) => Value::Object(written(of, map)),
        (Type::List(of), Value::Array(list)) => {
            list.iter().filter_map(Value::as_object).map(|one| Value::Object(written(of, one))).collect()
        }
        (Type::Entries(of, entry), Value::Object(map)) if !map.is_empty() => {
            let one = |name: &String, value: &Value| {
                let fields = value.as_object().map(|fields| written(of, fields)).unwrap_or_default();
                json!({"name": name, entry.holds: fields})
            };
            map.iter().map(|(name, value)| one(name, value)).collect()
        }
        (Type::Entries(..), _) => Value::Null,
        (Type::Extensions, Value::Object(map)) => {
            map.iter().map(|(name, value)| json!({"name": name, "extension": value})).collect()
        }
        (_, value) => value.clone(),
    }
}

/// The JSON of a written file on one line, its fields in Go's order.
pub fn json_text(file: &Value) -> String {
    let mut out = String::new();
    put_struct(&mut out, &CONFIG, file);
    out
}

fn put_struct(out: &mut String, of: &'static Struct, value: &Value) {
    out.push('{');
    let mut first = true;
    for field in of.fields {
        let Some(value) = value.get(field.name) else { continue };
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        out.push_str(&format!("{}:", go_json::quoted(field.name)));
        put(out, field.ty, value);
    }
    out.push('}');
}

fn put(out: &mut String, ty: Type, value: &Value) {
    let mut list = |values: &[Value], one: &dyn Fn(&mut String, &Value)| {
        out.push('[');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            one(out, value);
        }
        out.push(']');
    };
    match (ty, value) {
        (Type::Struct(of) | Type::Pointer(of), Value::Object(_)) => put_struct(out, of, value),
        (Type::List(of), Value::Array(values)) => list(values, &|out, one| put_struct(out, of, one)),
        (Type::Entries(of, entry), Value::Array(values)) => list(values, &|out, one| {
            let name = one.get("name").and_then(Value::as_str).unwrap_or_default();
            out.push_str(&format!("{{\"name\":{},\"{}\":", go_json::quoted(name), entry.holds));
            put_struct(out, of, one.get(entry.holds).unwrap_or(&Value::Null));
            out.push('}');
        }),
        (Type::Extensions, Value::Array(values)) => list(values, &|out, one| {
            let name = one.get("name").and_then(Value::as_str).unwrap_or_default();
            let value = go_json::to_compact(one.get("extension").unwrap_or(&Value::Null));
            out.push_str(&format!("{{\"name\":{},\"extension\":{value}}}", go_json::quoted(name)));
        }),
        (_, value) => out.push_str(&go_json::to_compact(value)),
    }
}

fn nothing(ty: Type) -> Value {
    match ty {
        Type::Text => json!(""),
        Type::Bool => json!(false),
        _ => Value::Null,
    }
}
