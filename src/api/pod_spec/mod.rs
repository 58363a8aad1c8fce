//! What Pods and every template of Pods share: defaults, validation and warnings of the pod spec.
//!
//! Refuses to know which kind holds the template.

pub mod defaults;
pub mod validation;
pub mod warnings;

use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde_json::json;

use super::validate::{self, Errors};
use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::labels::Selector;

/// The labels of a template must be what its owner selects; no selector selects nothing.
pub fn selector_matches(
    errors: &mut Errors,
    path: &Path,
    selector: Option<&LabelSelector>,
    template: Option<&PodTemplateSpec>,
) {
    let labels = template.and_then(|template| template.metadata.as_ref()).and_then(|meta| meta.labels.as_ref());
    let matches = match selector {
        None => false,
        // One that cannot be understood has been reported already.
        Some(selector) if !validate::is_selector(selector) => true,
        Some(selector) => Selector::from_label_selector(Some(selector)).is_none_or(|known| known.matches(labels)),
    };
    if !matches {
        let path = path.child("metadata").child("labels");
        errors.push(Error::invalid(&path, json!(labels), "`selector` does not match template `labels`"));
    }
}
