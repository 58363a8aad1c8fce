//! `kubectl events`: what happened lately.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/events/events.go.

use serde_json::{Value, json};

use crate::kubectl::describe::age;
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, int, slice, switch, text};
use crate::kubectl::print::{Format, PRINT_FLAGS, Printer, go_order, list_at, str_at};
use crate::kubectl::program::{Context, DONE, Next, Outcome, Progress, Task};
use crate::kubectl::tree::{Command, Group};
use crate::kubectl::watch::{Event, Events};
use crate::shell::program::Wait;
use crate::sim::Time;
use crate::text::go_number::quote;
use crate::text::http::{Method, Request};
use crate::text::table::TabWriter;

const FLAGS: &[Flag] = &[
    switch("all-namespaces", "Events of every namespace.").short('A'),
    int("chunk-size", "500", "Ask for long lists in parts of this many objects."),
    text("for", "", "Only events about this object, as TYPE/NAME."),
    switch("no-headers", "Leave out the line of headers."),
    slice("types", "Only events of these types: Normal, Warning."),
    switch("watch", "Go on showing events.").short('w'),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "events",
    group: Group::Troubleshooting,
    short: "List events",
    long: "Lists events, the oldest first. Events are kept for an hour.",
    examples: &[
        ("Events of the namespace", "kubectl events"),
        ("Events about one object", "kubectl events --for job/hello"),
        ("Only warnings, of every namespace", "kubectl events -A --types=Warning"),
    ],
    usage: "[(-o|--output=)json|yaml|kyaml|name|go-template|go-template-file|template|templatefile|jsonpath|jsonpath-as-json|jsonpath-file] [--for TYPE/NAME] [--watch] [--types=Normal,Warning] [options]",
    flags: &[FLAGS, PRINT_FLAGS],
    run: Some(run),
    asks: 2,
    ..Command::EMPTY
};

#[derive(Clone, Debug)]
struct Shown {
    all_namespaces: bool,
    no_headers: bool,
    types: Vec<String>,
    headers_printed: bool,
    writer: TabWriter,
}

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    let all = flags.on("all-namespaces");
    let namespace = cx.namespace()?;
    let path = if all { "/api/v1/events".to_owned() } else { format!("/api/v1/namespaces/{namespace}/events") };
    let mut request = Request::new(Method::Get, path).with_header("Accept", "application/json");
    if !flags.text("for").is_empty()
        && let Some(selector) = about(cx, flags.text("for"))?
    {
        request = request.with_query("fieldSelector", selector);
    }
    let mut printer = Printer::of(&flags, cx.system, false)?.typed();
    let types = flags.list("types");
    if types.iter().any(|one| !one.eq_ignore_ascii_case("normal") && !one.eq_ignore_ascii_case("warning")) {
        return Err(Failure::msg("valid --types are Normal or Warning"));
    }
    let mut shown = Shown {
        all_namespaces: all,
        no_headers: flags.on("no-headers"),
        types,
        headers_printed: false,
        writer: TabWriter::for_tables(),
    };
    if flags.on("watch") {
        let events = Events::open(cx, request.with_query("watch", "true"))?;
        return Ok(Next::Task(Box::new(Watched { events, shown, printer })));
    }
    let answer = cx.json(request.with_query("limit", "500"))?;
    let events: Vec<Value> = list_at(&answer, "/items").iter().filter(|event| shown.wants(event)).cloned().collect();
    if events.is_empty() {
        cx.out.err_line(&if all {
            "No events found.".to_owned()
        } else {
            format!("No events found in {namespace} namespace.")
        });
        return DONE;
    }
    let before = |a: usize, b: usize| match (events.get(a), events.get(b)) {
        (Some(a), Some(b)) => seen(a) < seen(b),
        _ => false,
    };
    let order = go_order(events.len(), &before);
    let events: Vec<Value> = order.into_iter().filter_map(|at| events.get(at).cloned()).collect();
    if printer.is_human() {
        let now = cx.system.now();
        for event in &events {
            shown.add(event, now);
        }
        let text = shown.writer.flush();
        cx.out.out(&text);
    } else if !matches!(printer.format, Format::Name) {
        // Upstream's printer of names refuses its list, and nobody hears of it.
        let list = json!({"apiVersion": "v1", "kind": "EventList", "metadata": {}, "items": named(events)});
        if let Ok(text) = printer.print(&list) {
            cx.out.out(&text);
        }
    }
    DONE
}

