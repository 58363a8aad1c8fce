//! How many Pods a metric asks for.
//!
//! Models Kubernetes 1.36 pkg/controller/podautoscaler/{replica_calculator.go,metrics/utilization.go}.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::autoscaling::v2::{
    ContainerResourceMetricStatus, HPAScalingRules, HorizontalPodAutoscalerBehavior, MetricSpec, MetricStatus,
    MetricTarget, MetricValueStatus, ResourceMetricStatus,
};
use k8s_openapi::api::core::v1::{Container, Pod};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;

use crate::api::pod_resources::amounts;
use crate::apimachinery::labels::Selector;
use crate::apimachinery::meta;
use crate::apimachinery::quantity::{Format, Quantity};
use crate::apiserver::{ApiServer, USAGE_WINDOW};
use crate::client::Caches;
use crate::controllers::pod_control::{condition, phase};
use crate::sim::Time;

/// Usage so near the target changes nothing, unless the autoscaler says otherwise.
const TOLERANCE: f64 = 0.1;
/// How long a Pod's start may disturb its processor time.
const CPU_INITIALIZATION: Duration = Duration::from_secs(5 * 60);
/// A Pod that was not ready by then was never ready.
const INITIAL_READINESS_DELAY: Duration = Duration::from_secs(30);

/// Whose number is to be found.
pub struct Asked<'a> {
    /// Where the Pods are.
    pub namespace: &'a str,
    /// Which Pods.
    pub selector: &'a Selector,
    /// How many there are to be now.
    pub current: i32,
    /// How far usage may be from the target.
    pub tolerance: Tolerance,
    /// The present instant.
    pub now: Time,
    /// For the Pods.
    pub caches: &'a Caches,
}

/// How far usage may be from the target without a change, as parts of it.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// Below.
    pub down: f64,
    /// Above.
    pub up: f64,
}

impl Tolerance {
    /// What an autoscaler's behaviour says.
    pub fn of(behavior: Option<&HorizontalPodAutoscalerBehavior>) -> Self {
        let given = |rules: Option<&HPAScalingRules>| {
            let text = rules.and_then(|rules| rules.tolerance.as_ref());
            text.and_then(|text| Quantity::parse(&text.0).ok()).map_or(TOLERANCE, |quantity| quantity.as_f64())
        };
        let (down, up) = behavior.map_or((None, None), |held| (held.scale_down.as_ref(), held.scale_up.as_ref()));
        Self { down: given(down), up: given(up) }
    }

    fn holds(self, ratio: f64) -> bool {
        (1.0 - self.down..=1.0 + self.up).contains(&ratio)
    }
}

/// What a metric proposes.
pub struct Proposal {
    /// How many Pods.
    pub replicas: i32,
    /// The metric's name in sentences.
    pub name: String,
}

/// Why a metric proposes nothing.
pub struct Failure {
    /// The reason of the event and the condition.
    pub reason: &'static str,
    /// Their message.
    pub inner: String,
    /// The same as the whole computation tells it.
    pub outer: String,
}

/// What the API server says of a group that it does not serve.
const NO_SERVER: &str = "the server could not find the requested resource";

/// Works out what one metric proposes.
pub fn propose(
    metric: &MetricSpec,
    asked: &Asked<'_>,
    server: &ApiServer,
) -> Result<(Proposal, MetricStatus), Failure> {
    let (name, container, target) = match (&metric.resource, &metric.container_resource) {
        (Some(source), _) => (&source.name, "", &source.target),
        (None, Some(source)) => (&source.name, source.container.as_str(), &source.target),
        _ => return Err(unserved(metric)),
    };
    let found = resource(name, container, target, asked, server);
    let (replicas, current) = found.map_err(|inner| {
        let whole = if container.is_empty() { format!("{name} resource") } else { format!("{container} container") };
        Failure {
            reason: if container.is_empty() { "FailedGetResourceMetric" } else { "FailedGetContainerResourceMetric" },
            outer: format!("failed to get {whole} metric value: {inner}"),
            inner,
        }
    })?;
    let kind = if container.is_empty() { "resource" } else { "container resource" };
    let text = match target.average_value {
        Some(_) => format!("{name} resource"),
        None => format!("{name} {kind} utilization (percentage of request)"),
    };
    let mut status = MetricStatus { type_: metric.type_.clone(), ..MetricStatus::default() };
    if container.is_empty() {
        status.resource = Some(ResourceMetricStatus { name: name.clone(), current });
    } else {
        let container = container.to_owned();
        status.container_resource = Some(ContainerResourceMetricStatus { name: name.clone(), container, current });
    }
    Ok((Proposal { replicas, name: text }, status))
}

