//! A watch that prints: reads the server's events line by line and shows each one.

use serde_json::Value;

use super::failure::Failure;
use super::print::{Grid, Printer};
use super::program::{Context, Next, Progress, Task};
use crate::shell::program::Wait;
use crate::sim::Time;
use crate::text::http::{Request, StreamId, StreamRead};

/// An open watch, decoded event by event.
#[derive(Clone, Debug)]
pub struct Events {
    stream: Option<StreamId>,
    buffer: Vec<u8>,
}

/// What a watch has.
#[derive(Debug)]
pub enum Event {
    /// Something happened: the event's type and object.
    Seen(String, Value),
    /// Nothing yet.
    Pending,
    /// The server ended the watch.
    End,
}

impl Events {
    /// Opens a watch.
    ///
    /// # Errors
    /// The server's.
    pub fn open(cx: &mut Context<'_>, request: Request) -> Result<Events, Failure> {
        let (stream, buffer) = cx.open(request)?;
        Ok(Events { stream, buffer })
    }

    /// The next event.
    ///
    /// # Errors
    /// An ERROR event, as the failure it stands for.
    pub fn next(&mut self, cx: &mut Context<'_>) -> Result<Event, Failure> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let Ok(event) = serde_json::from_slice::<Value>(&line) else { continue };
                let kind = event.get("type").and_then(Value::as_str).unwrap_or("").to_owned();
                let object = event.get("object").cloned().unwrap_or_default();
                match kind.as_str() {
                    "BOOKMARK" => continue,
                    "ERROR" => return Err(Failure::Status { status: object, context: String::new() }),
                    _ => return Ok(Event::Seen(kind, object)),
                }
            }
            let Some(stream) = self.stream else { return Ok(Event::End) };
            match cx.system.host().read_stream(stream) {
                StreamRead::Data(bytes) => self.buffer.extend(bytes),
                StreamRead::Pending => return Ok(Event::Pending),
                StreamRead::End => {
                    self.stream = None;
                    return Ok(Event::End);
                }
            }
        }
    }

    /// Closes the watch.
    pub fn close(&mut self, cx: &mut Context<'_>) {
        if let Some(stream) = self.stream.take() {
            cx.system.host().close_stream(stream);
        }
    }
}

/// How events are shown.
#[derive(Clone, Debug)]
pub enum Style {
    /// As rows of one table.
    Table(Grid),
    /// As objects; with the event's type around them when wanted.
    Objects(Printer, bool),
}

impl Style {
    /// Shows one event.
    ///
    /// # Errors
    /// A template that does not fit.
    pub fn show(&mut self, cx: &mut Context<'_>, event: &str, object: &Value) -> Result<(), Failure> {
        let text = match self {
            Style::Table(grid) => {
                grid.add(object, event);
                grid.flush()
            }
            Style::Objects(printer, false) => printer.print(object)?,
            Style::Objects(printer, true) => printer.print(&serde_json::json!({"type": event, "object": object}))?,
        };
        cx.out.out(&text);
        Ok(())
    }
}

/// A watch that goes on until it is interrupted.
#[derive(Clone, Debug)]
pub struct Watch {
    events: Events,
    style: Style,
    until: Option<Time>,
}

impl Watch {
    /// Opens the watch.
    ///
    /// # Errors
    /// The server's.
    pub fn open(cx: &mut Context<'_>, request: Request, style: Style) -> Result<Watch, Failure> {
        // A request that may not last for ever ends a watch, too, and quietly.
        let until = cx.request_timeout().map(|span| cx.system.now() + span);
        Ok(Watch { events: Events::open(cx, request)?, style, until })
    }
}

impl Task for Watch {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        loop {
            match self.events.next(cx)? {
                Event::Seen(kind, object) => self.style.show(cx, &kind, &object)?,
                Event::Pending if self.until.is_some_and(|until| cx.system.now() >= until) => {
                    self.events.close(cx);
                    return Ok(Progress::Next(Next::Exit(0)));
                }
                Event::Pending => {
                    return Ok(Progress::Wait(Wait { until: self.until, streams: true, ..Wait::default() }));
                }
                Event::End => return Ok(Progress::Next(Next::Exit(0))),
            }
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}
