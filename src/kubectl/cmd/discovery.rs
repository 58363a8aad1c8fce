//! `kubectl api-resources`, `api-versions`, `version`: what the server is and has.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/apiresources, pkg/cmd/version.

use serde_json::{Value, json};

use crate::kubectl::client::VERSION;
use crate::kubectl::discovery::Resource;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, slice, switch, text};
use crate::kubectl::print::str_at;
use crate::kubectl::program::{Context, DONE, Outcome};
use crate::kubectl::tree::{Command, Group};
use crate::text::go_json;
use crate::text::table::TabWriter;
use crate::text::yaml::to_yaml;

const RESOURCE_FLAGS: &[Flag] = &[
    text("api-group", "", "Only resources of this group."),
    switch("cached", "Use what was learnt before."),
    slice("categories", "Only resources of these categories."),
    switch("namespaced", "Only resources in namespaces; with =false only those without.").on(),
    switch("no-headers", "Leave out the line of headers."),
    text("output", "", "wide, name, json or yaml.").short('o'),
    switch("show-managed-fields", "Keep managedFields, which no resource has."),
    text("sort-by", "", "Sort by name or kind."),
    slice("verbs", "Only resources with which these can be done."),
];

/// `kubectl api-resources`.
pub static API_RESOURCES: Command = Command {
    name: "api-resources",
    group: Group::Other,
    short: "List the resources of the server",
    long: "Lists the resources that the server has, with their short names.",
    examples: &[
        ("All resources", "kubectl api-resources"),
        ("Those of one group", "kubectl api-resources --api-group=batch"),
    ],
    usage: "[flags] [options]",
    flags: &[RESOURCE_FLAGS],
    run: Some(api_resources),
    asks: 1,
    ..Command::EMPTY
};

/// `kubectl api-versions`.
pub static API_VERSIONS: Command = Command {
    name: "api-versions",
    group: Group::Other,
    short: "List the versions of the server's interface",
    long: "Lists the groups and versions that the server has.",
    examples: &[("All versions", "kubectl api-versions")],
    usage: "[options]",
    run: Some(api_versions),
    asks: 1,
    ..Command::EMPTY
};

/// `kubectl version`.
pub static VERSION_COMMAND: Command = Command {
    name: "version",
    group: Group::Other,
    short: "Show the versions of client and server",
    long: "Shows the version of this program and of the server.",
    examples: &[("Both versions", "kubectl version"), ("Only this program's", "kubectl version --client")],
    usage: "[flags] [options]",
    flags: &[&[switch("client", "Only the client's version."), text("output", "", "yaml or json.").short('o')]],
    run: Some(version),
    ..Command::EMPTY
};

fn api_resources(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if !flags.args.is_empty() {
        return Err(cx.usage(format!("unexpected arguments: [{}]", flags.args.join(" "))));
    }
    let output = flags.text("output");
    if !["", "wide", "name", "json", "yaml"].contains(&output) {
        return Err(Failure::msg(format!(
            "unable to match a printer suitable for the output format {}, allowed formats are: json,kyaml,name,wide,yaml",
            crate::text::go_number::quote(output)
        )));
    }
    if !["", "name", "kind"].contains(&flags.text("sort-by")) {
        return Err(Failure::msg("--sort-by accepts only name or kind"));
    }
    let discovery = cx.discovery()?;
    let verbs = flags.list("verbs");
    let categories = flags.list("categories");
    let mut resources: Vec<&Resource> = discovery
        .preferred()
        .into_iter()
        .filter(|one| !one.verbs.is_empty())
        .filter(|one| !flags.changed("api-group") || one.group == flags.text("api-group"))
        .filter(|one| !flags.changed("namespaced") || one.namespaced == flags.on("namespaced"))
        .filter(|one| verbs.iter().all(|verb| one.can(verb)))
        .filter(|one| categories.iter().all(|category| one.categories.contains(category)))
        .collect();
    match flags.text("sort-by") {
        "kind" => resources.sort_by(|a, b| a.kind.cmp(&b.kind)),
        "name" => resources.sort_by(|a, b| a.plural.cmp(&b.plural)),
        _ => resources.sort_by(|a, b| (&a.group, &a.plural).cmp(&(&b.group, &b.plural))),
    }
    if ["json", "yaml"].contains(&output) {
        let text = listed(&resources);
        let text = if output == "json" {
            go_json::reindented(&text, "") + "\n"
        } else {
            to_yaml(&serde_json::from_str(&text).unwrap_or_default())
        };
        cx.out.out(&text);
        return DONE;
    }
    let mut writer = TabWriter::for_tables();
    if !flags.on("no-headers") && output != "name" {
        let more = if output == "wide" { "\tVERBS\tCATEGORIES" } else { "" };
        writer.write(&format!("NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND{more}\n"));
    }
    for one in resources {
        if output == "name" {
            cx.out.line(&one.qualified());
            continue;
        }
        let mut line = format!(
            "{}\t{}\t{}\t{}\t{}",
            one.plural,
            one.short_names.join(","),
            one.api_version(),
            one.namespaced,
            one.kind
        );
        if output == "wide" {
            line.push_str(&format!("\t{}\t{}", one.verbs.join(","), one.categories.join(",")));
        }
        writer.write(&(line + "\n"));
    }
    let text = writer.flush();
    cx.out.out(&text);
    DONE
}

