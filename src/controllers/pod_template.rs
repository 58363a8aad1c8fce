//! Pod templates as revisions: a hash that names one, and whether two are the same.
//!
//! Models Kubernetes 1.36 pkg/controller/controller_utils.go (ComputeHash). The hash is FNV-1a over the template's
//! JSON, not over Go's dump of it: it has the same form as upstream's, not the same value.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::apimachinery::names;

/// The label that tells the Pods of two revisions apart.
pub const POD_TEMPLATE_HASH: &str = "pod-template-hash";

/// The hash of a template; a collision count changes it.
pub fn hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    let json = serde_json::to_string(template).unwrap_or_default();
    hash_text(&json, collisions)
}

/// The same hash over any text.
pub fn hash_text(text: &str, collisions: Option<i32>) -> String {
    let count = collisions.map(i32::to_le_bytes);
    let bytes = text.bytes().chain(count.into_iter().flatten());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    names::safe_encode(&hash.to_string())
}

/// Whether two templates are the same but for their revision's hash.
pub fn equal_ignoring_hash(one: &PodTemplateSpec, two: &PodTemplateSpec) -> bool {
    if one.spec != two.spec {
        return false;
    }
    let plain = |template: &PodTemplateSpec| {
        let mut meta = template.metadata.clone().unwrap_or_default();
        if let Some(labels) = meta.labels.as_mut() {
            labels.remove(POD_TEMPLATE_HASH);
        }
        meta.labels = meta.labels.filter(|labels| !labels.is_empty());
        meta.annotations = meta.annotations.filter(|annotations| !annotations.is_empty());
        meta
    };
    plain(one) == plain(two)
}

/// A number, or a percentage of `total`.
pub fn scaled(value: Option<&IntOrString>, total: i32, round_up: bool) -> i32 {
    match value {
        None => 0,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(text)) => {
            let percent: i64 = text.strip_suffix('%').and_then(|number| number.parse().ok()).unwrap_or(0);
            let product = percent.saturating_mul(i64::from(total));
            let share = if round_up { product.saturating_add(99) } else { product } / 100;
            i32::try_from(share).unwrap_or(i32::MAX)
        }
    }
}
