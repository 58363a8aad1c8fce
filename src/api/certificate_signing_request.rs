//! CertificateSigningRequests: who asks, whether it is approved or denied. No signer is at work: nothing becomes
//! a certificate.
//!
//! Models Kubernetes 1.36 pkg/registry/certificates/certificates/strategy.go and pkg/apis/certificates/validation. The
//! request's own signature is not checked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::plain::{PlainKind, PlainObject};
use super::plain_tables::{at, list, text};
use super::{Cell, Column, KindInfo, cells};
use crate::apimachinery::content as rules;
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{Object, meta};
use crate::sim::Time;
use crate::text::duration::human_duration;
use crate::text::pem;

/// Its resource.
pub const RESOURCE: &str = "certificatesigningrequests.certificates.k8s.io";

/// `certificatesigningrequests.certificates.k8s.io`.
pub static CERTIFICATE_SIGNING_REQUEST: PlainKind = PlainKind::with(
    &KindInfo::new("certificates.k8s.io", "v1", "CertificateSigningRequest", RESOURCE, "certificatesigningrequest")
        .short(&["csr"])
        .cluster_scoped()
        .status(),
    &[
        Column::NAME,
        Column::AGE,
        Column::new("SignerName", "Who is asked to sign."),
        Column::new("Requestor", "Who asks."),
        Column::new("RequestedDuration", "How long the certificate shall be good."),
        Column::new("Condition", "What has come of it."),
    ],
    row,
    |new| {
        new.content_mut().insert("status".to_owned(), json!({}));
    },
    |held| {
        let mut errors = of_spec(held);
        errors.extend(of_conditions(held));
        errors
    },
)
.fixed();

const APPROVED: &str = "Approved";
const DENIED: &str = "Denied";
const FAILED: &str = "Failed";

const USAGES: [&str; 23] = [
    "any",
    "cert sign",
    "client auth",
    "code signing",
    "content commitment",
    "crl sign",
    "data encipherment",
    "decipher only",
    "digital signature",
    "email protection",
    "encipher only",
    "ipsec end system",
    "ipsec tunnel",
    "ipsec user",
    "key agreement",
    "key encipherment",
    "microsoft sgc",
    "netscape sgc",
    "ocsp signing",
    "s/mime",
    "server auth",
    "signing",
    "timestamping",
];
/// Seconds that a certificate is asked for at least.
const SHORTEST: i64 = 600;

fn row(held: &PlainObject) -> Vec<Cell> {
    let conditions = list(held, "/status/conditions");
    let has = |wanted: &str| conditions.iter().any(|one| of(one, "type") == wanted);
    let mut condition = match () {
        () if has(DENIED) => DENIED,
        () if has(APPROVED) => APPROVED,
        () => "Pending",
    }
    .to_owned();
    if has(FAILED) {
        condition.push_str(",Failed");
    }
    if !text(held, "/status/certificate").is_empty() {
        condition.push_str(",Issued");
    }
    let seconds = at(held, "/spec/expirationSeconds").and_then(Value::as_i64);
    let duration = seconds.map(|seconds| human_duration(seconds.saturating_mul(1_000_000_000)));
    vec![
        json!(cells::or(Some(text(held, "/spec/signerName")), cells::NONE)),
        json!(text(held, "/spec/username")),
        json!(duration.unwrap_or_else(|| cells::NONE.to_owned())),
        json!(condition),
    ]
}

fn of<'a>(one: &'a Value, field: &str) -> &'a str {
    one.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn of_spec(held: &PlainObject) -> Vec<Error> {
    let spec = Path::new("spec");
    let mut errors = Vec::new();
    let request = text(held, "/spec/request");
    if !is_request(request) {
        errors.push(Error::invalid(&spec.child("request"), request, "PEM block type must be CERTIFICATE REQUEST"));
    }
    let usages: Vec<&str> = list(held, "/spec/usages").iter().filter_map(Value::as_str).collect();
    let path = spec.child("usages");
    if usages.is_empty() {
        errors.push(Error::required(&path, ""));
    }
    for (index, usage) in usages.iter().enumerate().filter(|(_, usage)| !USAGES.contains(usage)) {
        errors.push(Error::not_supported(&path.index(index), usage, &USAGES));
    }
    for (index, usage) in
        usages.iter().enumerate().filter(|(index, usage)| usages.iter().take(*index).any(|one| one == *usage))
    {
        errors.push(Error::duplicate(&path.index(index), usage));
    }
    of_signer(&mut errors, &spec.child("signerName"), text(held, "/spec/signerName"));
    if let Some(seconds) =
        at(held, "/spec/expirationSeconds").and_then(Value::as_i64).filter(|seconds| *seconds < SHORTEST)
    {
        let why = "may not specify a duration less than 600 seconds (10 minutes)";
        errors.push(Error::invalid(&spec.child("expirationSeconds"), seconds, why));
    }
    errors
}

