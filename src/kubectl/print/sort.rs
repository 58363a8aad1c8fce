//! `--sort-by`: lists and tables in the order of a field.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/get/sorter.go.

use std::cell::Cell;

use serde_json::Value;

use super::go_sort;
use super::template::relaxed;
use crate::apimachinery::quantity::Quantity;
use crate::kubectl::failure::Failure;
use crate::kubectl::writing::klog;
use crate::sim::Time;
use crate::text::json_path::JsonPath;

/// What is sorted by, and what is sorted.
type Keyed = (Option<Value>, Value);

/// Sorts objects by the field a JSONPath names; those without it come first.
///
/// # Errors
/// A path that cannot be read, or that no object has; what has no order.
pub fn sort_items(items: &mut [Value], path: &str, now: Time) -> Result<(), Failure> {
    let expression = relaxed(path)?;
    let path = parsed(&expression)?;
    let mut keyed: Vec<Keyed> = items.iter().map(|item| (first(&path, Some(item)), item.clone())).collect();
    if !keyed.is_empty() && keyed.iter().all(|(key, _)| key.is_none()) {
        return Err(missing(&expression));
    }
    sort(&mut keyed, &expression, "*unstructured.Unstructured", ("sorter.go:329", now))?;
    for (slot, (_, item)) in items.iter_mut().zip(keyed) {
        *slot = item;
    }
    Ok(())
}

/// Sorts the rows of a `Table` by a field of their objects; says whether it could be sorted, for one that cannot is
/// silently not printed.
///
/// # Errors
/// What has no order.
pub fn sort_rows(table: &mut Value, path: &str, now: Time) -> Result<bool, Failure> {
    let expression = relaxed(path).unwrap_or_else(|_| path.to_owned());
    let Ok(path) = parsed(&expression) else { return Ok(false) };
    let Some(rows) = table.get_mut("rows").and_then(Value::as_array_mut) else { return Ok(true) };
    let mut keyed: Vec<Keyed> = rows.iter().map(|row| (first(&path, row.get("object")), row.clone())).collect();
    if keyed.iter().all(|(key, _)| key.is_none()) {
        return Ok(keyed.is_empty());
    }
    sort(&mut keyed, &expression, "[][][]reflect.Value", ("sorter.go:375", now))?;
    *rows = keyed.into_iter().map(|(_, row)| row).collect();
    Ok(true)
}

/// What is said of a field that nothing has.
pub fn unsortable(path: &str) -> Failure {
    relaxed(path)
        .and_then(|expression| parsed(&expression).map(|_| missing(&expression)))
        .unwrap_or_else(|failure| failure)
}

fn parsed(expression: &str) -> Result<JsonPath, Failure> {
    JsonPath::parse(expression).map(|path| path.allow_missing_keys(true)).map_err(Failure::msg)
}

fn first(path: &JsonPath, object: Option<&Value>) -> Option<Value> {
    let found = path.find(object?).ok()?;
    found.into_iter().next()?.into_iter().next().map(std::borrow::Cow::into_owned)
}

fn missing(expression: &str) -> Failure {
    Failure::msg(format!(
        "couldn't find any field with path {} in the list of objects",
        crate::text::go_number::quote(expression)
    ))
}

/// Whether one value comes before another; what is missing comes first, even before what is missing, too.
///
/// # Errors
/// The Go type of what has no order.
fn less(a: Option<&Value>, b: Option<&Value>) -> Result<bool, &'static str> {
    Ok(match (a, b) {
        (None, _) => true,
        (_, None) => false,
        (Some(Value::Null), b) => b != Some(&Value::Null),
        (_, Some(Value::Null)) => false,
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.as_f64() < b.as_f64(),
        (Some(Value::String(a)), Some(Value::String(b))) => match (Quantity::parse(a), Quantity::parse(b)) {
            (Ok(a), Ok(b)) => a < b,
            _ => a < b,
        },
        (Some(Value::Bool(_)), _) => return Err("unsortable type: bool"),
        (Some(Value::Array(_)), _) => return Err("unsortable type: []interface {}"),
        (Some(Value::Object(_)), _) => return Err("unsortable type: map[string]interface {}"),
        _ => return Err("unsortable interface: interface"),
    })
}

/// Sorts as Go does. kubectl ends, as for a fault of its own, at the first pair that has no order.
fn sort(keyed: &mut Vec<Keyed>, field: &str, holder: &str, (place, now): (&str, Time)) -> Result<(), Failure> {
    let key = |at: usize| keyed.get(at).and_then(|(key, _)| key.as_ref());
    let unsortable = Cell::new(None);
    let order = go_sort::order(keyed.len(), &|a, b| {
        less(key(a), key(b)).unwrap_or_else(|why| {
            unsortable.set(unsortable.get().or(Some(why)));
            false
        })
    });
    if let Some(why) = unsortable.get() {
        // The whole object is a map to Go, a field of it a value of any type.
        let whole = ["{.}", "{..}"].contains(&field) && why.ends_with("map[string]interface {}");
        let (kind, why) = if whole { ("map", "unsortable type: map") } else { ("interface", why) };
        let text = format!("Field {field} in {holder} is an unsortable type: {kind}, err: {why}");
        return Err(Failure::Exit(1, klog('F', now, place, &text)));
    }
    let mut places: Vec<Option<Keyed>> = std::mem::take(keyed).into_iter().map(Some).collect();
    keyed.extend(order.into_iter().filter_map(|at| places.get_mut(at).and_then(Option::take)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_quantities_and_texts_have_their_own_orders() {
        let sorted = |values: &[Value]| {
            let mut items: Vec<Value> = values.iter().map(|value| json!({"x": value})).collect();
            sort_items(&mut items, ".x", Time::from_micros(0)).unwrap();
            items.iter().map(|item| item["x"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(sorted(&[json!(10), json!(9)]), [json!(9), json!(10)]);
        assert_eq!(sorted(&[json!("1Gi"), json!("500Mi"), json!("2k")]), [json!("2k"), json!("500Mi"), json!("1Gi")]);
        assert_eq!(sorted(&[json!("job-2"), json!("job-10")]), [json!("job-10"), json!("job-2")]);
    }

    #[test]
    fn what_lacks_the_field_comes_first_and_turned_around() {
        let mut items = vec![json!({"n": 1}), json!({"n": 2}), json!({"n": 3, "x": 1})];
        sort_items(&mut items, ".x", Time::from_micros(0)).unwrap();
        let order: Vec<i64> = items.iter().filter_map(|item| item["n"].as_i64()).collect();
        assert_eq!(order, [2, 1, 3]);
    }

    #[test]
    fn what_has_no_order_ends_kubectl() {
        let mut items = vec![json!({"x": true}), json!({"x": false})];
        let (words, code) = sort_items(&mut items, ".x", Time::from_micros(0)).unwrap_err().report();
        assert!(words.ends_with(
            "sorter.go:329] Field {.x} in *unstructured.Unstructured is an unsortable type: interface, err: unsortable type: bool\n"
        ));
        assert_eq!(code, 1);
    }
}
