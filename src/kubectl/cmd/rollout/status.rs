//! `kubectl rollout status`: follows a change until it is done.

use std::time::Duration;

use serde_json::Value;

use super::{nothing, objects};
use crate::kubectl::builder::{FILE_FLAGS, Target};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{Flag, duration, int, switch, text};
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::kubectl::program::{Context, DONE, Next, Outcome, Progress, Task, ended};
use crate::kubectl::tree::Command;
use crate::kubectl::watch::{Event, Events};
use crate::shell::program::Wait;
use crate::sim::Time;
use crate::text::go_number::quote;
use crate::text::http::{Method, Request};

const FLAGS: &[Flag] = &[
    int("revision", "0", "Follow this revision; 0 follows the latest."),
    text("selector", "", "Only objects whose labels match.").short('l'),
    duration("timeout", "0s", "How long to follow; 0 has no end."),
    switch("watch", "Follow until it is done.").short('w').on(),
];

/// The command.
pub static COMMAND: Command = Command {
    name: "status",
    short: "Follow a change until it is done",
    long: "Shows how the latest change gets on, until it is done.",
    examples: &[("Follow", "kubectl rollout status deployment/web")],
    usage: "(TYPE NAME | TYPE/NAME) [flags] [options]",
    flags: &[FLAGS, FILE_FLAGS],
    run: Some(run),
    ..Command::EMPTY
};

fn run(cx: &mut Context<'_>) -> Outcome {
    let flags = cx.session.flags.clone();
    if flags.number("revision") < 0 {
        return Err(Failure::msg(format!("revision must be a positive integer: {}", flags.number("revision"))));
    }
    let (mut found, failures) = objects(cx)?;
    if nothing(cx, &found, &failures)? {
        return DONE;
    }
    let nanoseconds = flags.nanoseconds("timeout");
    let until = (nanoseconds > 0).then(|| cx.system.now() + Duration::from_nanos(nanoseconds.unsigned_abs()));
    found.reverse();
    Ok(Next::Task(Box::new(Following {
        targets: found,
        until,
        watch: None,
        watches: flags.on("watch"),
        revision: flags.number("revision"),
        failures,
    })))
}

#[derive(Clone, Debug)]
struct Following {
    targets: Vec<Target>,
    until: Option<Time>,
    watch: Option<Events>,
    /// Whether it is followed until it is done.
    watches: bool,
    /// The revision of a Deployment that is followed; 0 for the latest.
    revision: i64,
    /// What could not be followed.
    failures: Vec<Failure>,
}

impl Task for Following {
    fn step(&mut self, cx: &mut Context<'_>) -> Result<Progress, Failure> {
        while let Some(target) = self.targets.last().cloned() {
            match self.follow(cx, &target) {
                Ok(None) => {}
                Ok(Some(wait)) => return Ok(Progress::Wait(wait)),
                Err(failure) => self.failures.push(failure),
            }
            // The others are followed all the same.
            if let Some(mut watch) = self.watch.take() {
                watch.close(cx);
            }
            self.targets.pop();
        }
        ended(std::mem::take(&mut self.failures)).map(Progress::Next)
    }

    fn clone_task(&self) -> Box<dyn Task> {
        Box::new(self.clone())
    }
}

impl Following {
    /// Follows an object until it is done; gives what has to be waited for before that.
    fn follow(&mut self, cx: &mut Context<'_>, target: &Target) -> Result<Option<Wait>, Failure> {
        loop {
            let Some(watch) = &mut self.watch else {
                let object = cx.get(&target.path())?;
                if self.tell(cx, &object)? || !self.watches {
                    return Ok(None);
                }
                let request = Request::new(Method::Get, target.resource.path(&target.namespace))
                    .with_header("Accept", "application/json")
                    .with_query("fieldSelector", format!("metadata.name={}", target.name))
                    .with_query("resourceVersion", str_at(&object, "/metadata/resourceVersion"))
                    .with_query("watch", "true");
                self.watch = Some(Events::open(cx, request)?);
                continue;
            };
            match watch.next(cx)? {
                Event::Seen(kind, _) if kind == "DELETED" => return Err(Failure::msg("object has been deleted")),
                Event::Seen(_, object) => {
                    if self.tell(cx, &object)? {
                        return Ok(None);
                    }
                }
                Event::End => self.watch = None,
                Event::Pending if self.until.is_some_and(|until| cx.system.now() >= until) => {
                    return Err(Failure::msg("timed out waiting for the condition"));
                }
                Event::Pending => return Ok(Some(Wait { until: self.until, streams: true, ..Wait::default() })),
            }
        }
    }

    fn tell(&self, cx: &mut Context<'_>, object: &Value) -> Result<bool, Failure> {
        let (text, done) = status(object, self.revision)?;
        cx.out.line(&text);
        Ok(done)
    }
}

