//! The DaemonSet controller: one Pod on every node that fits, replaced node by node when the template changes.
//!
//! Models Kubernetes 1.36 pkg/controller/daemon/{daemon_controller,update}.go and util/daemonset_util.go.

mod node_fit;
mod revision;
mod rolling;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::{ControllerRevision, DaemonSet, DaemonSetSpec, DaemonSetStatus};
use k8s_openapi::api::core::v1::{
    Affinity, Node, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec,
    PodTemplateSpec, Toleration,
};

use super::consistency::Consistency;
use super::pod_control::{self, ignore_not_found, is_pod_available, is_pod_ready, phase};
use super::{Context, Controller};
use crate::apimachinery::labels::Selector;
use crate::apimachinery::{Kind, ObjectKey, Status, downcast, meta};
use crate::client::{Caches, Delta, EventType, WorkQueue, node_of};
use crate::sim::{Seed, Time};

/// The label that tells the Pods of two revisions apart.
const REVISION_HASH: &str = "controller-revision-hash";
/// How many Pods one sync creates or deletes at most.
const BURST_REPLICAS: usize = 250;
/// How long a failed Pod is kept before it is replaced: at first and at most.
const FAILED_BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15 * 60));

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct DaemonSetController {
    consistency: Consistency,
    /// By DaemonSet and node: how often in a row its Pod has failed, and when last.
    failures: BTreeMap<(ObjectKey, String), (u32, Time)>,
}

/// A new DaemonSet controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(DaemonSetController::default())
}

impl Controller for DaemonSetController {
    fn name(&self) -> &'static str {
        "daemonset-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:daemon-set-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![DaemonSet::RESOURCE, ControllerRevision::RESOURCE, Pod::RESOURCE, Node::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, caches: &Caches, queue: &mut WorkQueue, now: Time) {
        match &*delta.resource {
            DaemonSet::RESOURCE => {
                if let Some(object) = delta.object() {
                    queue.add_at(ObjectKey::of(&**object), now);
                }
            }
            Node::RESOURCE => {
                if node_matters(delta) {
                    for set in caches.list::<DaemonSet>() {
                        queue.add_at(ObjectKey::of(&*set), now);
                    }
                }
            }
            _ => pod_control::queue_owners::<DaemonSet>(delta, caches, queue, now, selector_of),
        }
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        self.consistency.ensure_ready(key, context)?;
        let Some(set) = context.caches.get::<DaemonSet>(&key.namespace, &key.name) else {
            self.failures.retain(|(held, _), _| held != key);
            return Ok(());
        };
        if meta::is_deleting(&set.metadata) {
            return Ok(());
        }
        let result = self.sync(key, &set, context);
        self.consistency.wrote(key, context);
        result
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

/// Whether a change of a node can change where daemons run: heartbeats cannot.
fn node_matters(delta: &Delta) -> bool {
    let typed = |object: &Option<_>| object.as_ref().and_then(downcast::<Node>);
    match (typed(&delta.old), typed(&delta.new)) {
        (Some(old), Some(new)) => {
            let taints = |node: &Node| node.spec.as_ref().and_then(|spec| spec.taints.clone());
            old.metadata.labels != new.metadata.labels || taints(&old) != taints(&new)
        }
        _ => true,
    }
}

fn selector_of(set: &DaemonSet) -> Option<Selector> {
    Selector::from_label_selector(set.spec.as_ref().map(|spec| &spec.selector))
}

fn spec_of(set: &DaemonSet) -> &DaemonSetSpec {
    static NONE: std::sync::LazyLock<DaemonSetSpec> = std::sync::LazyLock::new(DaemonSetSpec::default);
    set.spec.as_ref().unwrap_or(&NONE)
}

fn min_ready(set: &DaemonSet) -> i32 {
    spec_of(set).min_ready_seconds.unwrap_or(0)
}

/// The node that a Pod is on, or is meant for before it is bound.
fn target_node(pod: &Pod) -> String {
    let bound = node_of(pod);
    if !bound.is_empty() {
        return bound.to_owned();
    }
    let affinity = pod.spec.as_ref().and_then(|spec| spec.affinity.as_ref()?.node_affinity.as_ref());
    let terms = affinity
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_ref())
        .map(|selector| selector.node_selector_terms.as_slice())
        .unwrap_or_default();
    let fields = terms.iter().flat_map(|term| term.match_fields.iter().flatten());
    let mut names = fields.filter(|field| field.key == "metadata.name").flat_map(|field| field.values.iter().flatten());
    names.next().cloned().unwrap_or_default()
}

