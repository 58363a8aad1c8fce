//! Who asks, when they come over the network without a certificate: nobody in particular, or a service account that
//! shows its token. A token has the form of a real one; its signature is a digest that only this server makes, no
//! cryptography.
//!
//! Models Kubernetes 1.36 pkg/serviceaccount (claims.go, jwt.go) and
//! staging/src/k8s.io/apiserver/pkg/authentication/request (bearertoken, anonymous).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use serde_json::{Value, json};

use super::{ApiServer, Caller};
use crate::apimachinery::{Reason, Status, content, meta};
use crate::sim::Time;
use crate::text::http::Request;

/// Who issues tokens, and for whom when nobody else is named.
pub(super) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
/// Who shows nothing.
const ANONYMOUS: &str = "system:anonymous";

fn signature(signed: &str) -> String {
    // A checksum (FNV-1a) drawn out to a signature's 256 bytes. It tells a token that was changed or cut; there is
    // nothing here that would be worth a forgery, and every container that starts gets a token.
    let checksum = signed
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let mut drawn = fastrand::Rng::with_seed(checksum);
    let bytes: Vec<u8> = (0..32).flat_map(|_| drawn.u64(..).to_be_bytes()).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of a service account for these audiences, good between two instants; `pod` is the Pod it is bound to.
pub(super) fn issue(
    account: &ServiceAccount,
    audiences: &Value,
    (from, to): (Time, Time),
    pod: Option<&Pod>,
) -> String {
    let (namespace, name) = (meta::namespace(&account.metadata), meta::name(&account.metadata));
    let mut claims = json!({
        "aud": audiences, "exp": to.as_seconds(), "iat": from.as_seconds(), "iss": ISSUER, "nbf": from.as_seconds(),
        "kubernetes.io": {
            "namespace": namespace, "serviceaccount": {"name": name, "uid": meta::uid(&account.metadata)},
        },
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
    });
    let bound = claims.get_mut("kubernetes.io").and_then(Value::as_object_mut);
    if let (Some(pod), Some(bound)) = (pod, bound) {
        let (name, uid) = (meta::name(&pod.metadata), meta::uid(&pod.metadata));
        bound.insert("pod".to_owned(), json!({"name": name, "uid": uid}));
    }
    let head = json!({"alg": "RS256", "kid": "tabernetes"});
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(head.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    format!("{signed}.{}", signature(&signed))
}

/// The claims of a token that this server has made.
fn claims(token: &str) -> Option<Value> {
    let (signed, shown) = token.rsplit_once('.')?;
    let body = URL_SAFE_NO_PAD.decode(signed.rsplit_once('.')?.1).ok()?;
    (signature(signed) == shown).then(|| serde_json::from_slice(&body).ok()).flatten()
}

/// The user that a token stands for, while it is good.
pub(super) fn user(server: &ApiServer, token: &str) -> Option<String> {
    let claims = claims(token)?;
    let now = server.now().as_seconds();
    let number = |key: &str| claims.get(key).and_then(Value::as_u64);
    let audiences = claims.get("aud").and_then(Value::as_array)?;
    if number("nbf")? > now || number("exp")? <= now || !audiences.iter().any(|audience| audience == ISSUER) {
        return None;
    }
    let text = |path: &str| claims.pointer(path).and_then(Value::as_str);
    let namespace = text("/kubernetes.io/namespace")?;
    let account = server.get::<ServiceAccount>(namespace, text("/kubernetes.io/serviceaccount/name")?).ok()?;
    if text("/kubernetes.io/serviceaccount/uid") != Some(meta::uid(&account.metadata)) {
        return None;
    }
    if let Some(pod) = text("/kubernetes.io/pod/name") {
        let held = server.get::<Pod>(namespace, pod).ok()?;
        if text("/kubernetes.io/pod/uid") != Some(meta::uid(&held.metadata)) {
            return None;
        }
    }
    text("/sub").map(str::to_owned)
}

/// Who a request that came over the network is from.
///
/// # Errors
/// `Unauthorized` for a token that is not good.
pub(super) fn caller(server: &ApiServer, request: &Request) -> Result<Caller, Status> {
    let shown = request.header("Authorization").unwrap_or_default();
    let token = shown.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let user = match token.map(|(_, token)| token.trim()).filter(|token| !token.is_empty()) {
        None => ANONYMOUS.to_owned(),
        Some(token) => {
            user(server, token).ok_or_else(|| Status::other(Reason::Unauthorized, "Unauthorized".to_owned()))?
        }
    };
    let groups: Vec<Arc<str>> = groups_of(&user).into_iter().map(Arc::from).collect();
    let agent = request.header("User-Agent").unwrap_or_default().split('/').next().unwrap_or_default().to_owned();
    Ok(Caller { user: user.into(), groups: groups.into(), manager: agent.into() })
}

/// The namespace and the name of a service account that a user is.
pub(super) fn account_of(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let good = content::dns1123_label(namespace).is_empty() && content::dns1123_subdomain(name).is_empty();
    good.then_some((namespace, name))
}

/// The groups that a user has by name.
pub(super) fn groups_of(user: &str) -> Vec<String> {
    let mut groups = Vec::new();
    if let Some((namespace, _)) = account_of(user) {
        groups.push("system:serviceaccounts".to_owned());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    groups.push(if user == "system:anonymous" { "system:unauthenticated" } else { "system:authenticated" }.to_owned());
    groups
}

impl ApiServer {
    /// A token of a Pod's service account that is good while the Pod is there. `None` when there is no such account.
    pub fn pod_token(&self, pod: &Pod, audience: Option<&str>, seconds: i64) -> Option<String> {
        let name = pod.spec.as_ref().and_then(|spec| spec.service_account_name.as_deref()).unwrap_or("default");
        let account = self.get::<ServiceAccount>(meta::namespace(&pod.metadata), name).ok()?;
        let now = self.now();
        let end = now + Duration::from_secs(seconds.unsigned_abs());
        Some(issue(&account, &json!([audience.unwrap_or(ISSUER)]), (now, end), Some(pod)))
    }
}
