//! Objects as files hold them: lists are taken apart, what is no object is told, none comes twice.
//!
//! Models sigs.k8s.io/kustomize 5.8 api/resource/factory.go.

use serde_json::{Value, json};

use super::item::Item;

/// What a list holds, or the object itself.
pub fn flat(document: Value) -> Vec<Value> {
    let is_list = document.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
    match document.get("items") {
        Some(Value::Array(items)) if is_list => items.clone(),
        Some(_) if is_list => Vec::new(),
        _ if document.is_null() || document == json!({}) => Vec::new(),
        _ => vec![document],
    }
}

/// An object with a kind and a name.
///
/// # Errors
/// What it lacks.
pub fn valid(object: Value) -> Result<Item, String> {
    let item = Item::new(object);
    let lacks = match (item.kind().as_str(), item.text("/metadata/name").as_str()) {
        ("", _) => "kind",
        (_, "") => "metadata.name",
        _ => return Ok(item),
    };
    if ["apiVersion", "kind", "metadata"].iter().all(|name| item.object.get(*name).is_none()) {
        return Err("missing Resource metadata".to_owned());
    }
    Err(format!(
        "missing {lacks} in object {{{{{} {}}} {{{{{} {}}} map[] map[]}}}}",
        item.text("/apiVersion"),
        item.kind(),
        item.text("/metadata/name"),
        item.text("/metadata/namespace"),
    ))
}

/// Adds an object; two may not have the same kind, name and namespace.
///
/// # Errors
/// There is one already.
pub fn add(items: &mut Vec<Item>, item: Item) -> Result<(), String> {
    if items.iter().any(|known| known.is_same(&item)) {
        return Err(format!("may not add resource with an already registered id: {}", item.id()));
    }
    items.push(item);
    Ok(())
}