/// How a change gets on, in a sentence, and whether it is done.
fn status(object: &Value, revision: i64) -> Result<(String, bool), Failure> {
    let number = |path: &str| object.pointer(path).and_then(Value::as_i64).unwrap_or(0);
    let name = quote(str_at(object, "/metadata/name"));
    let kind = str_at(object, "/kind");
    let group = str_at(object, "/apiVersion").split_once('/').map_or("", |(group, _)| group);
    let observed = number("/metadata/generation") <= number("/status/observedGeneration");
    match kind {
        "Deployment" => {
            let present =
                map_at(object, "/metadata/annotations").and_then(|all| all.get("deployment.kubernetes.io/revision"));
            let running: i64 = present.and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or(0);
            if revision > 0 && revision != running {
                return Err(Failure::msg(format!(
                    "desired revision ({revision}) is different from the running revision ({running})"
                )));
            }
            if !observed {
                return Ok(("Waiting for deployment spec update to be observed...".to_owned(), false));
            }
            let progressing =
                list_at(object, "/status/conditions").iter().find(|one| str_at(one, "/type") == "Progressing");
            if progressing.is_some_and(|one| str_at(one, "/reason") == "ProgressDeadlineExceeded") {
                return Err(Failure::msg(format!("deployment {name} exceeded its progress deadline")));
            }
            let wait = format!("Waiting for deployment {name} rollout to finish:");
            let (updated, wanted) = (number("/status/updatedReplicas"), number("/spec/replicas"));
            let (total, available) = (number("/status/replicas"), number("/status/availableReplicas"));
            Ok(if updated < wanted {
                (format!("{wait} {updated} out of {wanted} new replicas have been updated..."), false)
            } else if total > updated {
                (format!("{wait} {} old replicas are pending termination...", total - updated), false)
            } else if available < updated {
                (format!("{wait} {available} of {updated} updated replicas are available..."), false)
            } else {
                (format!("deployment {name} successfully rolled out"), true)
            })
        }
        "DaemonSet" => {
            rolling(object)?;
            if !observed {
                return Ok(("Waiting for daemon set spec update to be observed...".to_owned(), false));
            }
            let wait = format!("Waiting for daemon set {name} rollout to finish:");
            let (updated, wanted) =
                (number("/status/updatedNumberScheduled"), number("/status/desiredNumberScheduled"));
            let available = number("/status/numberAvailable");
            Ok(if updated < wanted {
                (format!("{wait} {updated} out of {wanted} new pods have been updated..."), false)
            } else if available < wanted {
                (format!("{wait} {available} of {wanted} updated pods are available..."), false)
            } else {
                (format!("daemon set {name} successfully rolled out"), true)
            })
        }
        "StatefulSet" => {
            rolling(object)?;
            if !observed || number("/status/observedGeneration") == 0 {
                return Ok(("Waiting for statefulset spec update to be observed...".to_owned(), false));
            }
            let (ready, wanted) = (number("/status/readyReplicas"), number("/spec/replicas"));
            if ready < wanted {
                return Ok((format!("Waiting for {} pods to be ready...", wanted - ready), false));
            }
            let updated = number("/status/updatedReplicas");
            let revision = str_at(object, "/status/updateRevision");
            // The defaults give every one of them a partition, of 0.
            if let Some(rolling) = object.pointer("/spec/updateStrategy/rollingUpdate") {
                let partition = rolling.get("partition").and_then(Value::as_i64);
                if let Some(partition) = partition
                    && updated < wanted - partition
                {
                    let text = format!(
                        "Waiting for partitioned roll out to finish: {updated} out of {} new pods have been updated...",
                        wanted - partition
                    );
                    return Ok((text, false));
                }
                return Ok((format!("partitioned roll out complete: {updated} new pods have been updated..."), true));
            }
            if revision != str_at(object, "/status/currentRevision") {
                let text = format!(
                    "waiting for statefulset rolling update to complete {updated} pods at revision {revision}..."
                );
                return Ok((text, false));
            }
            let current = number("/status/currentReplicas");
            Ok((format!("statefulset rolling update complete {current} pods at revision {revision}..."), true))
        }
        _ => {
            let kind = if group.is_empty() { kind.to_owned() } else { format!("{kind}.{group}") };
            Err(Failure::msg(format!("no status viewer has been implemented for {kind}")))
        }
    }
}

fn rolling(object: &Value) -> Result<(), Failure> {
    match str_at(object, "/spec/updateStrategy/type") {
        "RollingUpdate" | "" => Ok(()),
        _ => Err(Failure::msg("rollout status is only available for RollingUpdate strategy type")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deployment_says_how_far_it_is() {
        let at = |updated: i64, total: i64, available: i64| {
            let object = json!({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 3},
                "status": {"updatedReplicas": updated, "replicas": total, "availableReplicas": available}});
            status(&object, 0).unwrap().0
        };
        let wait = "Waiting for deployment \"web\" rollout to finish:";
        assert_eq!(at(1, 4, 3), format!("{wait} 1 out of 3 new replicas have been updated..."));
        assert_eq!(at(3, 4, 3), format!("{wait} 1 old replicas are pending termination..."));
        assert_eq!(at(3, 3, 2), format!("{wait} 2 of 3 updated replicas are available..."));
        let other = status(&json!({"kind": "Deployment", "metadata": {"name": "web"}}), 7).unwrap_err().text();
        assert_eq!(other, "desired revision (7) is different from the running revision (0)");
        assert_eq!(at(3, 3, 3), "deployment \"web\" successfully rolled out");
    }
}
