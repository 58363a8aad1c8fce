//! `xtask numbers FOLDER`: prints the table of `src/http/protobuf/numbers.txt` from Kubernetes' own source.
//!
//! Of each struct it takes the names in JSON, the field numbers and the types; it takes no prose.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Where the types of a package stand, below `staging/src/k8s.io`, and what they are called in the table.
const PACKAGES: &[(&str, &str)] = &[
    ("apimachinery/pkg/apis/meta/v1", "meta.v1"),
    ("api/core/v1", "core.v1"),
    ("api/apps/v1", "apps.v1"),
    ("api/batch/v1", "batch.v1"),
    ("api/authentication/v1", "authentication.k8s.io.v1"),
    ("api/authorization/v1", "authorization.k8s.io.v1"),
    ("api/autoscaling/v1", "autoscaling.v1"),
    ("api/autoscaling/v2", "autoscaling.v2"),
    ("api/certificates/v1", "certificates.k8s.io.v1"),
    ("api/coordination/v1", "coordination.k8s.io.v1"),
    ("api/discovery/v1", "discovery.k8s.io.v1"),
    ("api/events/v1", "events.k8s.io.v1"),
    ("api/networking/v1", "networking.k8s.io.v1"),
    ("api/node/v1", "node.k8s.io.v1"),
    ("api/policy/v1", "policy.v1"),
    ("api/rbac/v1", "rbac.authorization.k8s.io.v1"),
    ("api/scheduling/v1", "scheduling.k8s.io.v1"),
    ("api/storage/v1", "storage.k8s.io.v1"),
    ("apiextensions-apiserver/pkg/apis/apiextensions/v1", "apiextensions.k8s.io.v1"),
];

/// Prints the table.
pub fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [folder] = arguments else { return Err("name one folder: a checkout of Kubernetes".into()) };
    let staging = Path::new(folder).join("staging/src/k8s.io");
    let mut sources = Vec::new();
    let mut names = BTreeMap::new();
    for (path, package) in PACKAGES {
        let mut text = String::new();
        for file in ["types.go", "micro_time.go", "types_jsonschema.go"] {
            let path = staging.join(path).join(file);
            // Only one package each has the others.
            if path.is_file() {
                text.push_str(&fs::read_to_string(path)?);
            }
        }
        for (name, shape) in named(&text) {
            names.insert(format!("{package}.{name}"), shape);
        }
        sources.push((*package, text));
    }
    println!("# Made by `cargo xtask numbers`. A struct a line: its fields, their numbers and types.");
    for (package, text) in &sources {
        for line in structs(package, text, &names) {
            println!("{line}");
        }
    }
    Ok(())
}

/// The types of a file that are no structs: their names and what they are.
fn named(text: &str) -> Vec<(String, String)> {
    let declared = |line: &str| {
        let (name, shape) = line.strip_prefix("type ")?.split_once(' ')?;
        let shape = shape.split(" //").next().unwrap_or_default().trim();
        (!shape.starts_with("struct")).then(|| (name.to_owned(), shape.to_owned()))
    };
    text.lines().filter_map(declared).collect()
}

/// What the packages are called that a file imports.
fn imports(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        let Some((alias, path)) = line.split_once('"') else { continue };
        let path = path.trim_end_matches('"');
        let known = PACKAGES.iter().find(|(folder, _)| path.strip_prefix("k8s.io/") == Some(folder));
        if let Some((_, package)) = known {
            let alias = alias.trim();
            let own = path.rsplit('/').next().unwrap_or_default();
            found.insert(if alias.is_empty() { own } else { alias }.to_owned(), (*package).to_owned());
        }
    }
    found
}

/// The lines of the table for the structs of a file.
fn structs(package: &str, text: &str, names: &BTreeMap<String, String>) -> Vec<String> {
    let imports = imports(text);
    let (mut lines, mut open) = (Vec::new(), None::<String>);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("type ").and_then(|rest| rest.strip_suffix(" struct {")) {
            open = Some(format!("{package}.{name}"));
        } else if let Some(name) = line.strip_prefix("type ").and_then(|rest| rest.strip_suffix(" struct{}")) {
            // Whether it is there is all that it says.
            lines.push(format!("{package}.{name} -"));
        } else if line == "}" {
            lines.extend(open.take().filter(|made| made.contains(' ')));
        } else if let Some(made) = &mut open
            && let Some(field) = field(line.trim(), package, &imports, names)
        {
            let _ = write!(made, " {field}");
        }
    }
    lines
}

