//! `--sort-by`: lists and tables in the order of a field.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/kubectl/pkg/cmd/get/sorter.go.

use std::cmp::Ordering;

use serde_json::Value;

use super::template::{Path, relaxed};
use crate::kubectl::failure::Failure;

/// Sorts objects by the field a JSONPath names; those without it come first.
///
/// # Errors
/// A path that cannot be read, or that no object has.
pub fn sort_items(items: &mut [Value], path: &str) -> Result<(), Failure> {
    let expression = relaxed(path)?;
    let path = Path::parse(&expression)?;
    let mut keyed: Vec<(Option<Value>, Value)> =
        items.iter().map(|item| (path.find(item).into_iter().next(), item.clone())).collect();
    if !keyed.is_empty() && keyed.iter().all(|(key, _)| key.is_none()) {
        return Err(missing(&expression));
    }
    keyed.sort_by(|(a, _), (b, _)| compare(a.as_ref(), b.as_ref()));
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
    let mut keyed: Vec<(Option<Value>, Value)> = rows
        .iter()
        .map(|row| (row.get("object").and_then(|object| path.find(object).into_iter().next()), row.clone()))
        .collect();
    if !keyed.is_empty() && keyed.iter().all(|(key, _)| key.is_none()) {
        return Err(missing(&expression));
    }
    keyed.sort_by(|(a, _), (b, _)| compare(a.as_ref(), b.as_ref()));
    *rows = keyed.into_iter().map(|(_, row)| row).collect();
    Ok(())
}

fn missing(expression: &str) -> Failure {
    Failure::msg(format!(
        "couldn't find any field with path {} in the list of objects",
        crate::text::go_number::quote(expression)
    ))
}

fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, _) => Ordering::Less,
        (_, None) => Ordering::Greater,
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Some(Value::String(a)), Some(Value::String(b))) => natural(a, b),
        (Some(a), Some(b)) => a.to_string().cmp(&b.to_string()),
    }
}

/// Text order in which runs of digits count as numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    loop {
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let run = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let (left, rest_a) = a.split_at_checked(run(a)).unwrap_or((a, &[]));
                let (right, rest_b) = b.split_at_checked(run(b)).unwrap_or((b, &[]));
                let strip = |digits: &[u8]| {
                    let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
                    digits.get(zeros..).unwrap_or_default().to_vec()
                };
                let (x, y) = (strip(left), strip(right));
                let order = x.len().cmp(&y.len()).then_with(|| x.cmp(&y)).then_with(|| left.len().cmp(&right.len()));
                if order != Ordering::Equal {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
            (Some(x), Some(y)) => {
                if x != y {
                    return x.cmp(y);
                }
                a = a.get(1..).unwrap_or_default();
                b = b.get(1..).unwrap_or_default();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_count_as_numbers() {
        assert_eq!(natural("job-2", "job-10"), Ordering::Less);
        assert_eq!(natural("a", "a1"), Ordering::Less);
        assert_eq!(natural("b", "a10"), Ordering::Greater);
    }
}
