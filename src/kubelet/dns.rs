//! What a container's resolver and its hosts file say.
//!
//! Models Kubernetes 1.36 pkg/kubelet/network/dns/dns.go (GetPodDNS) and pkg/kubelet/kubelet_pods.go
//! (managedHostsFileContent, GeneratePodHostNameAndDomain).

use k8s_openapi::api::core::v1::Pod;

use crate::apimachinery::meta;

/// The address of the cluster's name server.
const CLUSTER_DNS: &str = "10.96.0.10";
/// The name server of the nodes themselves.
const NODE_DNS: &str = "127.0.0.53";

/// The name that `hostname` prints in a Pod's containers.
pub fn hostname(pod: &Pod) -> String {
    let named = pod.spec.as_ref().and_then(|spec| spec.hostname.clone()).filter(|name| !name.is_empty());
    let name = named.unwrap_or_else(|| meta::name(&pod.metadata).to_owned());
    // A host name has at most 63 letters, and ends in none of these.
    name.chars().take(63).collect::<String>().trim_end_matches(['-', '.']).to_owned()
}

/// `/etc/hosts` of a Pod with this address.
pub fn hosts(pod: &Pod, address: &str) -> String {
    let name = hostname(pod);
    let spec = pod.spec.as_ref();
    let subdomain = spec.and_then(|spec| spec.subdomain.as_deref()).filter(|domain| !domain.is_empty());
    let own = match subdomain {
        Some(domain) => {
            let namespace = meta::namespace(&pod.metadata);
            format!("{address}\t{name}.{domain}.{namespace}.svc.cluster.local\t{name}\n")
        }
        None => format!("{address}\t{name}\n"),
    };
    let mut text = format!(
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n{own}"
    );
    let aliases = spec.and_then(|spec| spec.host_aliases.as_deref()).unwrap_or_default();
    if !aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
        for alias in aliases {
            text.push_str(&format!("{}\t{}\n", alias.ip, alias.hostnames.as_deref().unwrap_or_default().join("\t")));
        }
    }
    text
}

/// `/etc/resolv.conf` of a Pod.
pub fn resolv_conf(pod: &Pod) -> String {
    let spec = pod.spec.as_ref();
    let namespace = meta::namespace(&pod.metadata);
    let policy = spec.and_then(|spec| spec.dns_policy.as_deref()).unwrap_or("ClusterFirst");
    let on_node = spec.is_some_and(|spec| spec.host_network == Some(true));
    let (mut servers, mut searches, mut options) = match policy {
        "None" => (Vec::new(), Vec::new(), Vec::new()),
        "ClusterFirst" if on_node => (vec![NODE_DNS.to_owned()], Vec::new(), Vec::new()),
        "Default" => (vec![NODE_DNS.to_owned()], Vec::new(), Vec::new()),
        _ => (
            vec![CLUSTER_DNS.to_owned()],
            vec![format!("{namespace}.svc.cluster.local"), "svc.cluster.local".to_owned(), "cluster.local".to_owned()],
            vec!["ndots:5".to_owned()],
        ),
    };
    if let Some(own) = spec.and_then(|spec| spec.dns_config.clone()) {
        let add = |to: &mut Vec<String>, more: Vec<String>| {
            for one in more {
                if !to.contains(&one) {
                    to.push(one);
                }
            }
        };
        add(&mut servers, own.nameservers.unwrap_or_default());
        add(&mut searches, own.searches.unwrap_or_default());
        for option in own.options.into_iter().flatten() {
            let name = option.name.unwrap_or_default();
            options.retain(|held| held.split(':').next() != Some(&name));
            options.push(option.value.map_or(name.clone(), |value| format!("{name}:{value}")));
        }
    }
    let mut text = String::new();
    if !searches.is_empty() {
        text.push_str(&format!("search {}\n", searches.join(" ")));
    }
    for server in servers {
        text.push_str(&format!("nameserver {server}\n"));
    }
    if !options.is_empty() {
        text.push_str(&format!("options {}\n", options.join(" ")));
    }
    text
}