/// One field as the table has it: `name=number:type`, `?` for a pointer, `~` for one whose fields stand in its place,
/// `|` for one that stands for the whole message: such a message is in JSON what its last field is.
fn field(
    line: &str,
    package: &str,
    imports: &BTreeMap<String, String>,
    names: &BTreeMap<String, String>,
) -> Option<String> {
    let (declared, tags) = line.split_once('`').filter(|_| !line.starts_with("//"))?;
    let tag = |name: &str| tags.split(&format!("{name}:\"")).nth(1).and_then(|rest| rest.split('"').next());
    let number = tag("protobuf")?.split(',').nth(1)?;
    let mut json = tag("json").unwrap_or("|").split(',');
    let name = json.next().unwrap_or_default();
    let inline = json.any(|word| word == "inline");
    let words: Vec<&str> = declared.split_whitespace().collect();
    let go_type = words.last()?;
    let (pointer, go_type) = go_type.strip_prefix('*').map_or((false, *go_type), |rest| (true, rest));
    let shape = shape(go_type, package, imports, names)?;
    let name = if inline || name.is_empty() { "~" } else { name };
    Some(format!("{name}={number}:{shape}{}", if pointer { "?" } else { "" }))
}

fn shape(
    go: &str,
    package: &str,
    imports: &BTreeMap<String, String>,
    names: &BTreeMap<String, String>,
) -> Option<String> {
    let inner = |go: &str| shape(go.trim_start_matches('*'), package, imports, names);
    if go == "[]byte" {
        return Some("bytes".to_owned());
    }
    if let Some(element) = go.strip_prefix("[]") {
        return Some(format!("[{}]", inner(element)?));
    }
    if let Some((_, value)) = go.strip_prefix("map[").and_then(|rest| rest.split_once(']')) {
        // A list as a value is a message of its own, with the list as its first field.
        return Some(format!("{{{}}}", inner(value)?));
    }
    let plain = match go {
        "string" | "types.UID" | "types.NodeName" => "string",
        "int32" | "int64" | "int" => "int",
        "uint32" | "uint64" => "int",
        "bool" => "bool",
        "float64" => "double",
        "resource.Quantity" => "quantity",
        "intstr.IntOrString" => "intstr",
        "Time" | "metav1.Time" | "v1.Time" if go != "Time" || package == "meta.v1" => "time",
        "MicroTime" | "metav1.MicroTime" | "v1.MicroTime" => "microtime",
        "runtime.RawExtension" | "FieldsV1" | "metav1.FieldsV1" | "JSON" => "raw",
        _ => "",
    };
    if !plain.is_empty() {
        return Some(plain.to_owned());
    }
    let full = match go.split_once('.') {
        Some((alias, name)) => format!("{}.{name}", imports.get(alias)?),
        None => format!("{package}.{go}"),
    };
    match names.get(&full) {
        // Such as `type JobConditionType string`, in the words of its own package.
        Some(other) => {
            let home = full.rsplit_once('.').map_or(package, |(home, _)| home);
            shape(other, home, imports, names)
        }
        None => Some(full),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_struct_becomes_a_line() {
        let text = "import (\n\tmetav1 \"k8s.io/apimachinery/pkg/apis/meta/v1\"\n)\n\
            type Mode string\ntype Lot []string\ntype A struct {\n\tmetav1.TypeMeta `json:\",inline\"`\n\
            \tmetav1.ObjectMeta `json:\"metadata,omitempty\" protobuf:\"bytes,1,opt,name=metadata\"`\n\
            \tM *Mode `json:\"m,omitempty\" protobuf:\"bytes,2,opt,name=m\"`\n\
            \tB `json:\",inline\" protobuf:\"bytes,3,opt,name=b\"`\n\
            \tX map[string]Lot `json:\"x\" protobuf:\"bytes,4,rep,name=x\"`\n}\n";
        let names = named(text).into_iter().map(|(name, shape)| (format!("a.v1.{name}"), shape)).collect();
        let expected = "a.v1.A metadata=1:meta.v1.ObjectMeta m=2:string? ~=3:a.v1.B x=4:{[string]}";
        assert_eq!(structs("a.v1", text, &names), [expected]);
    }
}