/// Whether bytes in base64 are a request in PEM.
fn is_request(given: &str) -> bool {
    let bytes = STANDARD.decode(given).unwrap_or_default();
    pem::block(&String::from_utf8_lossy(&bytes), "CERTIFICATE REQUEST").is_some()
}

fn of_signer(errors: &mut Vec<Error>, path: &Path, signer: &str) {
    if signer.is_empty() {
        errors.push(Error::required(path, ""));
        return;
    }
    if signer == "kubernetes.io/legacy-unknown" {
        errors.push(Error::invalid(path, signer, "the legacy signerName is not allowed via this API version"));
        return;
    }
    let segments: Vec<&str> = signer.split('/').collect();
    let [domain, name] = segments.as_slice() else {
        let why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        errors.push(Error::invalid(path, signer, why));
        return;
    };
    errors.extend(of_labels(path, domain, rules::dns1123_label));
    if !domain.contains('.') {
        errors.push(Error::invalid(path, domain, "should be a domain with at least two segments separated by dots"));
    }
    errors.extend(of_labels(path, name, rules::dns1123_subdomain));
}

/// The faults of the first label that has any.
fn of_labels(path: &Path, segment: &str, rule: fn(&str) -> Vec<String>) -> Vec<Error> {
    let wrong = segment.split('.').map(|label| (label, rule(label))).find(|(_, faults)| !faults.is_empty());
    let told = wrong.map(|(label, faults)| {
        let tell = |why: &String| Error::invalid(path, segment, format!("validating label {label:?}: {why}"));
        faults.iter().map(tell).collect()
    });
    told.unwrap_or_default()
}

fn of_conditions(held: &PlainObject) -> Vec<Error> {
    let path = Path::new("status").child("conditions");
    let mut errors = Vec::new();
    let conditions = list(held, "/status/conditions");
    for (index, condition) in conditions.iter().enumerate() {
        let (kind, status) = (of(condition, "type"), of(condition, "status"));
        let at = path.index(index);
        if kind.is_empty() {
            errors.push(Error::required(&at.child("type"), ""));
        }
        let allowed: &[&str] =
            if [APPROVED, DENIED, FAILED].contains(&kind) { &["True"] } else { &["False", "True", "Unknown"] };
        if status.is_empty() {
            errors.push(Error::required(&at.child("status"), ""));
        } else if !allowed.contains(&status) {
            errors.push(Error::not_supported(&at.child("status"), status, allowed));
        }
        let before = || conditions.iter().take(index).map(|one| of(one, "type"));
        let other = if kind == APPROVED { DENIED } else { APPROVED };
        if [APPROVED, DENIED].contains(&kind) && before().any(|one| one == other) {
            errors.push(Error::invalid(&path, kind, "Approved and Denied conditions are mutually exclusive"));
        }
        if before().any(|one| one == kind) {
            errors.push(Error::duplicate(&at.child("type"), kind));
        }
    }
    errors
}

/// Writes into a new request who asks.
pub fn ask(object: &mut dyn Object, user: &str, groups: &[std::sync::Arc<str>]) {
    let Some(held) = object.as_any_mut().downcast_mut::<PlainObject>() else { return };
    if let Some(spec) = held.content_mut().get_mut("spec").and_then(Value::as_object_mut) {
        for given in ["username", "uid", "groups", "extra"] {
            spec.remove(given);
        }
        spec.insert("username".to_owned(), json!(user));
        spec.insert("groups".to_owned(), json!(groups.iter().map(|group| &**group).collect::<Vec<_>>()));
    }
}

/// The request with the conditions of `new`, as `approval` takes them, and what is wrong with them.
pub fn decided(new: &dyn Object, old: &dyn Object, now: Time) -> (Box<dyn Object>, Vec<Error>) {
    let mut kept = old.clone_object();
    let mut errors = Vec::new();
    if let (Some(new), Some(old), Some(kept)) = (
        new.as_any().downcast_ref::<PlainObject>(),
        old.as_any().downcast_ref::<PlainObject>(),
        kept.as_any_mut().downcast_mut::<PlainObject>(),
    ) {
        let held = list(old, "/status/conditions");
        let mut conditions = list(new, "/status/conditions").to_vec();
        conditions.iter_mut().for_each(|condition| date(condition, held, now));
        let path = Path::new("status").child("conditions");
        for kind in [APPROVED, DENIED, FAILED] {
            let count = |list: &[Value]| list.iter().filter(|one| of(one, "type") == kind).count();
            if count(&conditions) < count(held) {
                let why = format!("updates may not remove a condition of type {kind:?}");
                errors.push(Error::forbidden(&path, why));
            }
        }
        let status = kept.content_mut().entry("status").or_insert_with(|| json!({}));
        if let Some(status) = status.as_object_mut() {
            status.insert("conditions".to_owned(), Value::Array(conditions));
        }
        errors.splice(0..0, of_conditions(kept));
    }
    (kept, errors)
}

