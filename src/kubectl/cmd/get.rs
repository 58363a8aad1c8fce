//! `kubectl get`: shows objects, as tables of the server or in a form of choice, and follows their changes.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/get/get.go.

use serde_json::{Value, json};

use crate::kubectl::builder::{self, Built, FILE_FLAGS, Query, Target};
use crate::kubectl::client::TABLE;
use crate::kubectl::describe::age;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, int, slice, switch, text};
use crate::kubectl::print::{
    Grid, PRINT_FLAGS, Printer, TableOptions, as_list, list_at, sort_items, sort_rows, str_at, unsortable,
};
use crate::kubectl::program::{Context, DONE, Next, Outcome, ended};
use crate::kubectl::raw;
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::watch::{Style, Watch};
use crate::text::http::{Method, Request};

const FLAGS: &[Flag] = &[
    switch("all-namespaces", "Objects of every namespace.").short('A'),
    int("chunk-size", "500", "Ask for long lists in parts of this many objects; 0 asks for all at once."),
    text("field-selector", "", "Only objects whose fields match, such as status.phase=Running."),
    switch("ignore-not-found", "Say nothing about objects that are not there."),
    slice("label-columns", "Labels to show as columns.").short('L'),
    switch("no-headers", "Leave out the line of headers."),
    switch("output-watch-events", "Show the type of each event of a watch."),
    text("raw", "", "Ask the server for this path and print what it says."),
    text("selector", "", "Only objects whose labels match, such as app=web,tier!=back.").short('l'),
    switch("server-print", "Let the server say which columns there are.").on(),
    switch("show-kind", "Put the kind before each name."),
    switch("show-labels", "A column with all labels."),
    text("sort-by", "", "Sort by this field, given as a JSONPath such as .metadata.name."),
    text("subresource", "", "Show a subresource: status, scale or resize."),
    switch("watch", "Go on showing changes.").short('w'),
    switch("watch-only", "Show changes only, without what there is now."),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "get",
    suggest_for: &["list", "ls"],
    group: Group::Intermediate,
    short: "Show objects",
    long: "Shows one or many objects, in a table or in a form of your choice.",
    examples: &[
        ("All Pods of the namespace", "kubectl get pods"),
        ("With more columns", "kubectl get pods -o wide"),
        ("Jobs and Pods in one go", "kubectl get jobs,pods"),
        ("One object as YAML", "kubectl get service kubernetes -o yaml"),
        ("Only some, by their labels", "kubectl get pods -l app=web"),
        ("One field of an object", "kubectl get service kubernetes -o jsonpath='{.spec.clusterIP}'"),
        ("Columns of your own", "kubectl get nodes -o custom-columns=NAME:.metadata.name"),
    ],
    usage: "[(-o|--output=)json|yaml|kyaml|name|go-template|go-template-file|template|templatefile|jsonpath|jsonpath-as-json|jsonpath-file|custom-columns|custom-columns-file|wide] (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) [flags] [options]",
    flags: &[FLAGS, FILE_FLAGS, PRINT_FLAGS],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if !flags.text("raw").is_empty() {
        if !flags.args.is_empty() {
            return Err(Failure::msg("arguments may not be passed when --raw is specified"));
        }
        if flags.on("watch") || flags.on("watch-only") || !flags.text("selector").is_empty() {
            return Err(Failure::msg(
                "--raw may not be specified with other flags that filter the server request or alter the output",
            ));
        }
        if !flags.text("output").is_empty() {
            return Err(Failure::msg("--raw and --output are mutually exclusive"));
        }
        raw::path(flags.text("raw"))?;
        return raw::send(cx, Method::Get, flags.text("raw"), None);
    }
    let watching = flags.on("watch") || flags.on("watch-only");
    if flags.on("output-watch-events") && !watching {
        return Err(Failure::msg("--output-watch-events option can only be used with --watch or --watch-only"));
    }
    let mut query = Query::of(&flags);
    query.list_without_name = true;
    if query.args.is_empty() && query.files.is_empty() && query.kustomize.is_empty() {
        cx.out.err("You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\n");
        return Err(cx.usage("Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource (e.g. kubectl explain pods)."));
    }
    let output = flags.text("output");
    if flags.on("show-labels") && !["", "wide"].contains(&output) {
        return Err(Failure::msg(format!("--show-labels option cannot be used with {output} printer")));
    }
    if !flags.text("sort-by").is_empty() && watching {
        cx.out.err_line(if flags.on("watch") {
            "warning: --watch requested, --sort-by will be ignored for watch events received"
        } else {
            "warning: --watch-only requested, --sort-by will be ignored"
        });
    }
    let built = builder::build(cx, &query)?;
    let subresource = flags.text("subresource");
    if !subresource.is_empty() && built.targets.iter().any(|target| target.name.is_empty()) {
        return Err(Failure::msg("subresource cannot be used when bulk resources are specified"));
    }
    if watching {
        let printer = Printer::of(&flags, cx.system, true)?;
        return watch(cx, &query, &built, printer);
    }
    if Printer::asks_for_table(&flags) { human(cx, &query, &built) } else { generic(cx, &built) }
}