/// The field selector of events about `TYPE/NAME`; none where the name is empty.
fn about(cx: &mut Context<'_>, text: &str) -> Result<Option<String>, Failure> {
    let (word, name) = match text.split('/').collect::<Vec<_>>().as_slice() {
        [word, name] => ((*word).to_owned(), (*name).to_owned()),
        [_] => return Err(Failure::msg("--for must be in resource/name form")),
        _ => return Err(Failure::msg("arguments in resource/name form may not have more than one slash")),
    };
    if word.is_empty() {
        return Err(Failure::msg("a resource must be present, got: /, Resource="));
    }
    let resource = cx.discovery()?.resolve(&word).cloned().map_err(|_| {
        let (plural, group) = word.split_once('.').unwrap_or((&word, ""));
        let of = if group.is_empty() { String::new() } else { format!(" in group {}", quote(group)) };
        Failure::Plain(format!("the server doesn't have a resource type {}{of}", quote(plural)))
    })?;
    let (kind, version) = (&resource.kind, resource.api_version());
    let selector = format!("involvedObject.kind={kind},involvedObject.apiVersion={version},involvedObject.name={name}");
    Ok(Some(selector).filter(|_| !name.is_empty()))
}

/// When an event was last seen.
fn seen(event: &Value) -> &str {
    match (str_at(event, "/series/lastObservedTime"), str_at(event, "/lastTimestamp")) {
        ("", "") => str_at(event, "/eventTime"),
        ("", last) => last,
        (series, _) => series,
    }
}

/// Events with their kind, which lists leave out.
fn named(events: Vec<Value>) -> Vec<Value> {
    let mut events = events;
    for fields in events.iter_mut().filter_map(Value::as_object_mut) {
        fields.entry("apiVersion").or_insert_with(|| json!("v1"));
        fields.entry("kind").or_insert_with(|| json!("Event"));
    }
    events
}

impl Shown {
    fn wants(&self, event: &Value) -> bool {
        self.types.is_empty() || self.types.iter().any(|one| one.eq_ignore_ascii_case(str_at(event, "/type")))
    }

    fn add(&mut self, event: &Value, now: Time) {
        if !self.headers_printed && !self.no_headers {
            let lead = if self.all_namespaces { "NAMESPACE\t" } else { "" };
            self.writer.write(&format!("{lead}LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n"));
        }
        self.headers_printed = true;
        let of = |path: &str| str_at(event, path);
        let first =
            if of("/firstTimestamp").is_empty() { age(now, of("/eventTime")) } else { age(now, of("/firstTimestamp")) };
        let count = event.get("count").and_then(Value::as_i64).unwrap_or(0);
        let interval = if let Some(times) = event.pointer("/series/count").and_then(Value::as_i64) {
            format!("{} (x{times} over {first})", age(now, of("/series/lastObservedTime")))
        } else if count > 1 {
            format!("{} (x{count} over {first})", age(now, of("/lastTimestamp")))
        } else {
            first
        };
        let lead = if self.all_namespaces { format!("{}\t", of("/metadata/namespace")) } else { String::new() };
        let object = format!("{}/{}", of("/involvedObject/kind"), of("/involvedObject/name"));
        let message = of("/message").trim();
        self.writer.write(&format!("{lead}{interval}\t{}\t{}\t{object}\t{message}\n", of("/type"), of("/reason")));
    }
}

/// Events as they come.
#[derive(Clone, Debug)]
struct Watched {
    events: Events,
    shown: Shown,
    printer: Printer,
}

impl Task for Watched {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        loop {
            match self.events.next(cx)? {
                Event::Seen(kind, object) => {
                    if kind != "DELETED" && self.shown.wants(&object) {
                        if self.printer.is_human() {
                            self.shown.add(&object, cx.system.now());
                            let text = self.shown.writer.flush();
                            cx.out.out(&text);
                        } else if let Ok(text) = self.printer.print(&object) {
                            cx.out.out(&text);
                        }
                    }
                }
                Event::Pending => return Ok(Progress::Wait(Wait { streams: true, ..Wait::default() })),
                Event::End => return Ok(Progress::Next(Next::Exit(0))),
            }
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
