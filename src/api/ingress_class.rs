//! Ingress classes.
//!
//! Models Kubernetes 1.36 pkg/apis/networking/validation/validation.go (`ValidateIngressClass`).

use k8s_openapi::api::networking::v1::{IngressClass, IngressClassParametersReference};
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, validate};
use crate::api::validate::Errors;
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

/// How long the name of a controller may be, in bytes.
const LONGEST_CONTROLLER: usize = 250;

impl Strategy for IngressClass {
    const INFO: KindInfo =
        KindInfo::new("networking.k8s.io", "v1", "IngressClass", "ingressclasses.networking.k8s.io", "ingressclass")
            .cluster_scoped();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Controller", "The controller that serves Ingresses of the class."),
        Column::new("Parameters", "Where more about the class is written."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        if let Some(parameters) = self.spec.get_or_insert_default().parameters.as_mut() {
            parameters.scope.get_or_insert_with(|| "Cluster".to_owned());
        }
    }

    fn prepare_for_create(&mut self) {
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        let changed = self.spec != old.spec;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn validate(&self) -> Vec<field::Error> {
        let (mut errors, path) = (Vec::new(), field::Path::new("spec"));
        let spec = self.spec.clone().unwrap_or_default();
        let (at, controller) = (path.child("controller"), spec.controller.unwrap_or_default());
        if controller.len() > LONGEST_CONTROLLER {
            errors.push(field::Error::too_long(&at, LONGEST_CONTROLLER));
        }
        validate::domain_prefixed_path(&mut errors, &at, &controller);
        if let Some(given) = &spec.parameters {
            validate_parameters(&mut errors, &path.child("parameters"), given);
        }
        errors
    }

    fn validate_update(&self, old: &Self) -> Vec<field::Error> {
        let controller =
            |class: &Self| class.spec.as_ref().and_then(|spec| spec.controller.clone()).unwrap_or_default();
        let mut errors = Vec::new();
        let at = field::Path::new("spec").child("controller");
        validate::immutable(&mut errors, &at, &controller(self), &controller(old));
        errors.extend(self.validate());
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.clone().unwrap_or_default();
        let parameters = spec.parameters.map(|given| {
            let group = given.api_group.map(|group| format!(".{group}")).unwrap_or_default();
            format!("{}{group}/{}", given.kind, given.name)
        });
        vec![
            json!(meta::name(&self.metadata)),
            json!(spec.controller.unwrap_or_default()),
            json!(parameters.unwrap_or_else(|| cells::NONE.to_owned())),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}

fn validate_parameters(errors: &mut Errors, path: &field::Path, given: &IngressClassParametersReference) {
    validate::reference(errors, path, given.api_group.as_deref(), &given.kind, &given.name);
    let (at, namespace) = (path.child("namespace"), given.namespace.as_deref());
    match (given.scope.as_deref(), namespace) {
        (None, _) => errors.push(field::Error::required(&path.child("scope"), "")),
        (Some("Namespace"), None) => {
            errors.push(field::Error::required(&at, "`parameters.scope` is set to 'Namespace'"));
        }
        (Some("Namespace"), Some(name)) => validate::each(errors, &at, name, content::dns1123_label(name)),
        (Some("Cluster"), Some(_)) => {
            errors.push(field::Error::forbidden(&at, "`parameters.scope` is set to 'Cluster'"));
        }
        (scope, _) => validate::supported(errors, &path.child("scope"), scope, &["Cluster", "Namespace"]),
    }
}
