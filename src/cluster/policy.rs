//! Whether NetworkPolicies let a packet through: a Pod that no policy chooses takes and sends everything; one that is
//! chosen takes (or sends) what some rule of its policies names. Pure; whoever runs on a node itself is never held up.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/api/networking/v1 (NetworkPolicySpec) as its documentation describes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::{IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::apimachinery::labels::Selector;
use crate::apimachinery::meta;
use crate::apiserver::ApiServer;

/// The port of name servers.
const DNS: u16 = 53;
/// The address under which Pods ask for names.
const DNS_SERVICE: &str = "10.96.0.10";

/// One side of a connection.
struct Side<'a> {
    address: &'a str,
    pod: Option<Arc<Pod>>,
}

impl Side<'_> {
    fn namespace(&self) -> &str {
        self.pod.as_ref().map_or("", |pod| meta::namespace(&pod.metadata))
    }
}

type Labels = Option<BTreeMap<String, String>>;

fn chooses(selector: Option<&LabelSelector>, labels: &Labels) -> bool {
    let Some(selector) = Selector::from_label_selector(selector) else { return false };
    selector.matches(labels.as_ref())
}

fn side<'a>(server: &ApiServer, address: &'a str) -> Side<'a> {
    let here = |pod: &Arc<Pod>| {
        let on_host = pod.spec.as_ref().is_some_and(|spec| spec.host_network == Some(true));
        let status = pod.status.as_ref();
        let ended = status.is_some_and(|status| matches!(status.phase.as_deref(), Some("Succeeded" | "Failed")));
        !on_host && !ended && status.and_then(|status| status.pod_ip.as_deref()) == Some(address)
    };
    Side { address, pod: server.list::<Pod>(None).find(here) }
}

/// Whether a packet from one address gets to a port of another.
pub fn permits(server: &ApiServer, from: &str, to: &str, port: u16) -> bool {
    let policies: Vec<Arc<NetworkPolicy>> = server.list::<NetworkPolicy>(None).collect();
    if policies.is_empty() {
        return true;
    }
    let udp = port == DNS;
    let name_server = server.list::<Pod>(Some("kube-system")).find(|pod| {
        let labels = pod.metadata.labels.as_ref();
        labels.and_then(|labels| labels.get("k8s-app")).is_some_and(|app| app == "kube-dns")
    });
    let (from, to) = match name_server.filter(|_| to == DNS_SERVICE) {
        Some(pod) => (side(server, from), Side { address: to, pod: Some(pod) }),
        None => (side(server, from), side(server, to)),
    };
    passes(server, &policies, ("Egress", &from, &to), port, udp)
        && passes(server, &policies, ("Ingress", &to, &from), port, udp)
}

/// Whether the policies that choose `own` let it speak with `other` in this direction.
fn passes(
    server: &ApiServer,
    policies: &[Arc<NetworkPolicy>],
    (direction, own, other): (&str, &Side<'_>, &Side<'_>),
    port: u16,
    udp: bool,
) -> bool {
    let Some(pod) = &own.pod else { return true };
    let choosing = policies.iter().filter_map(|policy| {
        let spec = policy.spec.as_ref()?;
        let types = spec.policy_types.iter().flatten().any(|kind| kind == direction);
        let same = meta::namespace(&policy.metadata) == own.namespace();
        (types && same && chooses(spec.pod_selector.as_ref(), &pod.metadata.labels)).then_some((policy, spec))
    });
    let mut chosen = false;
    for (policy, spec) in choosing {
        chosen = true;
        // Ports are those of the side that is asked.
        let asked = if direction == "Ingress" { own } else { other };
        let home = meta::namespace(&policy.metadata);
        let fits = |ports: Option<&Vec<NetworkPolicyPort>>, peers: Option<&Vec<NetworkPolicyPeer>>| {
            let ports = ports.map(Vec::as_slice).unwrap_or_default();
            let peers = peers.map(Vec::as_slice).unwrap_or_default();
            (ports.is_empty() || ports.iter().any(|held| is_port(held, asked.pod.as_deref(), port, udp)))
                && (peers.is_empty() || peers.iter().any(|peer| is_peer(server, peer, home, other)))
        };
        let open = if direction == "Ingress" {
            spec.ingress.iter().flatten().any(|rule| fits(rule.ports.as_ref(), rule.from.as_ref()))
        } else {
            spec.egress.iter().flatten().any(|rule| fits(rule.ports.as_ref(), rule.to.as_ref()))
        };
        if open {
            return true;
        }
    }
    // Whoever is no Pod and inside of the cluster is a node.
    !chosen || (direction == "Ingress" && other.pod.is_none() && !other.address.starts_with("10.244."))
}

fn is_port(held: &NetworkPolicyPort, pod: Option<&Pod>, port: u16, udp: bool) -> bool {
    let protocol = held.protocol.as_deref().unwrap_or("TCP");
    if protocol != if udp { "UDP" } else { "TCP" } && !(udp && protocol == "TCP") {
        return false;
    }
    match &held.port {
        None => true,
        Some(IntOrString::Int(first)) => {
            let last = held.end_port.unwrap_or(*first);
            (*first..=last).contains(&i32::from(port))
        }
        Some(IntOrString::String(name)) => {
            let containers = pod.into_iter().flat_map(|pod| pod.spec.iter().flat_map(|spec| &spec.containers));
            let mut ports = containers.flat_map(|container| container.ports.iter().flatten());
            ports.any(|held| held.name.as_ref() == Some(name) && held.container_port == i32::from(port))
        }
    }
}

fn is_peer(server: &ApiServer, peer: &NetworkPolicyPeer, home: &str, other: &Side<'_>) -> bool {
    if let Some(block) = &peer.ip_block {
        return in_block(block, other.address);
    }
    let Some(pod) = &other.pod else { return false };
    let place = match &peer.namespace_selector {
        None => other.namespace() == home,
        Some(selector) => {
            let namespace = server.get::<Namespace>("", other.namespace());
            namespace.is_ok_and(|namespace| chooses(Some(selector), &namespace.metadata.labels))
        }
    };
    place && peer.pod_selector.as_ref().is_none_or(|selector| chooses(Some(selector), &pod.metadata.labels))
}

fn in_block(block: &IPBlock, address: &str) -> bool {
    in_range(&block.cidr, address) && !block.except.iter().flatten().any(|range| in_range(range, address))
}

fn in_range(range: &str, address: &str) -> bool {
    let number = |text: &str| {
        let parts: Vec<u8> = text.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        <[u8; 4]>::try_from(parts).ok().map(u32::from_be_bytes)
    };
    let Some((base, bits)) = range.split_once('/') else { return range == address };
    let (Some(base), Some(address), Ok(bits)) = (number(base), number(address), bits.parse::<u32>()) else {
        return false;
    };
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
    base & mask == address & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_what_lies_in_it_and_not_in_its_exceptions() {
        let block = IPBlock { cidr: "10.244.0.0/16".into(), except: Some(vec!["10.244.1.0/24".into()]) };
        for (address, inside) in [("10.244.2.3", true), ("10.244.1.3", false), ("10.96.0.1", false), ("web", false)] {
            assert_eq!(in_block(&block, address), inside, "{address}");
        }
        assert!(in_range("0.0.0.0/0", "1.2.3.4"));
    }
}
