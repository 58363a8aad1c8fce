//! A small POSIX machine: processes, files, a shell and its applets. Knows no Kubernetes.

pub mod keys;
pub mod line_editor;
pub mod program;
