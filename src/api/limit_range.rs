//! Limit ranges.
//!
//! Models Kubernetes 1.36 pkg/apis/core/v1/defaults.go (`SetDefaults_LimitRangeItem`) and
//! pkg/apis/core/validation/validation.go (`ValidateLimitRange`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem};
use serde_json::json;

use super::pod_resources::{Amounts, amounts};
use super::validate::{self, Errors};
use super::{Cell, Column, KindInfo, Strategy, cells, resource_names};
use crate::apimachinery::quantity::{Format, Quantity};
use crate::apimachinery::{content, field, meta};
use crate::sim::Time;

impl Strategy for LimitRange {
    const INFO: KindInfo = KindInfo::new("", "v1", "LimitRange", "limitranges", "limitrange").short(&["limits"]);
    const COLUMNS: &'static [Column] = &[Column::NAME, Column::CREATED_AT];

    fn set_defaults(&mut self) {
        for item in self.spec.get_or_insert_default().limits.iter_mut().filter(|item| item.type_ == "Container") {
            // What may be had at most is what one gets; what one gets is what one asks for.
            let maxima = item.max.clone().unwrap_or_default();
            for (name, quantity) in maxima {
                item.default.get_or_insert_default().entry(name).or_insert(quantity);
            }
            for (name, quantity) in item.default.clone().unwrap_or_default() {
                item.default_request.get_or_insert_default().entry(name).or_insert(quantity);
            }
            for (name, quantity) in item.min.clone().unwrap_or_default() {
                item.default_request.get_or_insert_default().entry(name).or_insert(quantity);
            }
        }
    }

    fn validate(&self) -> Vec<field::Error> {
        let mut errors = Vec::new();
        let path = field::Path::new("spec").child("limits");
        let mut types = BTreeSet::new();
        for (index, item) in self.spec.iter().flat_map(|spec| &spec.limits).enumerate() {
            let path = path.index(index);
            type_name(&mut errors, &path.child("type"), &item.type_);
            if !types.insert(&item.type_) {
                errors.push(field::Error::duplicate(&path.child("type"), &item.type_));
            }
            validate_item(&mut errors, &path, item);
        }
        errors
    }

    fn row(&self, _now: Time) -> Vec<Cell> {
        vec![json!(meta::name(&self.metadata)), json!(cells::created_at(&self.metadata))]
    }
}

fn type_name(errors: &mut Errors, path: &field::Path, name: &str) {
    let wrong = content::label_key(name);
    let known = name.contains('/') || ["Pod", "Container", "PersistentVolumeClaim"].contains(&name);
    if wrong.is_empty() && !known {
        errors.push(field::Error::invalid(path, name, "must be a standard limit type or fully qualified"));
    }
    validate::each(errors, path, name, wrong);
}

/// The amounts of one item: of known resources, and in order.
fn validate_item(errors: &mut Errors, path: &field::Path, item: &LimitRangeItem) {
    let of_pods = item.type_ == "Pod";
    let list = |errors: &mut Errors, field: &str, given: Amounts| {
        for name in given.keys() {
            let path = path.child(field).key(name);
            if of_pods || item.type_ == "Container" {
                resource_names::of_container(errors, &path, name);
            } else {
                resource_names::anywhere(errors, &path, name);
            }
        }
        given
    };
    let max = list(errors, "max", amounts(item.max.as_ref()));
    let min = list(errors, "min", amounts(item.min.as_ref()));
    let (mut defaults, mut requests) = (Amounts::new(), Amounts::new());
    let given = [("default", &item.default, &mut defaults), ("defaultRequest", &item.default_request, &mut requests)];
    for (field, amounts_given, kept) in given {
        let held = amounts(amounts_given.as_ref());
        if !of_pods {
            *kept = list(errors, field, held);
        } else if !held.is_empty() {
            errors.push(field::Error::forbidden(&path.child(field), "may not be specified when `type` is 'Pod'"));
        }
    }
    if item.type_ == "PersistentVolumeClaim" && !min.contains_key("storage") && !max.contains_key("storage") {
        let why = "either minimum or maximum storage value is required, but neither was provided";
        errors.push(field::Error::required(&path.child("limits"), why));
    }
    let ratios = list(errors, "maxLimitRequestRatio", amounts(item.max_limit_request_ratio.as_ref()));
    let names: BTreeSet<&String> =
        [&max, &min, &defaults, &requests, &ratios].into_iter().flat_map(Amounts::keys).collect();
    for name in names {
        let [max, min, default, request] = [&max, &min, &defaults, &requests].map(|list| list.get(name));
        // Smaller first: where it stands, what is shown, and what both are called.
        let pairs = [
            ("min", min, "min value", max, "max value", min),
            ("defaultRequest", min, "min value", request, "default request value", request),
            ("defaultRequest", request, "default request value", max, "max value", request),
            ("defaultRequest", request, "default request value", default, "default limit value", request),
            ("default", min, "min value", default, "default value", min),
            ("default", default, "default value", max, "max value", max),
        ];
        for (field, small, of_small, large, of_large, shown) in pairs {
            if let (Some(small), Some(large), Some(shown)) = (small, large, shown)
                && small > large
            {
                let why = format!("{of_small} {small} is greater than {of_large} {large}");
                errors.push(field::Error::invalid(&path.child(field).key(name), shown.to_string(), why));
            }
        }
        if let Some(ratio) = ratios.get(name) {
            ratio_of(errors, &path.child("maxLimitRequestRatio").key(name), ratio, min, max);
        }
        if let (Some(default), Some(request)) = (default, request)
            && default != request
            && (!resource_names::is_native(name) || name.starts_with("hugepages-"))
        {
            let why = format!("default value {default} must equal to defaultRequest value {request} in {name}");
            errors.push(field::Error::invalid(&path.child("defaultRequest").key(name), request.to_string(), why));
        }
    }
}

fn ratio_of(errors: &mut Errors, path: &field::Path, ratio: &Quantity, min: Option<&Quantity>, max: Option<&Quantity>) {
    if *ratio < Quantity::new(1, Format::DecimalSi) {
        errors.push(field::Error::invalid(path, ratio.to_string(), format!("ratio {ratio} is less than 1")));
    }
    let (Some(min), Some(max)) = (min, max) else { return };
    let limit = max.as_f64() / min.as_f64();
    if ratio.as_f64() > limit {
        let why = format!("ratio {ratio} is greater than max/min = {limit:.6}");
        errors.push(field::Error::invalid(path, ratio.to_string(), why));
    }
}
