//! Network policies: who may speak with the Pods they choose.

use serde_json::Value;

use super::Describer;
use super::parts::{chosen, joined, shown};
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, map_at, str_at};

/// A direction of traffic: its name, its type, the field of its rules, the field and the word of its peers, and what
/// peers are to it.
const DIRECTIONS: [(&str, &str, &str, &str, &str, &str); 2] = [
    ("ingress", "Ingress", "/spec/ingress", "/from", "From", "source"),
    ("egress", "Egress", "/spec/egress", "/to", "To", "destination"),
];

/// Describes a network policy. It has no events.
pub fn network_policy(d: &mut Describer<'_, '_>, policy: &Value) -> Result<(), Failure> {
    d.field("Name", str_at(policy, "/metadata/name"));
    d.field("Namespace", str_at(policy, "/metadata/namespace"));
    d.field("Created on", plain_time(str_at(policy, "/metadata/creationTimestamp")));
    d.labels("Labels", map_at(policy, "/metadata/labels"));
    d.annotations("Annotations", map_at(policy, "/metadata/annotations"));
    d.w.line(0, "Spec:");
    d.w.write(1, "PodSelector: ");
    let pods = policy.pointer("/spec/podSelector");
    let all = pods.and_then(Value::as_object).is_none_or(serde_json::Map::is_empty);
    let pods = if all {
        "<none> (Allowing the specific traffic to all pods in this namespace)".to_owned()
    } else {
        chosen(pods)
    };
    d.w.line(2, &pods);
    let types = list_at(policy, "/spec/policyTypes");
    for (name, kind, rules, peers, word, what) in DIRECTIONS {
        if types.iter().any(|one| one.as_str() == Some(kind)) {
            d.w.line(1, &format!("Allowing {name} traffic:"));
            let rules = list_at(policy, rules);
            if rules.is_empty() {
                d.w.line(2, &format!("<none> (Selected pods are isolated for {name} connectivity)"));
            }
            for (index, rule) in rules.iter().enumerate() {
                ports(d, rule);
                peers_of(d, list_at(rule, peers), word, what);
                if index + 1 < rules.len() {
                    d.w.line(2, "----------");
                }
            }
        } else {
            d.w.line(1, &format!("Not affecting {name} traffic"));
        }
    }
    d.w.line(1, &format!("Policy Types: {}", joined(types, ", ", "<none>")));
    Ok(())
}

fn ports(d: &mut Describer<'_, '_>, rule: &Value) {
    let ports = list_at(rule, "/ports");
    if ports.is_empty() {
        d.w.line(2, "To Port: <any> (traffic allowed to all ports)");
    }
    for one in ports {
        let protocol = if str_at(one, "/protocol").is_empty() { "TCP" } else { str_at(one, "/protocol") };
        let port = one.get("port").map_or_else(|| "<nil>".to_owned(), shown);
        match one.get("endPort") {
            None => d.w.line(2, &format!("To Port: {port}/{protocol}")),
            Some(end) => d.w.line(2, &format!("To Port Range: {port}-{}/{protocol}", shown(end))),
        }
    }
}

fn peers_of(d: &mut Describer<'_, '_>, peers: &[Value], word: &str, what: &str) {
    if peers.is_empty() {
        d.w.line(2, &format!("{word}: <any> (traffic not restricted by {what})"));
    }
    for peer in peers {
        d.w.line(2, &format!("{word}:"));
        let selectors = [("NamespaceSelector", "namespaceSelector"), ("PodSelector", "podSelector")];
        let mut selected = false;
        for (title, field) in selectors {
            if let Some(selector) = peer.get(field) {
                selected = true;
                d.w.line(3, &format!("{title}: {}", chosen(Some(selector))));
            }
        }
        if let Some(block) = peer.get("ipBlock").filter(|_| !selected) {
            d.w.line(3, "IPBlock:");
            d.w.line(4, &format!("CIDR: {}", str_at(block, "/cidr")));
            d.w.line(4, &format!("Except: {}", joined(list_at(block, "/except"), ", ", "")));
        }
    }
}

/// A time as Go prints one that nobody has formatted.
fn plain_time(text: &str) -> String {
    let Ok(instant) = text.parse::<jiff::Timestamp>() else { return "0001-01-01 00:00:00 +0000 UTC".to_owned() };
    let zoned = instant.to_zoned(jiff::tz::TimeZone::UTC);
    jiff::fmt::strtime::format("%Y-%m-%d %H:%M:%S +0000 UTC", &zoned).unwrap_or_default()
}
