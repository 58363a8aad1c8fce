//! What kustomizations have made so far.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/internal/accumulator/resaccumulator.go.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::config::Config;
use super::item::Item;
use super::merge::Definitions;
use super::vars::Var;

/// What kustomizations have made so far.
#[derive(Clone, Debug, Default)]
pub struct Accumulated {
    pub items: Vec<Item>,
    pub vars: Vec<Var>,
    pub config: Config,
    /// Keys of labels and annotations that YAML does not read as text.
    pub odd: BTreeSet<String>,
    /// The schema of `openapi`; the first one counts.
    pub schema: Option<Arc<Definitions>>,
    /// Whether a version of the built-in schema has been asked for.
    pub fixed: bool,
}
