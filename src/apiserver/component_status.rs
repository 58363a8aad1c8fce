//! `componentstatuses`: how the parts of the control plane are. Nothing of it is stored.
//!
//! Models Kubernetes 1.36 pkg/registry/core/componentstatus.

use serde_json::{Value, json};

use super::call::Call;
use super::negotiate::{self, Form};
use super::table;
use crate::apimachinery::Status;
use crate::text::http::{Method, Response};

const COMPONENTS: &[&str] = &["etcd-0", "scheduler", "controller-manager"];

/// Answers when the path is that of the component statuses.
pub(super) fn answer(call: &mut Call<'_>) -> Result<Option<Response>, Status> {
    let Some(rest) = call.request.path.trim_end_matches('/').strip_prefix("/api/v1/componentstatuses") else {
        return Ok(None);
    };
    if call.request.method != Method::Get {
        return Err(Status::method_not_allowed());
    }
    call.warnings.push("v1 ComponentStatus is deprecated in v1.19+".to_owned());
    let name = rest.trim_start_matches('/').to_owned();
    let wanted: Vec<&str> = COMPONENTS.iter().copied().filter(|known| name.is_empty() || *known == name).collect();
    if wanted.is_empty() {
        return Err(Status::not_found("componentstatus", &name));
    }
    let objects: Vec<Value> = wanted.iter().map(|name| component(name)).collect();
    let form = negotiate::form(call.request, None)?;
    let value = match (form, name.is_empty()) {
        (Form::Table(_), _) => tabled(&wanted),
        (_, true) => json!({"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {}, "items": objects}),
        (_, false) => objects.into_iter().next().unwrap_or_default(),
    };
    Ok(Some(call.json(200, &value)))
}

fn component(name: &str) -> Value {
    let healthy = json!({"type": "Healthy", "status": "True", "message": "ok"});
    json!({
        "kind": "ComponentStatus", "apiVersion": "v1",
        "metadata": {"name": name, "creationTimestamp": null}, "conditions": [healthy],
    })
}

fn tabled(names: &[&str]) -> Value {
    let column = |name: &str, format: &str, description: &str| json!({"name": name, "type": "string", "format": format, "description": description, "priority": 0});
    let columns = json!([
        column("Name", "name", "The component's name."),
        column("Status", "", "Whether it is healthy."),
        column("Message", "", "What it says of itself."),
        column("Error", "", "What went wrong in asking it."),
    ]);
    let rows = names
        .iter()
        .map(|name| {
            let object = json!({
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": {"name": name, "creationTimestamp": null},
            });
            json!({"cells": [name, "Healthy", "ok", ""], "object": object})
        })
        .collect();
    table::table(json!({}), columns, rows)
}
