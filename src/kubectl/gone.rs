//! Waiting until deleted objects are gone from the server.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/wait/delete.go.

use std::time::Duration;

use super::builder::Target;
use super::failure::Failure;
use super::print::str_at;
use super::program::{Context, Next, Progress, Task};
use super::watch::{Event, Events};
use crate::shell::program::Wait;
use crate::sim::Time;
use crate::text::http::{Method, Request};

/// Waits for objects, one after the other.
#[derive(Clone, Debug)]
pub struct Gone {
    targets: Vec<(Target, String)>,
    until: Option<Time>,
    watch: Option<Events>,
    failures: Vec<Failure>,
}

impl Gone {
    /// Waits for these objects (with the uids they had), at most `timeout` microseconds each.
    pub fn new(cx: &Context<'_>, mut targets: Vec<(Target, String)>, timeout: Option<u64>) -> Gone {
        targets.reverse();
        let until = timeout.map(|micros| cx.system.now() + Duration::from_micros(micros));
        Gone { targets, until, watch: None, failures: Vec::new() }
    }
}

impl Task for Gone {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        loop {
            let Some((target, uid)) = self.targets.last().cloned() else {
                if !self.failures.is_empty() {
                    return Err(Failure::Many(std::mem::take(&mut self.failures)));
                }
                return Ok(Progress::Next(Next::Exit(0)));
            };
            let Some(watch) = &mut self.watch else {
                match cx.get(&target.path()) {
                    Ok(object) if uid.is_empty() || str_at(&object, "/metadata/uid") == uid => {
                        let request = Request::new(Method::Get, target.resource.path(&target.namespace))
                            .with_header("Accept", "application/json")
                            .with_query("fieldSelector", format!("metadata.name={}", target.name))
                            .with_query("resourceVersion", str_at(&object, "/metadata/resourceVersion"))
                            .with_query("watch", "true");
                        self.watch = Some(Events::open(cx, request)?);
                    }
                    Ok(_) => self.done(),
                    Err(failure) if failure.is_not_found() => self.done(),
                    Err(failure) => {
                        self.targets.pop();
                        self.failures.push(failure);
                    }
                }
                continue;
            };
            match watch.next(cx)? {
                Event::Seen(kind, _) if kind == "DELETED" => {
                    watch.close(cx);
                    self.done();
                }
                Event::Seen(..) => {}
                Event::End => self.watch = None,
                Event::Pending => {
                    if self.until.is_some_and(|until| cx.system.now() >= until) {
                        watch.close(cx);
                        self.watch = None;
                        self.targets.pop();
                        self.failures.push(Failure::msg(format!(
                            "timed out waiting for the condition on {}/{}",
                            target.resource.plural, target.name
                        )));
                        continue;
                    }
                    return Ok(Progress::Wait(Wait { until: self.until, streams: true, ..Wait::default() }));
                }
            }
        }
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

impl Gone {
    fn done(&mut self) {
        self.watch = None;
        self.targets.pop();
    }
}