/// The Pods of a DaemonSet by node, each node's oldest first.
type OnNodes = BTreeMap<String, Vec<Arc<Pod>>>;

fn by_node(pods: Vec<Arc<Pod>>) -> OnNodes {
    let mut on_nodes = OnNodes::new();
    for pod in pods {
        on_nodes.entry(target_node(&pod)).or_default().push(pod);
    }
    for pods in on_nodes.values_mut() {
        // Bound before unbound, then by age.
        pods.sort_by_key(|pod| {
            let created = pod.metadata.creation_timestamp.as_ref().map(|time| time.0);
            (node_of(pod).is_empty(), created, pod.metadata.name.clone())
        });
    }
    on_nodes
}

/// The Pods to make and to remove.
#[derive(Debug, Default)]
struct Changes {
    create_on: Vec<String>,
    delete: Vec<Arc<Pod>>,
}

/// What one sync has found.
#[derive(Clone, Copy)]
struct Seen<'a> {
    spec: &'a PodSpec,
    nodes: &'a [Arc<Node>],
    on_nodes: &'a OnNodes,
    /// The hash of the present template.
    hash: &'a str,
}

impl DaemonSetController {
    fn sync(&mut self, key: &ObjectKey, set: &Arc<DaemonSet>, context: &mut Context<'_>) -> Result<(), Status> {
        let selector = selector_of(set);
        if selector.as_ref().is_some_and(|selector| selector.requirements.is_empty()) {
            let message = "This daemon set is selecting all pods. A non-empty selector is required.";
            context.events.event(&mut context.client, &**set, EventType::Warning, "SelectingAll", message);
            return Ok(());
        }
        let hash = revision::sync_history(set, selector.as_ref(), context)?;
        let nodes: Vec<Arc<Node>> = context.caches.list::<Node>().collect();
        let pods = pod_control::claim::<DaemonSet, Pod>(context, &**set, selector.as_ref(), "")?;
        let on_nodes = by_node(pods);
        let template = daemon_template(set, &hash);
        let spec = template.spec.clone().unwrap_or_default();
        let changes =
            self.changes(key, set, &Seen { spec: &spec, nodes: &nodes, on_nodes: &on_nodes, hash: &hash }, context);
        let mut failure = apply(set, &template, &changes, context);
        if changes.create_on.is_empty() && changes.delete.is_empty() && is_rolling(set) {
            let changes = rolling::changes(set, &spec, &nodes, &on_nodes, &hash, context.now);
            failure = failure.or(apply(set, &template, &changes, context));
        }
        write_status(set, &spec, &nodes, &on_nodes, &hash, context)?;
        failure.map_or(Ok(()), Err)
    }