/// Gives a condition the times that it lacks.
fn date(condition: &mut Value, held: &[Value], now: Time) {
    let now = json!(meta::time(now));
    let (kind, status) = (of(condition, "type").to_owned(), of(condition, "status").to_owned());
    let before = held.iter().find(|one| of(one, "type") == kind && of(one, "status") == status);
    let since = before.and_then(|one| one.get("lastTransitionTime")).filter(|time| !time.is_null()).unwrap_or(&now);
    let Some(fields) = condition.as_object_mut() else { return };
    for (name, time) in [("lastUpdateTime", &now), ("lastTransitionTime", since)] {
        if fields.get(name).is_none_or(Value::is_null) {
            fields.insert(name.to_owned(), time.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::KindOps;

    fn read(rest: Value) -> Box<dyn Object> {
        let mut json = json!({"metadata": {"name": "a", "creationTimestamp": "1970-01-01T00:00:00Z"}});
        json.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        CERTIFICATE_SIGNING_REQUEST.decode(json).unwrap()
    }

    fn row(rest: Value) -> Vec<Value> {
        CERTIFICATE_SIGNING_REQUEST.row(&*read(rest), Time::from_seconds(60))
    }

    fn said(errors: &[Error]) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_signing_request_tells_who_asks_whom_and_what_came_of_it() {
        let spec =
            json!({"signerName": "kubernetes.io/kube-apiserver-client", "username": "u", "expirationSeconds": 86400});
        let asked = row(json!({"spec": spec}));
        assert_eq!(json!(asked), json!(["a", "60s", "kubernetes.io/kube-apiserver-client", "u", "24h", "Pending"]));
        for (status, condition) in [
            (json!({"conditions": [{"type": "Approved"}]}), "Approved"),
            (json!({"conditions": [{"type": "Approved"}, {"type": "Denied"}]}), "Denied"),
            (json!({"conditions": [{"type": "Approved"}, {"type": "Failed"}]}), "Approved,Failed"),
            (json!({"conditions": [{"type": "Approved"}], "certificate": "eA=="}), "Approved,Issued"),
        ] {
            let shown = row(json!({"status": status, "spec": {}}));
            assert_eq!(json!(shown), json!(["a", "60s", "<none>", "", "<none>", condition]));
        }
    }

    #[test]
    fn a_request_has_a_request_usages_and_a_signer() {
        let pem = STANDARD.encode("-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n");
        let good = json!({"spec": {"request": pem, "usages": ["client auth"], "signerName": "kubernetes.io/kube-apiserver-client"}});
        assert_eq!(said(&CERTIFICATE_SIGNING_REQUEST.validate(&*read(good))), [""; 0]);
        let bad = json!({"spec": {"request": "eA==", "signerName": "kubernetes", "expirationSeconds": 5}});
        assert_eq!(
            said(&CERTIFICATE_SIGNING_REQUEST.validate(&*read(bad))),
            [
                "spec.request: Invalid value: \"eA==\": PEM block type must be CERTIFICATE REQUEST",
                "spec.usages: Required value",
                "spec.signerName: Invalid value: \"kubernetes\": must be a fully qualified domain and path of the form 'example.com/signer-name'",
                "spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 600 seconds (10 minutes)",
            ]
        );
    }

    #[test]
    fn who_asks_is_whoever_asks() {
        let mut request = read(json!({"spec": {"username": "somebody", "extra": {"a": ["b"]}}}));
        ask(&mut *request, "jane", &["system:authenticated".into()]);
        assert_eq!(request.to_json()["spec"], json!({"username": "jane", "groups": ["system:authenticated"]}));
    }

    #[test]
    fn a_decision_changes_nothing_but_conditions_and_is_not_taken_back() {
        let old = read(json!({"spec": {"signerName": "s"}, "status": {}}));
        let condition = json!({"type": "Approved", "status": "True"});
        let new =
            read(json!({"spec": {"signerName": "x"}, "status": {"conditions": [condition], "certificate": "eA=="}}));
        let (approved, errors) = decided(&*new, &*old, Time::from_seconds(5));
        assert_eq!(said(&errors), [""; 0]);
        assert_eq!(
            (&approved.to_json()["spec"], &approved.to_json()["status"]),
            (
                &json!({"signerName": "s"}),
                &json!({"conditions": [{"type": "Approved", "status": "True", "lastUpdateTime": "1970-01-01T00:00:05Z",
                    "lastTransitionTime": "1970-01-01T00:00:05Z"}]})
            )
        );
        let (_, errors) = decided(&*old, &*approved, Time::from_seconds(6));
        assert_eq!(
            said(&errors),
            ["status.conditions: Forbidden: updates may not remove a condition of type \"Approved\""]
        );
        let both = read(json!({"status": {"conditions": [condition, {"type": "Denied", "status": "False"}]}}));
        assert_eq!(
            said(&decided(&*both, &*approved, Time::from_seconds(6)).1),
            [
                "status.conditions[1].status: Unsupported value: \"False\": supported values: \"True\"",
                "status.conditions: Invalid value: \"Denied\": Approved and Denied conditions are mutually exclusive",
            ]
        );
    }
}