/// Metrics for which there is no server.
fn unserved(metric: &MetricSpec) -> Failure {
    let (reason, what, outer) = match (&metric.pods, &metric.object, &metric.external) {
        (Some(source), ..) => {
            let text =
                format!("unable to get metric {}: unable to fetch metrics from custom metrics API", source.metric.name);
            ("FailedGetPodsMetric", text, "failed to get pods metric value".to_owned())
        }
        (_, Some(source), _) => {
            let of = &source.described_object;
            let text = format!(
                "unable to get metric {}: {} on {}/unable to fetch metrics from custom metrics API",
                source.metric.name, of.kind, of.name
            );
            ("FailedGetObjectMetric", text, "failed to get object metric value".to_owned())
        }
        (.., Some(source)) => {
            let text = format!(
                "unable to get external metric {}: unable to fetch metrics from external metrics API",
                source.metric.name
            );
            ("FailedGetExternalMetric", text, format!("failed to get {} external metric value", source.metric.name))
        }
        _ => (
            "InvalidMetricSourceType",
            format!("unknown metric source type \"{}\"", metric.type_),
            "invalid".to_owned(),
        ),
    };
    let inner = format!("{what}: {NO_SERVER}");
    Failure { reason, outer: format!("{outer}: {inner}"), inner }
}

fn resource(
    name: &str,
    container: &str,
    target: &MetricTarget,
    asked: &Asked<'_>,
    server: &ApiServer,
) -> Result<(i32, MetricValueStatus), String> {
    let utilization = target.average_utilization.filter(|_| target.average_value.is_none());
    let context = if target.average_value.is_some() { "usage" } else { "utilization" };
    let fail = |why: String| format!("failed to get {name} {context}: {why}");
    if utilization.is_none() && target.average_value.is_none() {
        let why = "invalid resource metric source: neither an average utilization target nor an average value (usage) \
                   target was set";
        return Err(why.to_owned());
    }
    let measured = measure(name, container, asked, server).map_err(fail)?;
    let pods: Vec<Arc<Pod>> = asked
        .caches
        .in_namespace::<Pod>(asked.namespace)
        .filter(|pod| asked.selector.matches(pod.metadata.labels.as_ref()))
        .collect();
    let goal = match (utilization, &target.average_value) {
        (Some(percent), _) => Goal::Percent(percent),
        (None, value) => Goal::Value(value.as_ref().map_or(0, |value| milli(&value.0))),
    };
    let (replicas, ratio) = evaluate((name, container), &goal, asked, &pods, measured).map_err(fail)?;
    let average = if name == "memory" {
        Quantity::new(ratio.average / 1000, Format::BinarySi)
    } else {
        Quantity::from_milli(ratio.average, Format::DecimalSi)
    };
    let current = MetricValueStatus {
        average_utilization: utilization.map(|_| ratio.percent),
        average_value: Some(Text(average.to_string())),
        value: None,
    };
    Ok((replicas, current))
}

/// How many Pods are wanted where these are, of which so much was measured.
fn evaluate(
    (name, container): (&str, &str),
    goal: &Goal,
    asked: &Asked<'_>,
    pods: &[Arc<Pod>],
    mut measured: Measured,
) -> Result<(i32, Ratio), String> {
    if pods.is_empty() {
        return Err("no pods returned by selector while calculating replica count".to_owned());
    }
    let groups = group(pods, &measured, name, asked.now);
    measured.retain(|pod, _| !groups.ignored.contains(pod) && !groups.unready.contains(pod));
    if measured.is_empty() {
        return Err("did not receive metrics for targeted pods (pods might be unready)".to_owned());
    }
    let requests = match goal {
        Goal::Percent(_) => requests(pods, container, name)?,
        Goal::Value(_) => BTreeMap::new(),
    };
    let used: BTreeMap<String, i64> = measured.into_iter().map(|(pod, (value, _))| (pod, value)).collect();
    let ratio = goal.ratio(&used, &requests)?;
    let replicas = count(asked, &used, &requests, &groups, goal, &ratio)?;
    Ok((replicas, ratio))
}

