//! YAML as kubectl reads and prints it: people's files to JSON values and back. Knows no Kubernetes object.
//!
//! Reading goes through libyaml's events (go-yaml is a port of the same C code, so problems and line numbers are equal)
//! and a YAML 1.1 resolver. It refuses documents nested deeper than [`MAX_DEPTH`] and alias bombs.
//!
//! Models sigs.k8s.io/yaml, go.yaml.in/yaml/v2 and k8s.io/apimachinery pkg/util/yaml.

mod decode;
mod documents;
mod emit;
mod resolve;

pub use decode::{MAX_DEPTH, from_yaml, from_yaml_3, from_yaml_strict};
pub use documents::{Documents, documents, documents_of_kustomize, is_json};
pub use emit::to_yaml;
