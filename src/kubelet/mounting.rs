//! What stands in the way of a Pod's volumes, and when each is tried again: after half a second, then twice as long
//! each time, up to two minutes. A sync that waits for longer than that gives up and begins anew.
//!
//! Models Kubernetes 1.36 pkg/kubelet/volumemanager (WaitForAttachAndMount, the populator's createVolumeSpec),
//! pkg/volume/{configmap,secret,projected,hostpath,local} and pkg/util/goroutinemap/exponentialbackoff.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{
    ConfigMap, HostPathVolumeSource, KeyToPath, PersistentVolume, PersistentVolumeClaim, Pod, Secret, Volume,
};

use super::Kubelet;
use super::sync::BACKOFF_PERIOD;
use super::worker::{Stage, Work, Worker};
use crate::apimachinery::meta;
use crate::apiserver::ApiServer;
use crate::client::{Client, EventType};
use crate::cri::{HostKind, RuntimeService};
use crate::sim::Time;

/// The first wait after a volume could not be set up.
const FIRST: Duration = Duration::from_millis(500);
/// The longest.
const LONGEST: Duration = Duration::from_secs(122);
/// How long a sync waits for its volumes.
const TIMEOUT: Duration = Duration::from_secs(123);
/// Volumes are looked at so often.
const LOOP: Duration = Duration::from_millis(100);

/// How far the volumes of a Pod are.
#[derive(Clone, Debug, Default)]
pub struct Mounting {
    /// When the present sync gives up.
    until: Option<Time>,
    /// By volume that could not be set up: when it is next tried, and how long the wait was.
    tries: BTreeMap<String, (Time, Duration)>,
}

/// What is wrong with a volume.
enum Trouble {
    /// It cannot be worked out what is to be mounted: the sync fails at once.
    Unknown(String),
    /// It cannot be set up now: the event's text.
    Unset(String),
}

/// The kubelet's words for a ConfigMap or Secret that is not there.
pub fn not_found(kind: &str, name: &str) -> String {
    format!("{kind} \"{name}\" not found")
}

/// Whether the keys that a volume names are there.
fn missing_key(items: Option<&Vec<KeyToPath>>, has: impl Fn(&str) -> bool, words: &str) -> Option<String> {
    let item = items.into_iter().flatten().find(|item| !has(&item.key))?;
    Some(format!("{words}: {}", item.key))
}

fn config_map(
    client: &Client<'_>,
    namespace: &str,
    name: &str,
    items: Option<&Vec<KeyToPath>>,
    optional: bool,
) -> Option<String> {
    let Ok(held) = client.get::<ConfigMap>(namespace, name) else {
        return (!optional).then(|| not_found("configmap", name));
    };
    let has = |key: &str| {
        held.data.as_ref().is_some_and(|data| data.contains_key(key))
            || held.binary_data.as_ref().is_some_and(|data| data.contains_key(key))
    };
    missing_key(items, has, "configmap references non-existent config key").filter(|_| !optional)
}

fn secret(
    client: &Client<'_>,
    namespace: &str,
    name: &str,
    items: Option<&Vec<KeyToPath>>,
    optional: bool,
) -> Option<String> {
    let Ok(held) = client.get::<Secret>(namespace, name) else {
        return (!optional).then(|| not_found("secret", name));
    };
    let has = |key: &str| held.data.as_ref().is_some_and(|data| data.contains_key(key));
    missing_key(items, has, "references non-existent secret key").filter(|_| !optional)
}

/// What a volume's type of path asks for and does not find. What it may make, it makes.
fn host_path(runtime: &mut dyn RuntimeService, source: &HostPathVolumeSource) -> Option<String> {
    let path = source.path.as_str();
    let kind = source.type_.as_deref().unwrap_or_default();
    let made = match kind {
        "DirectoryOrCreate" => Some(HostKind::Directory),
        "FileOrCreate" => Some(HostKind::File),
        _ => None,
    };
    let mut found = runtime.host_kind(path);
    if let Some(made) = made.filter(|_| found.is_none()) {
        runtime.make_host(path, made);
        found = runtime.host_kind(path);
        if found.is_none() {
            return Some(format!("open {path}: no such file or directory"));
        }
    }
    let (wanted, words) = match kind {
        "DirectoryOrCreate" | "Directory" => (HostKind::Directory, "a directory"),
        "FileOrCreate" | "File" => (HostKind::File, "a file"),
        "Socket" => (HostKind::Socket, "a socket file"),
        "CharDevice" => (HostKind::CharDevice, "a character device"),
        "BlockDevice" => return Some(format!("hostPath type check failed: {path} is not a block device")),
        // The container runtime makes what is not there.
        _ => return None,
    };
    (found != Some(wanted)).then(|| format!("hostPath type check failed: {path} is not {words}"))
}

/// The volume behind a claim.
fn claimed(client: &Client<'_>, pod: &Pod, name: &str) -> Result<Arc<PersistentVolume>, Trouble> {
    let namespace = meta::namespace(&pod.metadata);
    let fail = |why: String| Trouble::Unknown(format!("error processing PVC {namespace}/{name}: {why}"));
    let claim = client
        .get::<PersistentVolumeClaim>(namespace, name)
        .map_err(|status| fail(format!("failed to fetch PVC from API server: {}", status.message)))?;
    let bound = claim.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Bound");
    if !bound {
        return Err(fail("PVC is not bound".to_owned()));
    }
    let volume = claim.spec.as_ref().and_then(|spec| spec.volume_name.clone()).unwrap_or_default();
    client
        .get::<PersistentVolume>("", &volume)
        .map_err(|status| fail(format!("failed to fetch PV {volume} from API server: {}", status.message)))
}