/// What is to be reached.
enum Goal {
    /// A percentage of what is requested.
    Percent(i32),
    /// A value for each Pod, in thousandths.
    Value(i64),
}

/// How usage and goal compare.
struct Ratio {
    of_goal: f64,
    /// Percentage of what is requested.
    percent: i32,
    /// Usage of one Pod, in thousandths.
    average: i64,
}

impl Goal {
    fn ratio(&self, used: &BTreeMap<String, i64>, requests: &BTreeMap<String, i64>) -> Result<Ratio, String> {
        match self {
            Goal::Value(goal) => {
                let average = used.values().sum::<i64>() / i64::try_from(used.len()).unwrap_or(1).max(1);
                Ok(Ratio { of_goal: average as f64 / (*goal).max(1) as f64, percent: 0, average })
            }
            Goal::Percent(goal) => {
                let known = used.iter().filter_map(|(pod, value)| Some((value, requests.get(pod)?)));
                let (mut total, mut requested, mut count) = (0, 0, 0);
                for (value, request) in known {
                    total += value;
                    requested += request;
                    count += 1;
                }
                if requested == 0 {
                    return Err("no metrics returned matched known pods".to_owned());
                }
                let percent = i32::try_from(total * 100 / requested).unwrap_or(i32::MAX);
                Ok(Ratio { of_goal: f64::from(percent) / f64::from((*goal).max(1)), percent, average: total / count })
            }
        }
    }
}

/// The Pods by what is known of them.
struct Groups {
    ready: usize,
    unready: BTreeSet<String>,
    missing: BTreeSet<String>,
    ignored: BTreeSet<String>,
}

fn count(
    asked: &Asked<'_>,
    used: &BTreeMap<String, i64>,
    requests: &BTreeMap<String, i64>,
    groups: &Groups,
    goal: &Goal,
    ratio: &Ratio,
) -> Result<i32, String> {
    let ceil = |number: f64| number.ceil() as i32;
    let (current, tolerance) = (asked.current, asked.tolerance);
    let grows_unready = !groups.unready.is_empty() && ratio.of_goal > 1.0;
    if !grows_unready && groups.missing.is_empty() {
        return Ok(if tolerance.holds(ratio.of_goal) { current } else { ceil(ratio.of_goal * groups.ready as f64) });
    }
    // Of whom nothing is known the careful is believed: much use before shrinking, none before growing.
    let mut used = used.clone();
    for pod in &groups.missing {
        if ratio.of_goal < 1.0 {
            let value = match goal {
                Goal::Percent(goal) => requests.get(pod).copied().unwrap_or(0) * i64::from((*goal).max(100)) / 100,
                Goal::Value(goal) => *goal,
            };
            used.insert(pod.clone(), value);
        } else if ratio.of_goal > 1.0 {
            used.insert(pod.clone(), 0);
        }
    }
    if grows_unready {
        used.extend(groups.unready.iter().map(|pod| (pod.clone(), 0)));
    }
    let new = goal.ratio(&used, requests)?.of_goal;
    let turned = |one: f64, two: f64| (one < 1.0 && two > 1.0) || (one > 1.0 && two < 1.0);
    if tolerance.holds(new) || turned(ratio.of_goal, new) {
        return Ok(current);
    }
    let wanted = ceil(new * used.len() as f64);
    let against = (new < 1.0 && wanted > current) || (new > 1.0 && wanted < current);
    Ok(if against { current } else { wanted })
}

/// The usage of each Pod in thousandths, and when it was measured.
type Measured = BTreeMap<String, (i64, Time)>;