/// Resources as JSON, with the fields in the order of Go's type.
fn listed(resources: &[&Resource]) -> String {
    let words = |list: &[String]| list.iter().map(|word| go_json::quoted(word)).collect::<Vec<_>>().join(",");
    let items: Vec<String> = resources
        .iter()
        .map(|one| {
            let mut fields = vec![
                format!("\"name\":{}", go_json::quoted(&one.plural)),
                format!("\"singularName\":{}", go_json::quoted(&one.singular)),
                format!("\"namespaced\":{}", one.namespaced),
            ];
            if !one.group.is_empty() {
                fields.push(format!("\"group\":{}", go_json::quoted(&one.group)));
            }
            fields.push(format!("\"version\":{}", go_json::quoted(&one.version)));
            fields.push(format!("\"kind\":{}", go_json::quoted(&one.kind)));
            fields.push(format!("\"verbs\":[{}]", words(&one.verbs)));
            for (name, list) in [("shortNames", &one.short_names), ("categories", &one.categories)] {
                if !list.is_empty() {
                    fields.push(format!("\"{name}\":[{}]", words(list)));
                }
            }
            format!("{{{}}}", fields.join(","))
        })
        .collect();
    format!(
        "{{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"\",\"resources\":[{}]}}",
        items.join(",")
    )
}

fn api_versions(cx: &mut Context<'_>) -> Outcome {
    if !cx.session.flags.args.is_empty() {
        let args = cx.session.flags.args.join(" ");
        return Err(cx.usage(format!("unexpected arguments: [{args}]")));
    }
    let discovery = cx.discovery().map_err(|failure| match failure {
        Failure::Connection { request, message, .. } => {
            Failure::msg(format!("couldn't get available api versions from server: {request}: {message}"))
        }
        other => other,
    })?;
    let mut versions = discovery.versions.clone();
    versions.sort();
    for version in versions {
        cx.out.line(&version);
    }
    DONE
}

/// The order in which Go's type declares the fields of a version.
const VERSION_FIELDS: [&str; 13] = [
    "major",
    "minor",
    "emulationMajor",
    "emulationMinor",
    "minCompatibilityMajor",
    "minCompatibilityMinor",
    "gitVersion",
    "gitCommit",
    "gitTreeState",
    "buildDate",
    "goVersion",
    "compiler",
    "platform",
];

fn client_version() -> Value {
    json!({
        "major": "1", "minor": "36", "gitVersion": VERSION, "gitCommit": "98b35193b2ac7a23a673325f5e9b830ecd5ba406",
        "gitTreeState": "clean", "buildDate": "2026-08-21T11:29:11Z", "goVersion": "go1.26.6", "compiler": "gc",
        "platform": "linux/amd64",
    })
}

fn version(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if !flags.args.is_empty() {
        return Err(Failure::msg(format!("extra arguments: [{}]", flags.args.join(" "))));
    }
    if !["", "yaml", "json"].contains(&flags.text("output")) {
        return Err(Failure::msg("--output must be 'yaml' or 'json'"));
    }
    let server = if flags.on("client") { Ok(Value::Null) } else { cx.get("/version") };
    let found = server.clone().unwrap_or_default();
    match flags.text("output") {
        "yaml" => {
            let mut all = json!({"clientVersion": client_version(), "kustomizeVersion": "v5.8.1"});
            if let (false, Some(fields)) = (found.is_null(), all.as_object_mut()) {
                fields.insert("serverVersion".to_owned(), found);
            }
            let text = to_yaml(&all);
            cx.out.line(&text);
        }
        "json" => {
            let block = |value: &Value| {
                let lines: Vec<String> = VERSION_FIELDS
                    .iter()
                    .filter_map(|name| value.get(*name).map(|field| format!("    \"{name}\": {field}")))
                    .collect();
                format!("{{\n{}\n  }}", lines.join(",\n"))
            };
            let mut parts = vec![
                format!("  \"clientVersion\": {}", block(&client_version())),
                "  \"kustomizeVersion\": \"v5.8.1\"".to_owned(),
            ];
            if !found.is_null() {
                parts.push(format!("  \"serverVersion\": {}", block(&found)));
            }
            cx.out.line(&format!("{{\n{}\n}}", parts.join(",\n")));
        }
        _ => {
            cx.out.line(&format!("Client Version: {VERSION}\nKustomize Version: v5.8.1"));
            if !found.is_null() {
                cx.out.line(&format!("Server Version: {}", str_at(&found, "/gitVersion")));
            }
        }
    }
    server.map(|_| crate::kubectl::program::Next::Exit(0))
}