/// Asks for a target as a table.
fn table_of(
    cx: &mut Context<'_>,
    target: &Target,
    selectors: &[(String, String)],
    whole: bool,
) -> Result<Value, Failure> {
    if let (true, Some(object)) = (target.nameless(), &target.object) {
        return Ok(plain_table(cx, object.clone()));
    }
    let answer = answer_of(cx, target, selectors, whole)?;
    let table = str_at(&answer, "/kind") == "Table";
    Ok(if table { answer } else { plain_table(cx, answer) })
}

fn answer_of(
    cx: &mut Context<'_>,
    target: &Target,
    selectors: &[(String, String)],
    whole: bool,
) -> Result<Value, Failure> {
    let accept = if cx.session.flags.on("server-print") { TABLE } else { "application/json" };
    if target.name.is_empty() {
        let mut selectors = selectors.to_vec();
        if whole {
            selectors.push(("includeObject".to_owned(), "Object".to_owned()));
        }
        return builder::list(cx, target, &selectors, accept);
    }
    let subresource = cx.session.flags.text("subresource").to_owned();
    let path = if subresource.is_empty() { target.path() } else { format!("{}/{subresource}", target.path()) };
    let mut request = Request::new(Method::Get, path).with_header("Accept", accept);
    if whole {
        request = request.with_query("includeObject", "Object");
    }
    cx.json(request).map_err(|failure| builder::of_namespace(cx, target, failure))
}

/// The table that kubectl makes itself where the server gives none: names and ages.
fn plain_table(cx: &Context<'_>, answer: Value) -> Value {
    let now = cx.system.now();
    let one = [answer.clone()];
    let items = answer.get("items").and_then(Value::as_array).map_or(one.as_slice(), Vec::as_slice);
    let row = |object: &Value| {
        let age = age(now, str_at(object, "/metadata/creationTimestamp"));
        json!({"cells": [str_at(object, "/metadata/name"), age], "object": object})
    };
    let columns = json!([{"name": "Name", "type": "string", "format": "name"}, {"name": "Age", "type": "string"}]);
    json!({"metadata": answer.get("metadata"), "columnDefinitions": columns, "rows": items.iter().map(row).collect::<Vec<_>>()})
}

fn options(cx: &Context<'_>) -> TableOptions {
    let flags = &cx.session.flags;
    TableOptions {
        wide: flags.text("output") == "wide",
        no_headers: flags.on("no-headers"),
        namespace: false,
        show_labels: flags.on("show-labels"),
        label_columns: flags.list("label-columns"),
        kind: None,
        events: flags.on("output-watch-events"),
    }
}

fn human(cx: &mut Context<'_>, query: &Query, built: &Built) -> Outcome {
    let flags = cx.session.flags.clone();
    let sort = flags.text("sort-by").to_owned();
    let mut tables: Vec<(&Target, Value)> = Vec::new();
    let mut failures = built.failures.clone();
    for target in &built.targets {
        match table_of(cx, target, &built.selectors, !sort.is_empty()) {
            Ok(mut table) => {
                // A table that cannot be sorted is silently not printed.
                let several = !sort.is_empty() && list_at(&table, "/rows").len() > 1;
                if several && !sort_rows(&mut table, &sort, cx.system.now())? {
                    table = Value::Null;
                }
                tables.push((target, table));
            }
            Err(failure) if failure.is_not_found() && flags.on("ignore-not-found") => {}
            Err(failure) => failures.push(failure),
        }
    }
    // Several answers are sorted among themselves, and a Table has none of the fields of an object.
    if !sort.is_empty() && tables.len() > 1 {
        return Err(unsortable(&sort));
    }
    let printed = print_tables(cx, query, &tables);
    if !failures.is_empty() {
        return Err(lines(failures));
    }
    if !printed && !flags.on("ignore-not-found") {
        let namespaced = built.targets.iter().all(|target| target.resource.namespaced);
        if namespaced && !query.all_namespaces {
            let namespace = cx.namespace()?;
            cx.out.err_line(&format!("No resources found in {namespace} namespace."));
        } else {
            cx.out.err_line("No resources found");
        }
    }
    DONE
}

