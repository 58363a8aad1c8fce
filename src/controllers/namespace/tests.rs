//! Upstream's tables of what is told of a namespace that goes (`status_condition_utils_test.go`), with the names of their
//! cases.

use super::*;

fn left(counts: bool, finalizers: bool) -> Left {
    let mut left = Left::default();
    if counts {
        left.counts = BTreeMap::from([("daemonsets.apps", 5), ("deployments.apps", 5)]);
    }
    if finalizers {
        left.finalizers = BTreeMap::from([("service-catalog".to_owned(), 6), ("kubedb".to_owned(), 5)]);
    }
    left
}

fn held(kinds: &[(&str, &str)]) -> Vec<NamespaceCondition> {
    let one = |(kind, status): &(&str, &str)| NamespaceCondition {
        type_: (*kind).to_owned(),
        status: (*status).to_owned(),
        ..NamespaceCondition::default()
    };
    kinds.iter().map(one).collect()
}

#[test]
fn test_process_content_totals() {
    let counts = (
        "SomeResourcesRemain",
        "Some resources are remaining: daemonsets.apps has 5 resource instances, deployments.apps has 5 resource instances",
    );
    let finalizers = (
        "SomeFinalizersRemain",
        "Some content in the namespace has finalizers remaining: kubedb in 5 resource instances, service-catalog in 6 \
         resource instances",
    );
    for (name, left, expected) in [
        ("nothing", left(false, false), vec![]),
        ("just remaining", left(true, false), vec![counts]),
        ("just finalizers", left(false, true), vec![finalizers]),
        ("both", left(true, true), vec![counts, finalizers]),
    ] {
        let conditions = left.conditions(Time::from_seconds(0));
        let bad = conditions.iter().filter(|held| held.status == "True");
        let told: Vec<(&str, &str)> =
            bad.map(|held| (held.reason.as_deref().unwrap(), held.message.as_deref().unwrap())).collect();
        assert_eq!(told, expected, "{name}");
    }
}

#[test]
fn test_update_conditions() {
    let (discovery, parsing) = ("NamespaceDeletionDiscoveryFailure", "NamespaceDeletionGroupVersionParsingFailure");
    let (content, remaining, finalizers) =
        ("NamespaceDeletionContentFailure", "NamespaceContentRemaining", "NamespaceFinalizersRemaining");
    for (name, before, left, expected) in [
        (
            "leave unknown",
            held(&[("unknown", "True")]),
            left(false, false),
            vec![
                ("unknown", "True"),
                (discovery, "False"),
                (parsing, "False"),
                (content, "False"),
                (remaining, "False"),
                (finalizers, "False"),
            ],
        ),
        (
            "replace with success",
            held(&[(discovery, "True")]),
            left(false, false),
            vec![
                (discovery, "False"),
                (parsing, "False"),
                (content, "False"),
                (remaining, "False"),
                (finalizers, "False"),
            ],
        ),
        (
            "leave different order",
            held(&[(parsing, "True"), (discovery, "True")]),
            left(false, false),
            vec![
                (parsing, "False"),
                (discovery, "False"),
                (content, "False"),
                (remaining, "False"),
                (finalizers, "False"),
            ],
        ),
        (
            "overwrite with failure",
            held(&[(remaining, "False"), (discovery, "True")]),
            left(true, false),
            vec![
                (remaining, "True"),
                (discovery, "False"),
                (parsing, "False"),
                (content, "False"),
                (finalizers, "False"),
            ],
        ),
        (
            "write new failure",
            held(&[(discovery, "True")]),
            left(true, false),
            vec![
                (discovery, "False"),
                (parsing, "False"),
                (content, "False"),
                (remaining, "True"),
                (finalizers, "False"),
            ],
        ),
    ] {
        let mut conditions = before;
        merge(&mut conditions, left.conditions(Time::from_seconds(0)));
        let got: Vec<(&str, &str)> =
            conditions.iter().map(|held| (held.type_.as_str(), held.status.as_str())).collect();
        assert_eq!(got, expected, "{name}");
    }
}