    fn changes(
        &mut self,
        key: &ObjectKey,
        set: &Arc<DaemonSet>,
        seen: &Seen<'_>,
        context: &mut Context<'_>,
    ) -> Changes {
        let Seen { spec, nodes, on_nodes, hash } = *seen;
        let mut changes = Changes::default();
        for node in nodes {
            let name = meta::name(&node.metadata);
            let (run, stay) = node_fit::should_run(spec, node);
            let held = on_nodes.get(name).map(Vec::as_slice).unwrap_or_default();
            if run && held.is_empty() {
                changes.create_on.push(name.to_owned());
                continue;
            }
            let live = held.iter().filter(|pod| !meta::is_deleting(&pod.metadata));
            if !stay {
                changes.delete.extend(live.cloned());
                continue;
            }
            let mut running = Vec::new();
            for pod in live {
                if !matches!(phase(pod), "Failed" | "Succeeded") {
                    running.push(Arc::clone(pod));
                } else if self.may_replace(key, name, set, pod, context) {
                    changes.delete.push(Arc::clone(pod));
                }
            }
            changes.delete.extend(rolling::superfluous(set, &running, hash, context.now));
        }
        // Pods meant for nodes that are gone.
        for (name, pods) in on_nodes {
            if !nodes.iter().any(|node| meta::name(&node.metadata) == name) {
                changes.delete.extend(pods.iter().filter(|pod| node_of(pod).is_empty()).cloned());
            }
        }
        changes
    }

    /// Whether an ended Pod goes now. A failed one waits longer each time.
    fn may_replace(
        &mut self,
        key: &ObjectKey,
        node: &str,
        set: &Arc<DaemonSet>,
        pod: &Pod,
        context: &mut Context<'_>,
    ) -> bool {
        let place = format!("{}/{} on node {node}", meta::namespace(&pod.metadata), meta::name(&pod.metadata));
        if phase(pod) == "Succeeded" {
            let message = format!("Found succeeded daemon pod {place}, will try to delete it");
            context.events.event(&mut context.client, &**set, EventType::Normal, "SucceededDaemonPod", &message);
            return true;
        }
        let now = context.now;
        let (count, last) = self.failures.get(&(key.clone(), node.to_owned())).copied().unwrap_or((0, now));
        let wait =
            |count: u32| FAILED_BACKOFF.0.saturating_mul(1 << count.saturating_sub(1).min(20)).min(FAILED_BACKOFF.1);
        if count > 0 && now < last + wait(count) {
            context.queue.add_at(key.clone(), last + wait(count));
            return false;
        }
        // A long time without failure is forgiven.
        let forgiven = count > 0 && now.since(last) > FAILED_BACKOFF.1 * 2;
        self.failures.insert((key.clone(), node.to_owned()), (if forgiven { 1 } else { count + 1 }, now));
        let message = format!("Found failed daemon pod {place}, will try to kill it");
        context.events.event(&mut context.client, &**set, EventType::Warning, "FailedDaemonPod", &message);
        true
    }
}

fn is_rolling(set: &DaemonSet) -> bool {
    let strategy = spec_of(set).update_strategy.as_ref();
    strategy.and_then(|strategy| strategy.type_.as_deref()).unwrap_or("RollingUpdate") == "RollingUpdate"
}

/// The template with the tolerations that every daemon has and the revision's label.
fn daemon_template(set: &DaemonSet, hash: &str) -> PodTemplateSpec {
    let mut template = spec_of(set).template.clone();
    let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
    labels.insert(REVISION_HASH.to_owned(), hash.to_owned());
    let generation = set.metadata.annotations.as_ref();
    if let Some(generation) = generation.and_then(|held| held.get("deprecated.daemonset.template.generation")) {
        labels.insert("pod-template-generation".to_owned(), generation.clone());
    }
    let spec = template.spec.get_or_insert_default();
    let mut wanted = vec![
        ("node.kubernetes.io/not-ready", "NoExecute"),
        ("node.kubernetes.io/unreachable", "NoExecute"),
        ("node.kubernetes.io/disk-pressure", "NoSchedule"),
        ("node.kubernetes.io/memory-pressure", "NoSchedule"),
        ("node.kubernetes.io/pid-pressure", "NoSchedule"),
        ("node.kubernetes.io/unschedulable", "NoSchedule"),
    ];
    if spec.host_network == Some(true) {
        wanted.push(("node.kubernetes.io/network-unavailable", "NoSchedule"));
    }
    let held = spec.tolerations.get_or_insert_default();
    for (key, effect) in wanted {
        let toleration = Toleration {
            key: Some(key.to_owned()),
            operator: Some("Exists".to_owned()),
            effect: Some(effect.to_owned()),
            ..Toleration::default()
        };
        let same = |one: &&mut Toleration| {
            one.key == toleration.key && one.effect == toleration.effect && one.operator == toleration.operator
        };
        match held.iter_mut().find(same) {
            Some(one) => *one = toleration,
            None => held.push(toleration),
        }
    }
    template
}

