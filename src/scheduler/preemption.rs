//! Making room: which less important Pods would have to go from which node so that a Pod fits.
//!
//! Pure; the scheduler carries out what is found.
//! Models Kubernetes 1.36 pkg/scheduler/framework/preemption and plugins/defaultpreemption.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;

use super::filters::Wanted;
use super::nominated::Nominated;
use super::queue::priority;
use super::reasons::{Refusal, fit_error};
use super::snapshot::Snapshot;
use crate::apimachinery::labels::Selector;
use crate::apimachinery::meta;
use crate::client::Caches;

/// What came of the attempt.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// These have to go from this node, the most important first.
    Evict(String, Vec<Arc<Pod>>),
    /// The Pod may not, or not now: why.
    Ineligible(&'static str),
    /// It would not help: why, node by node.
    Hopeless(String),
}

/// Looks for the node on which making room costs least. `refusals` tells why each node was refused.
pub fn find(
    wanted: &Wanted,
    refusals: &BTreeMap<&str, Refusal>,
    snapshot: &Snapshot<'_>,
    nominated: &Nominated,
) -> Outcome {
    if let Some(why) = ineligible(&wanted.pod, refusals, snapshot) {
        return Outcome::Ineligible(why);
    }
    let budgets: Vec<_> = snapshot.caches.list::<PodDisruptionBudget>().collect();
    let (mut candidates, mut reasons, mut total) = (Vec::new(), Vec::new(), 0);
    for (name, _, _) in snapshot.nodes() {
        total += 1;
        if refusals.get(name).is_none_or(|refusal| !refusal.resolvable) {
            continue;
        }
        match victims_on(name, wanted, snapshot, nominated, &budgets) {
            Ok(found) => candidates.push((name, found)),
            Err(why) => reasons.push(why),
        }
    }
    // The same order of questions as upstream's: budgets broken, the highest victim, the sum, the number, the age.
    let cost = |(_, found): &(&str, Victims)| {
        let highest = found.pods.iter().map(|pod| priority(pod)).max().unwrap_or(0);
        let sum: i64 = found.pods.iter().map(|pod| i64::from(priority(pod)) + i64::from(i32::MAX) + 1).sum();
        let top = found.pods.iter().filter(|pod| priority(pod) == highest);
        let earliest = top.filter_map(|pod| started(pod)).min();
        (found.broken, highest, sum, found.pods.len(), Reverse(earliest))
    };
    match candidates.into_iter().min_by_key(cost) {
        Some((name, found)) => Outcome::Evict(name.to_owned(), found.pods),
        None => {
            let others = "Preemption is not helpful for scheduling";
            Outcome::Hopeless(fit_error(total, reasons.iter().map(Vec::as_slice), Some(others), ""))
        }
    }
}

fn ineligible(pod: &Pod, refusals: &BTreeMap<&str, Refusal>, snapshot: &Snapshot<'_>) -> Option<&'static str> {
    if pod.spec.as_ref().and_then(|spec| spec.preemption_policy.as_deref()) == Some("Never") {
        return Some("not eligible due to preemptionPolicy=Never.");
    }
    let node = pod.status.as_ref().and_then(|status| status.nominated_node_name.as_deref()).unwrap_or_default();
    // When the node is out of the question by now, another may be sought.
    if node.is_empty() || refusals.get(node).is_some_and(|refusal| !refusal.resolvable) {
        return None;
    }
    let leaving = |held: &Arc<Pod>| priority(held) < priority(pod) && is_leaving_for_another(held);
    snapshot
        .node(node)
        .is_some_and(|info| info.pods().any(leaving))
        .then_some("not eligible due to a terminating pod on the nominated node.")
}

/// Whether the scheduler has asked the Pod to go.
fn is_leaving_for_another(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    meta::is_deleting(&pod.metadata)
        && conditions
            .filter(|held| held.type_ == "DisruptionTarget")
            .any(|held| held.status == "True" && held.reason.as_deref() == Some("PreemptionByScheduler"))
}

struct Victims {
    pods: Vec<Arc<Pod>>,
    /// How many of them a disruption budget would have kept.
    broken: usize,
}

fn victims_on(
    name: &str,
    wanted: &Wanted,
    snapshot: &Snapshot<'_>,
    nominated: &Nominated,
    budgets: &[Arc<PodDisruptionBudget>],
) -> Result<Victims, Vec<String>> {
    let Some(mut info) = snapshot.node(name).cloned() else { return Err(Vec::new()) };
    let mut potential: Vec<Arc<Pod>> =
        info.pods().filter(|pod| priority(pod) < priority(&wanted.pod)).cloned().collect();
    if potential.is_empty() {
        return Err(vec!["No preemption victims found for incoming pod".to_owned()]);
    }
    potential.iter().for_each(|pod| info.remove_pod(pod));
    if let Some(refusal) = nominated.refusal(name, wanted, &info, &snapshot.suppose(name, &info)) {
        return Err(refusal.reasons);
    }
    potential.sort_by_key(|pod| (Reverse(priority(pod)), started(pod).unwrap_or(Timestamp::MAX)));
    let (kept, free) = split_by_budgets(potential, budgets);
    let (mut pods, mut broken) = (Vec::new(), 0);
    for (pod, guarded) in kept.into_iter().map(|pod| (pod, true)).chain(free.into_iter().map(|pod| (pod, false))) {
        // Whoever can stay stays, those with a budget first.
        info.add_pod(Arc::clone(&pod));
        if nominated.refusal(name, wanted, &info, &snapshot.suppose(name, &info)).is_some() {
            info.remove_pod(&pod);
            broken += usize::from(guarded);
            pods.push(pod);
        }
    }
    pods.sort_by_key(|pod| (Reverse(priority(pod)), started(pod).unwrap_or(Timestamp::MAX)));
    Ok(Victims { pods, broken })
}

/// Those whose end would break a budget, and the others.
fn split_by_budgets(pods: Vec<Arc<Pod>>, budgets: &[Arc<PodDisruptionBudget>]) -> (Vec<Arc<Pod>>, Vec<Arc<Pod>>) {
    let status = |budget: &PodDisruptionBudget| budget.status.clone().unwrap_or_default();
    let mut allowed: Vec<i32> = budgets.iter().map(|budget| status(budget).disruptions_allowed.unwrap_or(0)).collect();
    pods.into_iter().partition(|pod| {
        let mut breaks = false;
        for (budget, allowed) in budgets.iter().zip(&mut allowed) {
            if budget.metadata.namespace != pod.metadata.namespace {
                continue;
            }
            let selector = budget.spec.as_ref().and_then(|spec| spec.selector.as_ref());
            let selects = Selector::from_label_selector(selector).is_some_and(|selector| {
                !selector.requirements.is_empty() && selector.matches(pod.metadata.labels.as_ref())
            });
            let counted =
                status(budget).disrupted_pods.is_some_and(|held| held.contains_key(meta::name(&pod.metadata)));
            if selects && !counted {
                *allowed -= 1;
                breaks |= *allowed < 0;
            }
        }
        breaks
    })
}

fn started(pod: &Pod) -> Option<Timestamp> {
    pod.status.as_ref()?.start_time.as_ref().map(|time| time.0)
}

/// The Pods that were nominated to run on a node and are less important.
pub fn outranked(nominated: &Nominated, node: &str, than: i32, caches: &Caches) -> Vec<Arc<Pod>> {
    let pods = nominated.on(node).filter(|pod| priority(pod) < than);
    pods.filter_map(|pod| caches.get::<Pod>(meta::namespace(&pod.metadata), meta::name(&pod.metadata))).collect()
}
