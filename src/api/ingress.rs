//! Ingresses.
//!
//! Models Kubernetes 1.36 pkg/apis/networking/validation/validation.go (`ValidateIngressSpec`).

use k8s_openapi::api::networking::v1::{HTTPIngressPath, Ingress, IngressBackend, IngressStatus};
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, validate};
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

impl Strategy for Ingress {
    const INFO: KindInfo =
        KindInfo::new("networking.k8s.io", "v1", "Ingress", "ingresses.networking.k8s.io", "ingress")
            .short(&["ing"])
            .status();
    const COLUMNS: &'static [Column] = &[
        Column::NAME,
        Column::new("Class", "The class whose controller serves it."),
        Column::new("Hosts", "The host names that it answers to."),
        Column::new("Address", "Where the load balancer listens."),
        Column::new("Ports", "The ports that are open."),
        Column::AGE,
    ];

    fn set_defaults(&mut self) {
        self.spec.get_or_insert_default();
        self.status.get_or_insert_default().load_balancer.get_or_insert_default();
    }

    fn prepare_for_create(&mut self) {
        self.status = Some(IngressStatus { load_balancer: Some(Default::default()) });
        generation::start(&mut self.metadata);
    }

    fn prepare_for_update(&mut self, old: &Self) {
        self.status.clone_from(&old.status);
        let changed = self.spec != old.spec;
        generation::follow(&mut self.metadata, &old.metadata, changed);
    }

    fn prepare_for_status_update(&mut self, old: &Self) {
        self.spec.clone_from(&old.spec);
        self.metadata.generation = old.metadata.generation;
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let path = field::Path::new("spec");
        let Some(spec) = &self.spec else { return errors };
        let rules = spec.rules.as_deref().unwrap_or_default();
        if rules.is_empty() && spec.default_backend.is_none() {
            let why = "either `defaultBackend` or `rules` must be specified";
            errors.push(field::Error::invalid(&path, &spec.rules, why));
        }
        if let Some(given) = &spec.default_backend {
            backend(&mut errors, &path.child("defaultBackend"), given);
        }
        for (index, rule) in rules.iter().enumerate() {
            let path = path.child("rules").index(index);
            if let Some(host) = rule.host.as_deref().filter(|host| !host.is_empty()) {
                // A star stands for the first label alone.
                let plain = host.strip_prefix("*.").unwrap_or(host);
                validate::each(&mut errors, &path.child("host"), host, content::dns1123_subdomain(plain));
            }
            for (at, given) in rule.http.iter().flat_map(|http| http.paths.iter()).enumerate() {
                http_path(&mut errors, &path.child("http").child("paths").index(at), given);
            }
        }
        if let Some(class) = &spec.ingress_class_name {
            let at = path.child("ingressClassName");
            validate::each(&mut errors, &at, class, content::dns1123_subdomain(class));
        }
        errors
    }

    fn row(&self, now: Time) -> Vec<Cell> {
        let spec = self.spec.clone().unwrap_or_default();
        let rules = spec.rules.unwrap_or_default();
        let mut hosts: Vec<String> =
            rules.into_iter().filter_map(|rule| rule.host).filter(|host| !host.is_empty()).collect();
        let count = hosts.len();
        hosts.truncate(3);
        let hosts = match count {
            0 => "*".to_owned(),
            count if count > 3 => format!("{} + {} more...", hosts.join(","), count - 3),
            _ => hosts.join(","),
        };
        let status = self.status.clone().unwrap_or_default().load_balancer.unwrap_or_default();
        let held = status.ingress.into_iter().flatten();
        let addresses: Vec<String> = held.filter_map(|one| one.ip.or(one.hostname)).collect();
        let ports = if spec.tls.iter().flatten().next().is_some() { "80, 443" } else { "80" };
        vec![
            json!(meta::name(&self.metadata)),
            json!(spec.ingress_class_name.unwrap_or_else(|| cells::NONE.to_owned())),
            json!(hosts),
            json!(addresses.join(",")),
            json!(ports),
            json!(cells::age(&self.metadata, now)),
        ]
    }
}

fn http_path(errors: &mut validate::Errors, path: &field::Path, given: &HTTPIngressPath) {
    let text = given.path.as_deref().unwrap_or_default();
    let known = &["Exact", "ImplementationSpecific", "Prefix"];
    match given.path_type.as_str() {
        "" => errors.push(field::Error::required(&path.child("pathType"), "pathType must be specified")),
        "Exact" | "Prefix" if !text.starts_with('/') => {
            errors.push(field::Error::invalid(&path.child("path"), text, "must be an absolute path"));
        }
        "ImplementationSpecific" if !text.is_empty() && !text.starts_with('/') => {
            errors.push(field::Error::invalid(&path.child("path"), text, "must be an absolute path"));
        }
        "Exact" | "Prefix" | "ImplementationSpecific" => {}
        other => errors.push(field::Error::not_supported(&path.child("pathType"), other, known)),
    }
    backend(errors, &path.child("backend"), &given.backend);
}

fn backend(errors: &mut validate::Errors, path: &field::Path, given: &IngressBackend) {
    let Some(service) = &given.service else {
        if given.resource.is_none() {
            errors.push(field::Error::required(path, "either `service` or `resource` must be specified"));
        }
        return;
    };
    let path = path.child("service");
    if service.name.is_empty() {
        errors.push(field::Error::required(&path.child("name"), ""));
    } else {
        validate::each(errors, &path.child("name"), &service.name, content::dns1035_label(&service.name));
    }
    let port = service.port.clone().unwrap_or_default();
    match (port.name.filter(|name| !name.is_empty()), port.number.filter(|number| *number != 0)) {
        (Some(_), Some(_)) => {
            errors.push(field::Error::invalid(&path, &service.name, "cannot set both port name & port number"));
        }
        (Some(name), None) => {
            validate::each(errors, &path.child("port").child("name"), &name, validate::port_name(&name));
        }
        (None, Some(number)) => validate::port_number(errors, &path.child("port").child("number"), number),
        (None, None) => errors.push(field::Error::required(&path, "port name or number is required")),
    }
}
