//! `pods/binding`: puts a Pod on a node.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Binding, Pod, PodCondition};
use serde_json::json;

use crate::apimachinery::field::{Error, Path};
use crate::apimachinery::{Reason, Status, downcast, meta};
use crate::apiserver::call::Call;
use crate::apiserver::route::Target;
use crate::apiserver::{ApiServer, Caller, body};
use crate::text::http::{Method, Response};

/// Binds the Pod that the path names.
pub(super) fn create(call: &mut Call<'_>, target: &Target) -> Result<Response, Status> {
    let binding = read(call)?;
    if binding.metadata.name.as_deref().unwrap_or_default() != target.name {
        return Err(Status::bad_request("name in URL does not match name in Binding object"));
    }
    bind(call, target.namespace(), &target.name, &binding)
}

/// `POST` to `/api/v1/namespaces/NAMESPACE/bindings`, whose body names the Pod.
pub(in crate::apiserver) fn create_at_collection(call: &mut Call<'_>) -> Result<Option<Response>, Status> {
    let path = call.request.path.trim_matches('/');
    let Some(namespace) = path.strip_prefix("api/v1/namespaces/").and_then(|rest| rest.strip_suffix("/bindings"))
    else {
        return Ok(None);
    };
    if namespace.contains('/') {
        return Ok(None);
    }
    if call.request.method != Method::Post {
        return Err(Status::method_not_allowed());
    }
    let (namespace, binding) = (namespace.to_owned(), read(call)?);
    let name = binding.metadata.name.clone().unwrap_or_default();
    bind(call, &namespace, &name, &binding).map(Some)
}

fn read(call: &Call<'_>) -> Result<Binding, Status> {
    let (mut value, _) = body::read(call.request, "Binding")?;
    if let Some(map) = value.as_object_mut() {
        map.insert("apiVersion".to_owned(), json!("v1"));
        map.insert("kind".to_owned(), json!("Binding"));
    }
    crate::apimachinery::decode(value).map_err(|error| Status::bad_request(error.to_string()))
}

fn bind(call: &mut Call<'_>, namespace: &str, name: &str, binding: &Binding) -> Result<Response, Status> {
    let target = Path::new("target");
    let wrong = match (binding.target.kind.as_deref().unwrap_or_default(), binding.target.name.as_deref()) {
        ("" | "Node", Some(name)) if !name.is_empty() => None,
        ("" | "Node", _) => Some(Error::required(&target.child("name"), "")),
        (kind, _) => Some(Error::not_supported(&target.child("kind"), kind, &["Node", "<empty>"])),
    };
    if let Some(error) = wrong {
        // Nobody has given this failure a reason upstream.
        return Err(Status::other(Reason::Unknown, error.to_string()));
    }
    if body::dry_run(call.request, "CreateOptions")? {
        call.server.get::<Pod>(namespace, name)?;
    } else {
        call.server.bind(call.caller, namespace, name, binding)?;
    }
    Ok(call.json(201, &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201})))
}

impl ApiServer {
    /// Binds a Pod to the node that `binding.target` names (`pods/binding`).
    ///
    /// # Errors
    /// `NotFound`, or `Conflict` when the Pod is bound or being deleted already.
    pub fn bind(
        &mut self,
        caller: &Caller,
        namespace: &str,
        name: &str,
        binding: &Binding,
    ) -> Result<Arc<Pod>, Status> {
        let stored = self.store.stored("pods", namespace, name).ok_or_else(|| Status::not_found("pods", name))?;
        let origin = Arc::clone(&stored.origin);
        let mut pod = Pod::clone(&*self.get::<Pod>(namespace, name)?);
        let node = binding.target.name.clone().unwrap_or_default();
        if meta::is_deleting(&pod.metadata) {
            return Err(Status::conflict(
                "pods/binding",
                name,
                &format!("pod {name} is being deleted, cannot be assigned to a host"),
            ));
        }
        let spec = pod.spec.get_or_insert_default();
        if let Some(bound) = spec.node_name.as_deref().filter(|bound| !bound.is_empty()) {
            let why = format!("pod {name} is already assigned to node \"{bound}\"");
            return Err(Status::conflict("pods/binding", name, &why));
        }
        spec.node_name = Some(node);
        let condition = PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "True".to_owned(),
            last_transition_time: Some(meta::time(self.now)),
            observed_generation: pod.metadata.generation,
            ..PodCondition::default()
        };
        let status = pod.status.get_or_insert_default();
        status.nominated_node_name = None;
        let conditions = status.conditions.get_or_insert_default();
        conditions.retain(|held| held.type_ != condition.type_);
        conditions.push(condition);
        // A binding is not of the Pod's own fields: nobody owns what it sets.
        let stored = self.store.put(Box::new(pod), origin, &caller.user);
        downcast(&stored.object).ok_or_else(|| Status::internal("the stored object is of another type"))
    }
}
