//! The generation of an object: how often what it asks for has changed.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The generation of a new object.
pub fn start(meta: &mut ObjectMeta) {
    meta.generation = Some(1);
}

/// Keeps the old generation, one higher when the object asks for something else now.
pub fn follow(meta: &mut ObjectMeta, old: &ObjectMeta, changed: bool) {
    meta.generation = match old.generation {
        None if !changed => None,
        generation => Some(generation.unwrap_or(0) + i64::from(changed)),
    };
}
