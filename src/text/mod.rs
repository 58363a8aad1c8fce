//! Formats: YAML, JSONPath, HTTP values, tables, durations. Formats only: no Kubernetes rule lives here.

pub mod http;