fn measure(name: &str, container: &str, asked: &Asked<'_>, server: &ApiServer) -> Result<Measured, String> {
    let fail = |why: &str| format!("unable to get metrics for resource {name}: {why}");
    let Some(metrics) = server.pod_metrics(asked.namespace, asked.selector) else {
        let api = "unable to fetch metrics from resource metrics API";
        return Err(fail(&format!("{api}: {NO_SERVER} (get pods.metrics.k8s.io)")));
    };
    if metrics.is_empty() {
        return Err(fail("no metrics returned from resource metrics API"));
    }
    let mut measured = Measured::new();
    for pod in metrics {
        if !container.is_empty() && !pod.containers.contains_key(container) {
            continue;
        }
        let meant = pod.containers.iter().filter(|(held, _)| container.is_empty() || *held == container);
        let value = meant.map(|(_, (cpu, memory))| if name == "memory" { memory.saturating_mul(1000) } else { *cpu });
        measured.insert(pod.name, (value.sum(), pod.at));
    }
    Ok(measured)
}

fn group(pods: &[Arc<Pod>], measured: &Measured, name: &str, now: Time) -> Groups {
    let (mut ready, mut unready) = (0, BTreeSet::new());
    let (mut missing, mut ignored) = (BTreeSet::new(), BTreeSet::new());
    for pod in pods {
        let own = meta::name(&pod.metadata).to_owned();
        if meta::is_deleting(&pod.metadata) || phase(pod) == "Failed" {
            ignored.insert(own);
        } else if phase(pod) == "Pending" {
            unready.insert(own);
        } else {
            match measured.get(&own) {
                None => drop(missing.insert(own)),
                Some((_, at)) if name == "cpu" && !is_settled(pod, *at, now) => drop(unready.insert(own)),
                Some(_) => ready += 1,
            }
        }
    }
    Groups { ready, unready, missing, ignored }
}

/// Whether a Pod's processor time may be believed: not while it starts.
fn is_settled(pod: &Pod, measured_at: Time, now: Time) -> bool {
    let started = pod.status.as_ref().and_then(|status| status.start_time.as_ref()).map(|time| Time::from(time.0));
    let (Some(ready), Some(started)) = (condition(pod, "Ready"), started) else { return false };
    let since = ready.last_transition_time.as_ref().map_or(started, |time| Time::from(time.0));
    let is_unready = ready.status == "False";
    if started + CPU_INITIALIZATION > now {
        return !is_unready && measured_at >= since + USAGE_WINDOW;
    }
    !(is_unready && started + INITIAL_READINESS_DELAY > since)
}

/// What each Pod requests, in thousandths.
fn requests(pods: &[Arc<Pod>], container: &str, name: &str) -> Result<BTreeMap<String, i64>, String> {
    let mut all = BTreeMap::new();
    for pod in pods {
        let own = meta::name(&pod.metadata);
        let spec = pod.spec.clone().unwrap_or_default();
        let of_pod = amounts(spec.resources.as_ref().and_then(|resources| resources.requests.as_ref()));
        if let Some(whole) = of_pod.get(name).filter(|_| container.is_empty()) {
            all.insert(own.to_owned(), whole.milli_value());
            continue;
        }
        let sidecar = |one: &&Container| one.restart_policy.as_deref() == Some("Always");
        let running = spec.containers.iter().chain(spec.init_containers.iter().flatten().filter(sidecar));
        let (mut sum, mut found) = (0, container.is_empty());
        for one in running.filter(|one| container.is_empty() || one.name == container) {
            let list = amounts(one.resources.as_ref().and_then(|resources| resources.requests.as_ref()));
            let Some(request) = list.get(name) else {
                return Err(format!("missing request for {name} in container {} of Pod {own}", one.name));
            };
            sum += request.milli_value();
            found = true;
        }
        if !found {
            return Err(format!("container {container} not found in Pod {own}"));
        }
        all.insert(own.to_owned(), sum);
    }
    Ok(all)
}

fn milli(text: &str) -> i64 {
    Quantity::parse(text).map_or(0, |quantity| quantity.milli_value())
}