/// Binds a template to a node by the node's name, as the scheduler understands it.
fn pin_to_node(template: &mut PodTemplateSpec, node: &str) {
    let term = NodeSelectorTerm {
        match_fields: Some(vec![NodeSelectorRequirement {
            key: "metadata.name".to_owned(),
            operator: "In".to_owned(),
            values: Some(vec![node.to_owned()]),
        }]),
        ..NodeSelectorTerm::default()
    };
    let affinity: &mut Affinity = template.spec.get_or_insert_default().affinity.get_or_insert_default();
    let affinity: &mut NodeAffinity = affinity.node_affinity.get_or_insert_default();
    affinity.required_during_scheduling_ignored_during_execution =
        Some(NodeSelector { node_selector_terms: vec![term] });
}

fn apply(
    set: &Arc<DaemonSet>,
    template: &PodTemplateSpec,
    changes: &Changes,
    context: &mut Context<'_>,
) -> Option<Status> {
    let count = changes.create_on.len().min(BURST_REPLICAS);
    let (_, mut failure) = pod_control::create_pods(context, &**set, count, |position| {
        let mut template = template.clone();
        if let Some(node) = changes.create_on.get(position) {
            pin_to_node(&mut template, node);
        }
        pod_control::pod_from_template(&**set, &template, "")
    });
    for pod in changes.delete.iter().take(BURST_REPLICAS) {
        failure = failure.or(pod_control::delete_pod(context, &**set, pod).or_else(ignore_not_found).err());
    }
    failure
}

fn is_updated(pod: &Pod, hash: &str) -> bool {
    pod.metadata.labels.as_ref().and_then(|labels| labels.get(REVISION_HASH)).is_some_and(|held| held == hash)
}

fn write_status(
    set: &Arc<DaemonSet>,
    spec: &PodSpec,
    nodes: &[Arc<Node>],
    on_nodes: &OnNodes,
    hash: &str,
    context: &mut Context<'_>,
) -> Result<(), Status> {
    let old = set.status.clone().unwrap_or_default();
    let mut status = DaemonSetStatus {
        observed_generation: set.metadata.generation,
        collision_count: old.collision_count,
        conditions: old.conditions.clone(),
        ..DaemonSetStatus::default()
    };
    let (mut updated, mut available) = (0, 0);
    for node in nodes {
        let pod = on_nodes.get(meta::name(&node.metadata)).and_then(|pods| pods.first());
        if !node_fit::should_run(spec, node).0 {
            status.number_misscheduled += i32::from(pod.is_some());
            continue;
        }
        status.desired_number_scheduled += 1;
        let Some(pod) = pod else { continue };
        status.current_number_scheduled += 1;
        status.number_ready += i32::from(is_pod_ready(pod));
        available += i32::from(is_pod_available(pod, min_ready(set), context.now));
        updated += i32::from(is_updated(pod, hash));
    }
    let some = |number: i32| Some(number).filter(|number| *number != 0);
    status.number_available = some(available);
    status.number_unavailable = some(status.desired_number_scheduled - available);
    status.updated_number_scheduled = some(updated);
    if min_ready(set) > 0 && status.number_ready != available {
        let wait = Duration::from_secs(u64::try_from(min_ready(set)).unwrap_or(0));
        context.queue.add_at(ObjectKey::of(&**set), context.now + wait);
    }
    if set.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let mut changed = DaemonSet::clone(set);
    changed.status = Some(status);
    context.client.update_status(changed).map(|_| ())
}
