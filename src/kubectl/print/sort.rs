//! `--sort-by`: lists and tables in the order of a field.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/get/sorter.go.

use std::cmp::Ordering;

use serde_json::Value;

use super::template::{Path, relaxed};
use crate::apimachinery::quantity::Quantity;
use crate::kubectl::failure::Failure;

/// What is sorted by, and what is sorted.
type Keyed = (Option<Value>, Value);

/// Sorts objects by the field a JSONPath names; those without it come first.
///
/// # Errors
/// A path that cannot be read, or that no object has.
pub fn sort_items(items: &mut [Value], path: &str) -> Result<(), Failure> {
    let expression = relaxed(path)?;
    let path = Path::parse(&expression)?;
    let mut keyed: Vec<Keyed> = items.iter().map(|item| (path.find(item).into_iter().next(), item.clone())).collect();
    if !keyed.is_empty() && keyed.iter().all(|(key, _)| key.is_none()) {
        return Err(missing(&expression));
    }
    sort(&mut keyed);
    for (slot, (_, item)) in items.iter_mut().zip(keyed) {
        *slot = item;
    }
    Ok(())
}

/// Sorts the rows of a `Table` by a field of their objects.
///
/// # Errors
/// As [`sort_items`].
pub fn sort_rows(table: &mut Value, path: &str) -> Result<(), Failure> {
    let expression = relaxed(path)?;
    let path = Path::parse(&expression)?;
    let Some(rows) = table.get_mut("rows").and_then(Value::as_array_mut) else { return Ok(()) };
    let mut keyed: Vec<Keyed> = rows
        .iter()
        .map(|row| (row.get("object").and_then(|object| path.find(object).into_iter().next()), row.clone()))
        .collect();
    if !keyed.is_empty() && keyed.iter().all(|(key, _)| key.is_none()) {
        return Err(missing(&expression));
    }
    sort(&mut keyed);
    *rows = keyed.into_iter().map(|(_, row)| row).collect();
    Ok(())
}

/// What is said of a field that nothing has.
pub fn unsortable(path: &str) -> Failure {
    relaxed(path).map_or_else(|failure| failure, |expression| missing(&expression))
}

fn missing(expression: &str) -> Failure {
    Failure::msg(format!(
        "couldn't find any field with path {} in the list of objects",
        crate::text::go_number::quote(expression)
    ))
}

/// Whether one value comes before another; what is missing comes first, even before what is missing, too.
fn less(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (None, _) => true,
        (_, None) => false,
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.as_f64() < b.as_f64(),
        (Some(Value::String(a)), Some(Value::String(b))) => match (Quantity::parse(a), Quantity::parse(b)) {
            (Ok(a), Ok(b)) => a < b,
            _ => a < b,
        },
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => !a & b,
        _ => false,
    }
}

/// Sorts as Go does: short lists by insertion, which turns around what `less` calls smaller both ways.
fn sort(keyed: &mut [Keyed]) {
    let before = |a: &Keyed, b: &Keyed| less(a.0.as_ref(), b.0.as_ref());
    if keyed.len() > 12 {
        keyed.sort_by(|a, b| match (a.0.is_none(), b.0.is_none()) {
            (true, true) => Ordering::Equal,
            _ if before(a, b) => Ordering::Less,
            _ if before(b, a) => Ordering::Greater,
            _ => Ordering::Equal,
        });
        return;
    }
    for start in 1..keyed.len() {
        let mut at = start;
        while let Some([left, right]) = at.checked_sub(1).and_then(|from| keyed.get(from..=at)) {
            if !before(right, left) {
                break;
            }
            keyed.swap(at, at - 1);
            at -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_quantities_and_texts_have_their_own_orders() {
        let sorted = |values: &[Value]| {
            let mut items: Vec<Value> = values.iter().map(|value| json!({"x": value})).collect();
            sort_items(&mut items, ".x").unwrap();
            items.iter().map(|item| item["x"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(sorted(&[json!(10), json!(9)]), [json!(9), json!(10)]);
        assert_eq!(sorted(&[json!("1Gi"), json!("500Mi"), json!("2k")]), [json!("2k"), json!("500Mi"), json!("1Gi")]);
        assert_eq!(sorted(&[json!("job-2"), json!("job-10")]), [json!("job-10"), json!("job-2")]);
    }

    #[test]
    fn what_lacks_the_field_comes_first_and_turned_around() {
        let mut items = vec![json!({"n": 1}), json!({"n": 2}), json!({"n": 3, "x": 1})];
        sort_items(&mut items, ".x").unwrap();
        let order: Vec<i64> = items.iter().filter_map(|item| item["n"].as_i64()).collect();
        assert_eq!(order, [2, 1, 3]);
    }
}