/// Prints tables one below the other; tables of one resource share their columns. Says whether there was a row.
fn print_tables(cx: &mut Context<'_>, query: &Query, tables: &[(&Target, Value)]) -> bool {
    let first = tables.first().map(|(target, _)| &target.resource);
    let several = tables.iter().any(|(target, _)| Some(&target.resource) != first);
    let mut grid: Option<(String, Grid)> = None;
    for (target, table) in tables {
        if table.get("rows").and_then(Value::as_array).is_none_or(Vec::is_empty) {
            continue;
        }
        let key = target.resource.qualified();
        if grid.as_ref().is_none_or(|(known, _)| *known != key) {
            if let Some((_, mut done)) = grid.take() {
                cx.out.out(&done.flush());
                if !cx.session.flags.on("no-headers") {
                    cx.out.out("\n");
                }
            }
            let mut options = options(cx);
            options.namespace = query.all_namespaces && target.resource.namespaced;
            if several || cx.session.flags.on("show-kind") {
                options.kind = Some(target.resource.printed_kind());
            }
            grid = Some((key, Grid::new(options)));
        }
        if let Some((_, grid)) = &mut grid {
            grid.add(table, "");
        }
    }
    match grid {
        Some((_, mut done)) => {
            cx.out.out(&done.flush());
            true
        }
        None => false,
    }
}

/// Failures of single objects, a line each, as an aggregate of an aggregate prints them.
fn lines(failures: Vec<Failure>) -> Failure {
    Failure::Exit(1, Failure::Many(failures).lines())
}

fn generic(cx: &mut Context<'_>, built: &Built) -> Outcome {
    let flags = cx.session.flags.clone();
    let (mut found, mut failures) = builder::fetch(cx, built);
    // One file is taken for one object: when something is wrong with it nothing is shown.
    if built.one_file && !failures.is_empty() && !flags.on("ignore-not-found") {
        return Err(Failure::Many(failures));
    }
    let subresource = flags.text("subresource");
    for target in found.iter_mut().filter(|_| !subresource.is_empty()) {
        target.object = Some(cx.get(&format!("{}/{subresource}", target.path()))?);
    }
    if flags.on("ignore-not-found") {
        failures.retain(|failure| !failure.is_not_found());
    }
    // Without anything to print, a form that does not exist is no matter.
    if (built.single && !failures.is_empty()) || (found.is_empty() && flags.on("ignore-not-found")) {
        return ended(failures);
    }
    let mut printer = Printer::of(&flags, cx.system, true)?;
    let mut objects: Vec<Value> = found.into_iter().filter_map(|target| target.object).collect();
    if !flags.text("sort-by").is_empty() {
        sort_items(&mut objects, flags.text("sort-by"), cx.system.now())?;
    }
    if built.single && objects.len() <= 1 {
        if let Some(object) = objects.first() {
            let text = printer.print(object)?;
            cx.out.out(&text);
        }
    } else if failures.is_empty() || !built.single {
        let text = printer.print(&as_list(objects))?;
        cx.out.out(&text);
    }
    if failures.is_empty() { DONE } else { Err(lines(failures)) }
}

fn watch(cx: &mut Context<'_>, query: &Query, built: &Built, printer: Printer) -> Outcome {
    if let Some(failure) = built.failures.first() {
        return Err(failure.clone());
    }
    let [target] = built.targets.as_slice() else {
        return Err(Failure::msg(format!(
            "watch is only supported on individual resources and resource collections - {} resources were found",
            built.targets.len()
        )));
    };
    let flags = cx.session.flags.clone();
    let human = printer.is_human();
    let first = if human {
        table_of(cx, target, &built.selectors, false)?
    } else if target.name.is_empty() {
        builder::list(cx, target, &built.selectors, "application/json")?
    } else {
        cx.get(&target.path())?
    };
    let mut style = if human {
        let mut options = options(cx);
        options.namespace = query.all_namespaces && target.resource.namespaced;
        options.kind = flags.on("show-kind").then(|| target.resource.printed_kind());
        Style::Table(Grid::new(options))
    } else {
        Style::Objects(printer, flags.on("output-watch-events"))
    };
    if !flags.on("watch-only") {
        if human || !target.name.is_empty() {
            style.show(cx, "ADDED", &first)?;
        } else {
            for item in builder::items(&first, &target.resource) {
                style.show(cx, "ADDED", &item.object.unwrap_or_default())?;
            }
        }
    }
    let accept = if human { TABLE } else { "application/json" };
    let mut request = Request::new(Method::Get, target.resource.path(&target.namespace)).with_header("Accept", accept);
    request.query = built.selectors.clone();
    if !target.name.is_empty() {
        request = request.with_query("fieldSelector", format!("metadata.name={}", target.name));
    }
    let version = str_at(&first, "/metadata/resourceVersion");
    request = request.with_query("resourceVersion", version).with_query("watch", "true");
    Ok(Next::Task(Box::new(Watch::open(cx, request, style)?)))
}
