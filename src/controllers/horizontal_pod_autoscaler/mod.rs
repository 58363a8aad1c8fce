//! The horizontal Pod autoscaler: once in fifteen seconds, as many Pods as what they use asks for.
//!
//! Refuses metrics of objects, custom and external ones: no cluster here has a server for them, and it says so in the
//! words of a cluster that has none.
//! Models Kubernetes 1.36 pkg/controller/podautoscaler/horizontal.go.

mod behavior;
mod replicas;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::{
    HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition, HorizontalPodAutoscalerStatus, MetricSpec, MetricStatus,
};
use serde_json::{Value, json};

use self::behavior::History;
use self::replicas::{Asked, Proposal, Tolerance};
use super::pod_control::ignore_not_found;
use super::{Context, Controller};
use crate::api;
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Kind, Object, ObjectKey, Status, meta};
use crate::client::{Caches, Delta, EventType, WorkQueue};
use crate::sim::{Seed, Time};

/// How often an autoscaler looks.
const PERIOD: Duration = Duration::from_secs(15);

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct HorizontalController {
    histories: BTreeMap<ObjectKey, History>,
}

/// A new autoscaler.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(HorizontalController::default())
}

impl Controller for HorizontalController {
    fn name(&self) -> &'static str {
        "horizontal-pod-autoscaler"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:horizontal-pod-autoscaler"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![HorizontalPodAutoscaler::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        let Some(object) = delta.object() else { return };
        let key = ObjectKey::of(&**object);
        if delta.new.is_none() {
            self.histories.remove(&key);
        } else {
            // An autoscaler is looked at once a period, the first time too: a change does not hurry it.
            queue.add_at(key, now + PERIOD);
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        let Some(scaler) = context.caches.get::<HorizontalPodAutoscaler>(&key.namespace, &key.name) else {
            return Ok(());
        };
        context.queue.add_at(key.clone(), context.now + PERIOD);
        let history = self.histories.entry(key.clone()).or_default();
        let mut look = Look { scaler: HorizontalPodAutoscaler::clone(&scaler), history, now: context.now };
        look.run(context);
        if look.scaler.status == scaler.status {
            return Ok(());
        }
        context.client.update_status(look.scaler).map(|_| ()).or_else(ignore_not_found)
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

/// What is to be scaled, as its scale subresource shows it.
struct Scale {
    object: Box<dyn Object>,
    wanted: i32,
    selector: Option<Selector>,
}

/// One look at one autoscaler.
struct Look<'a> {
    scaler: HorizontalPodAutoscaler,
    history: &'a mut History,
    now: Time,
}

impl Look<'_> {
    fn run(&mut self, context: &mut Context<'_>) {
        let spec = self.scaler.spec.clone();
        let mut scale = match self.find_scale(context) {
            Ok(scale) => scale,
            Err(why) => {
                self.tell(context, EventType::Warning, "FailedGetScale", &why);
                let message = format!("the HPA controller was unable to get the target's current scale: {why}");
                return self.set_condition("AbleToScale", "False", "FailedGetScale", &message);
            }
        };
        let message = "the HPA controller was able to get the target's current scale";
        self.set_condition("AbleToScale", "True", "SucceededGetScale", message);
        let current = scale.wanted;
        self.history.begin(current, self.now);
        let least = spec.min_replicas.unwrap_or(1);
        let (mut wanted, mut reason, mut metrics) = (current, String::new(), Vec::new());
        if current == 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            self.set_condition("ScalingActive", "False", "ScalingDisabled", message);
        } else if current > spec.max_replicas {
            (wanted, reason) = (spec.max_replicas, "Current number of replicas above Spec.MaxReplicas".to_owned());
        } else if current < least {
            (wanted, reason) = (least, "Current number of replicas below Spec.MinReplicas".to_owned());
        } else {
            let (proposed, statuses) = match self.compute(&scale, spec.metrics.as_deref().unwrap_or_default(), context)
            {
                Ok(found) => found,
                Err(why) => {
                    let status = self.scaler.status.get_or_insert_default();
                    status.current_replicas = shown(current);
                    return self.tell(context, EventType::Warning, "FailedComputeMetricsReplicas", &why);
                }
            };
            metrics = statuses;
            if proposed.replicas > current {
                reason = format!("{} above target", proposed.name);
            } else if proposed.replicas < current {
                reason = "All metrics below target".to_owned();
            }
            wanted = self.normalize(current, proposed.replicas, least, spec.max_replicas);
        }
        let rescale = wanted != current && current != 0;
        if rescale && let Err(why) = self.rescale(&mut scale, wanted, context) {
            let message = format!("New size: {wanted}; reason: {reason}; error: {why}");
            self.tell(context, EventType::Warning, "FailedRescale", &message);
            let message = format!("the HPA controller was unable to update the target scale: {why}");
            self.set_condition("AbleToScale", "False", "FailedUpdateScale", &message);
            self.scaler.status.get_or_insert_default().current_replicas = shown(current);
            return;
        }
        if rescale {
            let message = format!("the HPA controller was able to update the target scale to {wanted}");
            self.set_condition("AbleToScale", "True", "SucceededRescale", &message);
            let message = format!("New size: {wanted}; reason: {reason}");
            self.tell(context, EventType::Normal, "SuccessfulRescale", &message);
            self.history.rescaled(current, wanted, self.now);
        }
        let old = self.scaler.status.clone().unwrap_or_default();
        self.scaler.status = Some(HorizontalPodAutoscalerStatus {
            current_replicas: shown(current),
            desired_replicas: if rescale { wanted } else { current },
            last_scale_time: if rescale { Some(meta::time(self.now)) } else { old.last_scale_time },
            current_metrics: Some(metrics).filter(|metrics| !metrics.is_empty()),
            conditions: old.conditions,
            observed_generation: old.observed_generation,
        });
    }

    fn tell(&self, context: &mut Context<'_>, kind: EventType, reason: &str, message: &str) {
        context.events.event(&mut context.client, &self.scaler, kind, reason, message);
    }

    fn set_condition(&mut self, kind: &str, to: &str, reason: &str, message: &str) {
        let conditions = self.scaler.status.get_or_insert_default().conditions.get_or_insert_default();
        let since = Some(meta::time(self.now));
        let made = HorizontalPodAutoscalerCondition {
            type_: kind.to_owned(),
            status: to.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message.to_owned()),
            last_transition_time: since,
        };
        match conditions.iter_mut().find(|held| held.type_ == kind) {
            Some(held) => {
                let since = held.last_transition_time.clone().filter(|_| held.status == to);
                *held = HorizontalPodAutoscalerCondition {
                    last_transition_time: since.or_else(|| made.last_transition_time.clone()),
                    ..made
                };
            }
            None => conditions.push(made),
        }
    }

    fn find_scale(&self, context: &mut Context<'_>) -> Result<Scale, String> {
        let target = self.scaler.spec.scale_target_ref.clone();
        let version = target.api_version.clone().unwrap_or_default();
        let group = version.split_once('/').map_or("", |(group, _)| group);
        let unknown = || match group {
            "" => format!("no matches for kind \"{}\" in group \"\"", target.kind),
            group => format!("no matches for kind \"{}\" in group \"{group}\"", target.kind),
        };
        let ops = api::KINDS.iter().find(|ops| ops.info().kind == target.kind && ops.info().group == group);
        let info = ops.ok_or_else(unknown)?.info();
        let namespace = meta::namespace(&self.scaler.metadata);
        let held = context.client.server().store().get(info.resource, namespace, &target.name).cloned();
        let held = held.ok_or_else(|| Status::not_found(info.resource, &target.name).message)?;
        if !info.has_scale {
            return Err("the server could not find the requested resource".to_owned());
        }
        let value = held.to_json();
        let number = |path: &str| value.pointer(path).and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok());
        let selector = value.pointer("/spec/selector").cloned().unwrap_or_default();
        let labels = if info.kind == "ReplicationController" { json!({"matchLabels": selector}) } else { selector };
        let labels = crate::apimachinery::decode(labels).ok();
        Ok(Scale {
            wanted: number("/spec/replicas").unwrap_or(1),
            selector: Selector::from_label_selector(labels.as_ref()).filter(|held| !held.requirements.is_empty()),
            object: held.clone_object(),
        })
    }

    fn rescale(&self, scale: &mut Scale, wanted: i32, context: &mut Context<'_>) -> Result<(), String> {
        let mut value = scale.object.to_json();
        if let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) {
            spec.insert("replicas".to_owned(), json!(wanted));
        }
        let ops = api::by_resource(scale.object.resource()).ok_or("the target is of no known kind")?;
        let changed = ops.decode(value)?;
        context.client.update_any(changed).map(|_| ()).map_err(|error| error.message)
    }

    /// The highest proposal of all metrics, with what each of them shows.
    fn compute(
        &mut self,
        scale: &Scale,
        metrics: &[MetricSpec],
        context: &mut Context<'_>,
    ) -> Result<(Proposal, Vec<MetricStatus>), String> {
        let Some(selector) = &scale.selector else {
            self.tell(context, EventType::Warning, "SelectorRequired", "selector is required");
            let message = "the HPA target's scale is missing a selector";
            self.set_condition("ScalingActive", "False", "InvalidSelector", message);
            return Err("selector is required".to_owned());
        };
        let asked = Asked {
            namespace: meta::namespace(&self.scaler.metadata),
            selector,
            current: scale.wanted,
            tolerance: Tolerance::of(self.scaler.spec.behavior.as_ref()),
            now: self.now,
            caches: context.caches,
        };
        let (mut best, mut first, mut invalid, mut statuses) = (None::<Proposal>, None, 0, Vec::new());
        for metric in metrics {
            match replicas::propose(metric, &asked, context.client.server()) {
                Ok((proposal, status)) => {
                    statuses.push(status);
                    if best.as_ref().is_none_or(|best| proposal.replicas > best.replicas) {
                        best = Some(proposal);
                    }
                }
                Err(failure) => {
                    context.events.event(
                        &mut context.client,
                        &self.scaler,
                        EventType::Warning,
                        failure.reason,
                        &failure.inner,
                    );
                    invalid += 1;
                    first = first.or(Some(failure));
                }
            }
        }
        let shrinks = best.as_ref().is_none_or(|best| best.replicas < scale.wanted);
        match (best, first) {
            (Some(best), failure) if failure.is_none() || !shrinks => {
                let message = format!("the HPA was able to successfully calculate a replica count from {}", best.name);
                self.set_condition("ScalingActive", "True", "ValidMetricFound", &message);
                Ok((best, statuses))
            }
            (_, failure) => {
                let total = metrics.len();
                let Some(failure) = failure else { return Err("no metrics".to_owned()) };
                let message = format!("the HPA was unable to compute the replica count: {}", failure.inner);
                self.set_condition("ScalingActive", "False", failure.reason, &message);
                Err(format!("invalid metrics ({invalid} invalid out of {total}), first error is: {}", failure.outer))
            }
        }
    }

    /// What the proposal becomes after recent ones and the limits were heard.
    fn normalize(&mut self, current: i32, proposed: i32, least: i32, most: i32) -> i32 {
        let rules = self.scaler.spec.behavior.clone();
        let stable = self.history.stabilize(rules.as_ref(), current, proposed, self.now);
        if stable == proposed {
            let message = "recommended size matches current size";
            self.set_condition("AbleToScale", "True", "ReadyForNewScale", message);
        } else {
            let (reason, message) = behavior::why_stabilized(rules.is_some() && proposed >= current);
            self.set_condition("AbleToScale", "True", reason, message);
        }
        let (wanted, reason, message) = self.history.limit(rules.as_ref(), current, stable, (least, most), self.now);
        let limited = if wanted == stable { "False" } else { "True" };
        self.set_condition("ScalingLimited", limited, reason, message);
        wanted
    }
}

/// How a status tells a number: not at all when it is zero.
fn shown(count: i32) -> Option<i32> {
    Some(count).filter(|count| *count != 0)
}
