//! What several kinds put into the cells of their tables: ages, selectors, names of containers and images.
//!
//! Models Kubernetes 1.36 pkg/printers/internalversion/printers.go (the small functions) and
//! staging/src/k8s.io/apimachinery/pkg/apis/meta/v1/helpers.go (`FormatLabelSelector`).

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, MicroTime, ObjectMeta, Time as MetaTime};

use super::Column;
use crate::sim::Time;
use crate::text::duration::human_duration;

/// What upstream prints for nothing.
pub const NONE: &str = "<none>";

/// The columns that every kind with a pod template shows with `-o wide`.
pub const CONTAINERS: Column = Column::new("Containers", "The names of the template's containers.").wide();
/// See [`CONTAINERS`].
pub const IMAGES: Column = Column::new("Images", "The images of the template's containers.").wide();
/// See [`CONTAINERS`].
pub const SELECTOR: Column = Column::new("Selector", "Which Pods belong to the object, by label.").wide();

/// The time from one timestamp to another, as people read it.
pub fn between(from: jiff::Timestamp, to: jiff::Timestamp) -> String {
    let nanoseconds = to.as_nanosecond().saturating_sub(from.as_nanosecond());
    human_duration(i64::try_from(nanoseconds).unwrap_or(i64::MAX))
}

/// The time since a timestamp; `<unknown>` when there is none.
pub fn since(time: Option<&MetaTime>, now: Time) -> String {
    time.map_or_else(|| "<unknown>".to_owned(), |time| between(time.0, now.timestamp()))
}

/// The time since a timestamp with microseconds; `<unknown>` when there is none.
pub fn since_micro(time: Option<&MicroTime>, now: Time) -> String {
    time.map_or_else(|| "<unknown>".to_owned(), |time| between(time.0, now.timestamp()))
}

/// The age of an object.
pub fn age(meta: &ObjectMeta, now: Time) -> String {
    since(meta.creation_timestamp.as_ref(), now)
}

/// The text, or `otherwise` when it is absent or empty.
pub fn or(text: Option<&str>, otherwise: &str) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or(otherwise).to_owned()
}

/// `a=b,c=d`, or `<none>`.
pub fn labels(labels: Option<&BTreeMap<String, String>>) -> String {
    let texts: Vec<String> = labels.into_iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    if texts.is_empty() { NONE.to_owned() } else { texts.join(",") }
}

/// A selector in the syntax of `kubectl -l`, or `<none>` when it selects everything or nothing.
pub fn selector(selector: Option<&LabelSelector>) -> String {
    let Some(selector) = selector else { return NONE.to_owned() };
    let mut texts: Vec<(String, String)> =
        selector.match_labels.iter().flatten().map(|(key, value)| (key.clone(), format!("{key}={value}"))).collect();
    for expression in selector.match_expressions.iter().flatten() {
        let key = &expression.key;
        let mut values = expression.values.clone().unwrap_or_default();
        values.sort();
        let values = values.join(",");
        let text = match expression.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.clone(),
            "DoesNotExist" => format!("!{key}"),
            _ => return "<error>".to_owned(),
        };
        texts.push((key.clone(), text));
    }
    texts.sort_by(|one, other| one.0.cmp(&other.0));
    let texts: Vec<String> = texts.into_iter().map(|(_, text)| text).collect();
    if texts.is_empty() { NONE.to_owned() } else { texts.join(",") }
}

/// The containers of a template.
pub fn containers(template: Option<&PodTemplateSpec>) -> &[Container] {
    template.and_then(|template| template.spec.as_ref()).map_or(&[], |spec| spec.containers.as_slice())
}

/// The names of a template's containers, joined by commas.
pub fn container_names(template: Option<&PodTemplateSpec>) -> String {
    let names: Vec<&str> = containers(template).iter().map(|container| container.name.as_str()).collect();
    names.join(",")
}

/// The images of a template's containers, joined by commas.
pub fn container_images(template: Option<&PodTemplateSpec>) -> String {
    let images: Vec<&str> =
        containers(template).iter().map(|container| container.image.as_deref().unwrap_or_default()).collect();
    images.join(",")
}

/// The names of access modes, shortened: `RWO,ROX`.
pub fn access_modes(modes: Option<&Vec<String>>) -> String {
    let known =
        [("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"), ("ReadWriteOncePod", "RWOP")];
    let held = |mode: &str| modes.into_iter().flatten().any(|held| held == mode);
    let texts: Vec<&str> = known.iter().filter(|(mode, _)| held(mode)).map(|(_, short)| *short).collect();
    texts.join(",")
}

/// One quantity of a resource list; empty when it has none.
pub fn quantity<'a>(list: Option<&'a BTreeMap<String, Quantity>>, name: &str) -> &'a str {
    list.and_then(|list| list.get(name)).map_or("", |quantity| quantity.0.as_str())
}

/// When an object was created, as a timestamp.
pub fn created_at(meta: &ObjectMeta) -> String {
    meta.creation_timestamp.as_ref().map_or_else(String::new, |time| time.0.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelectorRequirement;

    #[test]
    fn a_selector_is_written_by_key_as_dash_l_takes_it() {
        let given = LabelSelector {
            match_labels: Some([("b".to_owned(), "1".to_owned())].into()),
            match_expressions: Some(vec![LabelSelectorRequirement {
                key: "a".to_owned(),
                operator: "In".to_owned(),
                values: Some(vec!["y".to_owned(), "x".to_owned()]),
            }]),
        };
        assert_eq!(selector(Some(&given)), "a in (x,y),b=1");
        assert_eq!(selector(Some(&LabelSelector::default())), "<none>");
        assert_eq!(selector(None), "<none>");
    }
}
