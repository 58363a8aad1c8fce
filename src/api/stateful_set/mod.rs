//! Stateful sets.
//!
//! Models Kubernetes 1.36 pkg/registry/apps/statefulset/strategy.go and pkg/apis/apps/v1/defaults.go.

mod validation;

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::json;

use super::pod_spec::warnings;
use super::{
    Cell, Column, KindInfo, Strategy, cells, claim_spec, generation, omitted::fill_text, pod_spec::defaults, status,
};
use crate::apimachinery::{field, meta};
use crate::sim::Time;

/// Drops what stands behind a feature gate that is off (`dropStatefulSetDisabledFields`).
fn drop_gated(set: &mut StatefulSet) {
    if let Some(rolling) = set.spec.as_mut().and_then(|spec| spec.update_strategy.as_mut()?.rolling_update.as_mut()) {
        rolling.max_unavailable = None;
    }
}

impl Strategy for StatefulSet {
    const INFO: KindInfo = KindInfo::new("apps", "v1", "StatefulSet", "statefulsets.apps", "statefulset")
        .short(&["sts"])
        .in_all()
        .status()
        .scale();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Ready", "How many Pods are ready, of how many."),
        Column::AGE,
        cells::CONTAINERS,
        cells::IMAGES,
    ];

    fn set_defaults(&mut self) {
        let spec = self.spec.get_or_insert_default();
        fill_text(&mut spec.pod_management_policy, "OrderedReady");
        let strategy = spec.update_strategy.get_or_insert_default();
        fill_text(&mut strategy.type_, "RollingUpdate");
        if strategy.type_.as_deref() == Some("RollingUpdate") {
            strategy.rolling_update.get_or_insert_default().partition.get_or_insert(0);
        }
        let retention = spec.persistent_volume_claim_retention_policy.get_or_insert_default();
        fill_text(&mut retention.when_deleted, "Retain");
        fill_text(&mut retention.when_scaled, "Retain");
        spec.replicas.get_or_insert(1);
        spec.revision_history_limit.get_or_insert(10);
        for claim in spec.volume_claim_templates.iter_mut().flatten() {
            let wanted = claim.spec.get_or_insert_default();
            fill_text(&mut wanted.volume_mode, "Filesystem");
            wanted.resources.get_or_insert_default();
            fill_text(&mut claim.status.get_or_insert_default().phase, "Pending");
        }
        defaults::set_template_defaults(&mut spec.template);
        self.status.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        drop_gated(self);
        self.status = Some(Default::default());
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        drop_gated(self);
        self.status.clone_from(&old.status);
        let changed = self.spec != old.spec;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.generation = old.metadata.generation;
    }

    fn validate_status_update(&self, old: &Self) -> Vec<field::Error> {
        let (mut errors, none) = (Vec::new(), Default::default());
        let (new, old) = (self.status.as_ref().unwrap_or(&none), old.status.as_ref());
        let all = [
            status::free("replicas", Some(new.replicas)),
            status::part("readyReplicas", new.ready_replicas),
            status::part("currentReplicas", new.current_replicas),
            status::part("updatedReplicas", new.updated_replicas),
            status::part("availableReplicas", new.available_replicas),
            ("observedGeneration", new.observed_generation, false),
            status::free("collisionCount", new.collision_count),
        ];
        status::counts(&mut errors, &all, Some(new.replicas), "status.readyReplicas");
        status::collisions(&mut errors, new.collision_count, old.and_then(|old| old.collision_count));
        errors
    }

    fn validate(&self) -> Vec<field::Error> {
        validation::validate(self)
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        validation::validate_update(self, old)
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let mut all = Vec::new();
        if let Some(spec) = &self.spec {
            let old = old.and_then(|old| old.spec.as_ref()).map(|spec| &spec.template);
            all.extend(warnings::of_template(&field::Path::new("spec").child("template"), &spec.template, old));
            for (index, claim) in spec.volume_claim_templates.iter().flatten().enumerate() {
                let at = field::Path::new("spec").child("volumeClaimTemplates").index(index);
                all.extend(claim.spec.iter().flat_map(|wanted| claim_spec::warnings(&at, wanted)));
            }
            if spec.revision_history_limit.is_some_and(|limit| limit < 0) {
                all.push(
                    "spec.revisionHistoryLimit: a negative value retains all historical revisions; \
                     a value >= 0 is recommended"
                        .to_owned(),
                );
            }
        }
        all
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.as_ref();
        let ready = self.status.as_ref().and_then(|status| status.ready_replicas).unwrap_or(0);
        let template = spec.map(|spec| &spec.template);
        vec![
            json!(meta::name(&self.metadata)),
            json!(format!("{ready}/{}", spec.and_then(|spec| spec.replicas).unwrap_or(0))),
            json!(cells::age(&self.metadata, now)),
            json!(cells::container_names(template)),
            json!(cells::container_images(template)),
        ]
    }
}