fn trouble(pod: &Pod, volume: &Volume, client: &Client<'_>, runtime: &mut dyn RuntimeService) -> Option<Trouble> {
    let namespace = meta::namespace(&pod.metadata);
    let optional = |given: Option<bool>| given == Some(true);
    let unset =
        |name: &str, why: String| Trouble::Unset(format!("MountVolume.SetUp failed for volume \"{name}\" : {why}"));
    let why = if let Some(source) = &volume.config_map {
        config_map(client, namespace, &source.name, source.items.as_ref(), optional(source.optional))
    } else if let Some(source) = &volume.secret {
        let name = source.secret_name.as_deref().unwrap_or_default();
        secret(client, namespace, name, source.items.as_ref(), optional(source.optional))
    } else if let Some(projected) = &volume.projected {
        let all = projected.sources.iter().flatten().filter_map(|source| {
            if let Some(one) = &source.config_map {
                return config_map(client, namespace, &one.name, one.items.as_ref(), optional(one.optional));
            }
            let one = source.secret.as_ref()?;
            secret(client, namespace, &one.name, one.items.as_ref(), optional(one.optional))
        });
        let all: Vec<String> = all.collect();
        match all.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            many => Some(format!("[{}]", many.join(", "))),
        }
    } else if let Some(source) = &volume.host_path {
        host_path(runtime, source)
    } else {
        let claim = match (&volume.persistent_volume_claim, &volume.ephemeral) {
            (Some(source), _) => source.claim_name.clone(),
            (None, Some(_)) => format!("{}-{}", meta::name(&pod.metadata), volume.name),
            (None, None) => return None,
        };
        let bound = match claimed(client, pod, &claim) {
            Ok(bound) => bound,
            Err(trouble) => return Some(trouble),
        };
        let (name, spec) = (meta::name(&bound.metadata), bound.spec.as_ref()?);
        if let Some(local) = &spec.local {
            let there = runtime.host_kind(&local.path).is_some();
            let text = || format!("path {:?} does not exist", local.path);
            let head = format!("MountVolume.NewMounter initialization failed for volume \"{name}\"");
            return (!there).then(|| Trouble::Unset(format!("{head} : {}", text())));
        }
        return spec.host_path.as_ref().and_then(|source| host_path(runtime, source)).map(|why| unset(name, why));
    };
    why.map(|why| unset(&volume.name, why))
}

impl Kubelet {
    /// Whether every volume of the Pod is there. If not, that is told and the next try is due later.
    pub(super) fn volumes_ready(&mut self, worker: &mut Worker, server: &mut ApiServer, now: Time) -> bool {
        let pod = Arc::clone(&worker.pod);
        let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
        let (mut waiting, mut events, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
        let until = *worker.mounting.until.get_or_insert(now + TIMEOUT);
        for volume in volumes {
            let tried = worker.mounting.tries.get(&volume.name).copied();
            if tried.is_some_and(|(next, _)| next > now) {
                waiting.push(volume.name.clone());
                continue;
            }
            let client = Client::new(server, &self.caller);
            match trouble(&pod, volume, &client, &mut *self.runtime) {
                None => drop(worker.mounting.tries.remove(&volume.name)),
                Some(Trouble::Unset(text)) => {
                    let wait = tried.map_or(FIRST, |(_, wait)| (wait * 2).min(LONGEST));
                    worker.mounting.tries.insert(volume.name.clone(), (now + wait + LOOP, wait));
                    waiting.push(volume.name.clone());
                    events.push(text);
                }
                Some(Trouble::Unknown(text)) => unknown.push((volume.name.clone(), text)),
            }
        }
        for text in events {
            self.record(server, &pod, "", EventType::Warning, "FailedMount", &text);
        }
        if waiting.is_empty() && unknown.is_empty() {
            worker.mounting = Mounting::default();
            return true;
        }
        if unknown.is_empty() && now < until {
            let next = worker.mounting.tries.values().map(|(next, _)| *next).min().unwrap_or(until).min(until);
            worker.stage = Stage::PreparingSandbox(next);
            worker.again(next);
            return false;
        }
        worker.mounting.until = None;
        let failed: Vec<String> = unknown.iter().map(|(name, _)| name.clone()).collect();
        let why = match unknown.as_slice() {
            [] => "context deadline exceeded".to_owned(),
            some => some.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>().join("; "),
        };
        waiting.extend(failed.iter().cloned());
        waiting.sort();
        let text = format!(
            "Unable to attach or mount volumes: unmounted volumes=[{}], unattached volumes=[], failed to process \
             volumes=[{}]: {why}",
            waiting.join(" "),
            failed.join(" ")
        );
        self.record(server, &pod, "", EventType::Warning, "FailedMount", &text);
        worker.stage = Stage::Sync;
        self.complete_work(worker, &Work { retry: Some(now + BACKOFF_PERIOD), ..Work::default() }, now);
        false
    }
}
