//! What Pods and every template of Pods share: defaults, validation and warnings of the pod spec.
//!
//! Refuses to know which kind holds the template.

pub mod defaults;
