//! What every namespace gets: the ServiceAccount `default` and the ConfigMap with the cluster's root certificate.
//!
//! Models Kubernetes 1.36 pkg/controller/serviceaccount/serviceaccounts_controller.go and
//! pkg/controller/certificates/rootcacertpublisher/publisher.go.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, ServiceAccount};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::pod_control::is_namespace_terminating;
use super::{Context, Controller};
use crate::apimachinery::{Kind, ObjectKey, Reason, Status, meta};
use crate::client::{Caches, Delta, WorkQueue};
use crate::sim::{Seed, Time};

/// The name of every namespace's own ServiceAccount.
const DEFAULT_ACCOUNT: &str = "default";
/// The name of the ConfigMap with the certificate.
const ROOT_CA: &str = "kube-root-ca.crt";
const DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal \
                           endpoints such as the internal service IP or kubernetes.default.svc. No other usage is \
                           guaranteed across distributions of Kubernetes clusters.";

/// Keeps the ServiceAccount `default` in every namespace.
#[derive(Clone, Debug, Default)]
pub struct ServiceAccountController;

/// Keeps the root certificate in every namespace.
#[derive(Clone, Debug)]
pub struct RootCaPublisher {
    certificate: String,
}

/// A new service account controller.
pub fn new(_: Seed) -> Box<dyn Controller> {
    Box::new(ServiceAccountController)
}

/// A new publisher of the root certificate; the certificate is made from the seed.
pub fn new_root_ca_publisher(seed: Seed) -> Box<dyn Controller> {
    Box::new(RootCaPublisher { certificate: certificate(seed) })
}

/// The cluster's root certificate: text in the form of one. Nothing in this cluster speaks TLS, so it is never verified.
pub fn certificate(seed: Seed) -> String {
    let mut rng = seed.fork("root-ca").rng();
    // The head of every X.509 certificate: a sequence of about 800 bytes.
    let mut bytes = vec![0x30, 0x82, 0x03, 0x05, 0x30, 0x82, 0x01, 0xed, 0xa0, 0x03, 0x02, 0x01, 0x02, 0x02, 0x08];
    bytes.extend(std::iter::repeat_with(|| rng.u8(..)).take(762));
    let text = STANDARD.encode(bytes);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    for (position, letter) in text.chars().enumerate() {
        if position > 0 && position % 64 == 0 {
            pem.push('\n');
        }
        pem.push(letter);
    }
    pem.push_str("\n-----END CERTIFICATE-----\n");
    pem
}

/// Queues the namespace of a change, when the change may leave it without `name`.
fn queue_namespace(delta: &Delta, name: &str, queue: &mut WorkQueue, now: Time) {
    let Some(object) = delta.object() else { return };
    let namespace = if &*delta.resource == Namespace::RESOURCE {
        meta::name(object.meta())
    } else if meta::name(object.meta()) == name {
        meta::namespace(object.meta())
    } else {
        return;
    };
    queue.add_at(ObjectKey::new(Namespace::RESOURCE, "", namespace), now);
}

fn is_open(name: &str, context: &Context<'_>) -> bool {
    context.caches.get::<Namespace>("", name).is_some_and(|namespace| !meta::is_deleting(&namespace.metadata))
}

fn created(result: Result<(), Status>) -> Result<(), Status> {
    result.or_else(|error| {
        let settled = error.reason == Reason::AlreadyExists || is_namespace_terminating(&error);
        if settled { Ok(()) } else { Err(error) }
    })
}

impl Controller for ServiceAccountController {
    fn name(&self) -> &'static str {
        "serviceaccount-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:service-account-controller"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Namespace::RESOURCE, ServiceAccount::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        queue_namespace(delta, DEFAULT_ACCOUNT, queue, now);
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        if !is_open(&key.name, context) || context.caches.get::<ServiceAccount>(&key.name, DEFAULT_ACCOUNT).is_some() {
            return Ok(());
        }
        let account = ServiceAccount {
            metadata: ObjectMeta {
                name: Some(DEFAULT_ACCOUNT.to_owned()),
                namespace: Some(key.name.to_string()),
                ..ObjectMeta::default()
            },
            ..ServiceAccount::default()
        };
        created(context.client.create(account).map(|_| ()))
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}

impl Controller for RootCaPublisher {
    fn name(&self) -> &'static str {
        "root-ca-certificate-publisher-controller"
    }

    fn user(&self) -> &'static str {
        "system:serviceaccount:kube-system:root-ca-cert-publisher"
    }

    fn watches(&self) -> Vec<&'static str> {
        vec![Namespace::RESOURCE, ConfigMap::RESOURCE]
    }

    fn observe(&mut self, delta: &Delta, _: &Caches, queue: &mut WorkQueue, now: Time) {
        queue_namespace(delta, ROOT_CA, queue, now);
    }

    fn reconcile(&mut self, key: &ObjectKey, context: &mut Context<'_>) -> Result<(), Status> {
        if !is_open(&key.name, context) {
            return Ok(());
        }
        let data = BTreeMap::from([("ca.crt".to_owned(), self.certificate.clone())]);
        let annotations = BTreeMap::from([("kubernetes.io/description".to_owned(), DESCRIPTION.to_owned())]);
        let Some(held) = context.caches.get::<ConfigMap>(&key.name, ROOT_CA) else {
            let map = ConfigMap {
                metadata: ObjectMeta {
                    name: Some(ROOT_CA.to_owned()),
                    namespace: Some(key.name.to_string()),
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                },
                data: Some(data),
                ..ConfigMap::default()
            };
            return created(context.client.create(map).map(|_| ()));
        };
        let described = held.metadata.annotations.as_ref().and_then(|held| held.get("kubernetes.io/description"));
        if held.data.as_ref() == Some(&data) && described.is_some_and(|text| text == DESCRIPTION) {
            return Ok(());
        }
        let mut map = ConfigMap::clone(&held);
        map.data = Some(data);
        map.metadata.annotations.get_or_insert_default().extend(annotations);
        context.client.update(map).map(|_| ())
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }
}
