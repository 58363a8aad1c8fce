//! Ingresses.
//!
//! Models Kubernetes 1.36 pkg/apis/networking/validation/validation.go (`ValidateIngressSpec`).

use k8s_openapi::api::networking::v1::{HTTPIngressPath, Ingress, IngressBackend, IngressRule, IngressStatus};
use serde_json::json;

use super::{Cell, Column, KindInfo, Strategy, cells, generation, status, validate};
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

/// The annotation that named the class before there was a field.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const WILDCARD: &str = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must \
     consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. \
     '*.example.com', regex used for validation is \
     '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

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

    fn validate_status_update(&self, _: &Self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let balancer = self.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        let path = field::Path::new("status").child("loadBalancer").child("ingress");
        for (index, one) in balancer.iter().flat_map(|held| held.ingress.iter().flatten()).enumerate() {
            status::balancer(&mut errors, &path.index(index), one.ip.as_deref(), one.hostname.as_deref());
        }
        errors
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let path = field::Path::new("spec");
        let Some(spec) = &self.spec else { return errors };
        let rules = spec.rules.as_deref().unwrap_or_default();
        if rules.is_empty() && spec.default_backend.is_none() {
            let why = "either `defaultBackend` or `rules` must be specified";
            // The rules are shown where the spec is named.
            errors.push(field::Error::invalid_shown(&path, "null", why));
        }
        if let Some(given) = &spec.default_backend {
            backend(&mut errors, &path.child("defaultBackend"), given);
        }
        for (index, given) in rules.iter().enumerate() {
            rule(&mut errors, &path.child("rules").index(index), given);
        }
        for (index, tls) in spec.tls.iter().flatten().enumerate() {
            let path = path.child("tls").index(index);
            for (index, given) in tls.hosts.iter().flatten().enumerate() {
                host(&mut errors, &path.child("hosts").index(index), given);
            }
            if let Some(name) = tls.secret_name.as_deref().filter(|name| !name.is_empty()) {
                validate::each(&mut errors, &path.child("secretName"), name, content::dns1123_subdomain(name));
            }
        }
        if let Some(class) = &spec.ingress_class_name {
            let at = path.child("ingressClassName");
            validate::each(&mut errors, &at, class, content::dns1123_subdomain(class));
        }
        errors
    }

    fn warnings(&self, old: Option<&Self>) -> Vec<String> {
        let annotated = self.metadata.annotations.iter().flatten().any(|(key, _)| key == CLASS_ANNOTATION);
        let named = self.spec.as_ref().is_some_and(|spec| spec.ingress_class_name.is_some());
        let text = format!("annotation {CLASS_ANNOTATION:?} is deprecated, please use 'spec.ingressClassName' instead");
        Some(text).filter(|_| old.is_none() && annotated && !named).into_iter().collect()
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

fn rule(errors: &mut validate::Errors, path: &field::Path, given: &IngressRule) {
    if let Some(name) = given.host.as_deref().filter(|name| !name.is_empty()) {
        if validate::is_ip_address(name) {
            errors.push(field::Error::invalid(&path.child("host"), name, "must be a DNS name, not an IP address"));
        }
        host(errors, &path.child("host"), name);
    }
    let Some(http) = &given.http else { return };
    let path = path.child("http").child("paths");
    if http.paths.is_empty() {
        errors.push(field::Error::required(&path, ""));
    }
    for (index, given) in http.paths.iter().enumerate() {
        http_path(errors, &path.index(index), given);
    }
}

/// A host name, with a star for its first label if it has one.
fn host(errors: &mut validate::Errors, path: &field::Path, name: &str) {
    if !name.contains('*') {
        validate::each(errors, path, name, content::dns1123_subdomain(name));
    } else if name.strip_prefix("*.").is_none_or(|rest| !content::dns1123_subdomain(rest).is_empty()) {
        errors.push(field::Error::invalid(path, name, WILDCARD));
    }
}

fn http_path(errors: &mut validate::Errors, path: &field::Path, given: &HTTPIngressPath) {
    let text = given.path.as_deref().unwrap_or_default();
    let at = path.child("path");
    match given.path_type.as_str() {
        "" => {
            errors.push(field::Error::required(&path.child("pathType"), "pathType must be specified"));
            return;
        }
        "Exact" | "Prefix" => {
            if !text.starts_with('/') {
                errors.push(field::Error::invalid(&at, text, "must be an absolute path"));
            }
            for part in ["//", "/./", "/../", "%2f", "%2F"].iter().filter(|part| text.contains(*part)) {
                errors.push(field::Error::invalid(&at, text, format!("must not contain '{part}'")));
            }
            for end in ["/..", "/."].iter().filter(|end| text.ends_with(*end)) {
                errors.push(field::Error::invalid(&at, text, format!("cannot end with '{end}'")));
            }
        }
        "ImplementationSpecific" => {
            if !text.is_empty() && !text.starts_with('/') {
                errors.push(field::Error::invalid(&at, text, "must be an absolute path"));
            }
        }
        other => {
            let known = &["Exact", "ImplementationSpecific", "Prefix"];
            errors.push(field::Error::not_supported(&path.child("pathType"), other, known));
        }
    }
    backend(errors, &path.child("backend"), &given.backend);
}

fn backend(errors: &mut validate::Errors, path: &field::Path, given: &IngressBackend) {
    let service = match (&given.service, &given.resource) {
        (Some(_), Some(_)) => {
            errors.push(field::Error::invalid(path, "", "cannot set both resource and service backends"));
            return;
        }
        (None, None) => {
            errors.push(field::Error::invalid(path, "", "resource or service backend is required"));
            return;
        }
        (None, Some(resource)) => {
            let path = path.child("resource");
            validate::reference(errors, &path, resource.api_group.as_deref(), &resource.kind, &resource.name);
            return;
        }
        (Some(service), None) => service,
    };
    let at = path.child("service");
    if service.name.is_empty() {
        errors.push(field::Error::required(&at.child("name"), ""));
    } else {
        validate::each(errors, &at.child("name"), &service.name, content::dns1123_label(&service.name));
    }
    let port = service.port.clone().unwrap_or_default();
    match (port.name.filter(|name| !name.is_empty()), port.number.filter(|number| *number != 0)) {
        (Some(_), Some(_)) => {
            errors.push(field::Error::invalid(path, "", "cannot set both port name & port number"));
        }
        (Some(name), None) => {
            validate::each(errors, &at.child("port").child("name"), &name, content::port_name(&name));
        }
        (None, Some(number)) => validate::port_number(errors, &at.child("port").child("number"), number),
        (None, None) => errors.push(field::Error::required(path, "port name or number is required")),
    }
}
