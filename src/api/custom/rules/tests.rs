//! Rules held against what a real server says of them: `tests/validation/rules.jsonl` has the schema, an object, the
//! same object before a change, and then rule for rule how it is refused or what comes of it.

use serde_json::{Value, json};

use super::*;

const FACTS: &str = include_str!("../../../../tests/validation/rules.jsonl");

fn lines(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn texts(errors: &[Error], prefix: &str) -> Vec<String> {
    errors.iter().map(|error| error.to_string().replacen(prefix, "", 1)).collect()
}

/// The schema of a `spec` with one rule.
fn ruled(spec: &Value, rule: &Value) -> Value {
    let mut spec = spec.clone();
    spec["x-kubernetes-validations"] = json!([rule]);
    json!({"type": "object", "properties": {"spec": spec}})
}

#[test]
fn rules_are_refused_and_run_as_on_a_real_server() {
    let mut facts = FACTS.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let given = facts.next().unwrap();
    let (mut wrong, mut count, mut cured) = (Vec::new(), 0, Vec::new());
    for fact in facts {
        count += 1;
        let before = wrong.len();
        let rule = fact["rule"].as_str().unwrap();
        let message = if rule.contains('\n') { "no" } else { "" };
        let schema = ruled(&given["schema"], &json!({"rule": rule, "message": message}));
        let refused: Vec<String> = definition::validate(&Path::new("schema"), &schema)
            .iter()
            .map(|error| error.to_string().rsplit("\"OptionalOldSelf\":null}: ").next().unwrap().to_owned())
            .collect();
        // A real server numbers the type of `self`, differently each time.
        let number = regex_lite::Regex::new("selfType[0-9]+").unwrap();
        let mut check = |what: &str, found: Vec<String>, expected: Vec<String>| {
            let plain = |text: &String| number.replace_all(text, "selfType").into_owned();
            let expected: Vec<String> = expected.iter().map(plain).collect();
            if found != expected {
                wrong.push(format!("{rule}: {what}\n  found    {found:#?}\n  expected {expected:#?}"));
            }
        };
        check("refused", refused.clone(), lines(&fact["refused"]));
        if fact["refused"].is_null() && refused.is_empty() {
            let rules = Rules::of(&schema).unwrap();
            let object = json!({"spec": given["object"]});
            check("new", texts(&rules.validate(&object, None).errors, "spec: "), lines(&fact["new"]));
            let changed = rules.validate(&object, Some(&json!({"spec": given["old"]}))).errors;
            check("changed", texts(&changed, "spec: "), lines(fact.get("changed").unwrap_or(&fact["new"])));
        }
        // Where we are known to differ, and why.
        if !fact["known"].is_null() {
            if wrong.len() == before {
                cured.push(rule.to_owned());
            }
            wrong.truncate(before);
        }
    }
    assert!(count > 100, "the facts are there");
    assert_eq!(cured, Vec::<String>::new(), "no longer different: take `known` out of the facts");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

fn whole(rules: Value) -> Value {
    let number = json!({"type": "integer"});
    json!({"type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-validations": rules, "properties": {
        "replicas": number, "max": number, "m": {"type": "object", "additionalProperties": number},
        "n": {"type": "object", "properties": {"a.b": number}},
        "p": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}})
}

fn refused(schema: &Value) -> Vec<String> {
    texts(&definition::validate(&Path::new("schema"), schema), "schema.properties[spec].x-kubernetes-validations")
}

#[test]
fn a_rule_says_where_and_why_in_its_own_words() {
    let schema = whole(json!([
        {"rule": "self.replicas <= self.max", "message": "too many", "fieldPath": ".replicas", "reason": "FieldValueForbidden"},
        {"rule": "self.replicas <= self.max", "messageExpression": "'replicas ' + string(self.replicas > 3) + ' over'",
            "fieldPath": ".m['x']", "reason": "FieldValueRequired"},
        {"rule": "self.replicas <= self.max", "reason": "FieldValueDuplicate"},
        {"rule": "self.replicas <= self.max", "reason": "FieldValueInvalid", "fieldPath": ".n['a.b']"},
        {"rule": "self.replicas >= oldSelf.replicas", "message": "may not shrink"},
        {"rule": "!oldSelf.hasValue() || oldSelf.value().replicas == self.replicas", "optionalOldSelf": true, "message": "fixed"},
    ]));
    assert_eq!(refused(&schema), Vec::<String>::new());
    let rules = Rules::of(&schema).unwrap();
    let object = json!({"spec": {"replicas": 5, "max": 3}});
    let always = [
        "spec.replicas: Forbidden: too many",
        "spec.m[x]: Required value: replicas true over",
        "spec: Duplicate value",
        "spec.n.a.b: Invalid value: failed rule: self.replicas <= self.max",
    ];
    assert_eq!(texts(&rules.validate(&object, None).errors, ""), always);
    let changed = rules.validate(&object, Some(&json!({"spec": {"replicas": 6, "max": 3}}))).errors;
    let both = ["spec: Invalid value: may not shrink", "spec: Invalid value: fixed"];
    assert_eq!(texts(&changed, ""), [&always[..], &both].concat());
    let same = rules.validate(&object, Some(&object));
    assert_eq!(texts(&same.errors, ""), Vec::<String>::new(), "what was wrong before and has not changed may stay");
    assert_eq!(same.warnings, always);
}

#[test]
fn rules_that_are_not_fit_are_refused() {
    let schema = whole(json!([
        {"rule": " "}, {"rule": "self.max > 1", "message": " "}, {"rule": "self.max > 1", "message": "a\nb"},
        {"rule": "self.max >\n1"}, {"rule": "self.max > 1", "messageExpression": " "},
        {"rule": "self.max > 1", "reason": "Nope"}, {"rule": "self.max > 1", "fieldPath": " "},
        {"rule": "self.max > 1", "fieldPath": ".nope"},
    ]));
    assert_eq!(
        refused(&schema),
        [
            "[0].rule: Required value: rule is not specified",
            "[1].message: Invalid value: \" \": must be non-empty if specified",
            "[2].message: Invalid value: \"a\\nb\": must not contain line breaks",
            "[3].message: Required value: message must be specified if rule contains line breaks",
            "[4].messageExpression: Required value: messageExpression must be non-empty if specified",
            "[5].reason: Unsupported value: \"Nope\": supported values: \"FieldValueDuplicate\", \
             \"FieldValueForbidden\", \"FieldValueInvalid\", \"FieldValueRequired\"",
            "[6].fieldPath: Invalid value: \" \": must be non-empty if specified",
            "[6].fieldPath: Invalid value: \" \": must be a valid path",
            "[7].fieldPath: Invalid value: \".nope\": must be a valid path",
        ]
    );
    let schema = whole(json!([
        {"rule": "self.max > 1", "messageExpression": "self.max"},
        {"rule": "self.max > 1", "messageExpression": "self.nope"},
        {"rule": "self.max > 1", "optionalOldSelf": true},
        {"rule": "self.p.foo == 1", "message": "<&>"},
    ]));
    assert_eq!(
        refused(&schema),
        [
            "[0].messageExpression: Invalid value: {\"Rule\":\"self.max \\u003e 1\",\"Message\":\"\",\
             \"MessageExpression\":\"self.max\",\"Reason\":null,\"FieldPath\":\"\",\"OptionalOldSelf\":null}: \
             messageExpression must evaluate to a string",
            "[1].messageExpression: Invalid value: {\"Rule\":\"self.max \\u003e 1\",\"Message\":\"\",\
             \"MessageExpression\":\"self.nope\",\"Reason\":null,\"FieldPath\":\"\",\"OptionalOldSelf\":null}: \
             messageExpression compilation failed: ERROR: <input>:1:5: undefined field 'nope'\n | self.nope\n | ....^",
            "[2].optionalOldSelf: Invalid value: true: may not be set if oldSelf is not used in rule",
            "[3].rule: Invalid value: {\"Rule\":\"self.p.foo == 1\",\"Message\":\"\\u003c\\u0026\\u003e\",\
             \"MessageExpression\":\"\",\"Reason\":null,\"FieldPath\":\"\",\"OptionalOldSelf\":null}: compilation \
             failed: ERROR: <input>:1:7: undefined field 'foo'\n | self.p.foo == 1\n | ......^",
        ]
    );
}

#[test]
fn old_values_are_found_by_the_keys_of_lists_and_nowhere_else_in_them() {
    let text = json!({"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf"}]});
    let number =
        json!({"type": "integer", "x-kubernetes-validations": [{"rule": "self >= oldSelf"}, {"rule": "self < 10"}]});
    let schema = json!({"type": "object", "properties": {
        "l": {"type": "array", "items": text},
        "k": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": {
            "type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "v": number}}}}});
    assert_eq!(
        texts(&definition::validate(&Path::new("schema"), &schema), ""),
        ["schema.properties[l].items.x-kubernetes-validations[0].rule: Invalid value: \"self == oldSelf\": oldSelf \
          cannot be used on the uncorrelatable portion of the schema within schema.properties[l]"]
    );
    let new = json!({"k": [{"name": "a", "v": 1}, {"name": "b", "v": 11}]});
    let old = json!({"k": [{"name": "b", "v": 12}, {"name": "a", "v": 2}]});
    assert_eq!(
        texts(&Rules::of(&schema).unwrap().validate(&new, Some(&old)).errors, ""),
        [
            "k[0].v: Invalid value: 1: failed rule: self >= oldSelf",
            "k[1].v: Invalid value: 11: failed rule: self >= oldSelf",
            "k[1].v: Invalid value: 11: failed rule: self < 10",
        ]
    );
}

#[test]
fn the_root_has_its_name_and_nothing_else_of_its_metadata() {
    let schema = json!({"type": "object", "x-kubernetes-validations": [
        {"rule": "self.metadata.name == 'x'"}, {"rule": "self.kind == 'Thing' && self.apiVersion == 'example.com/v1'"}]});
    let object =
        json!({"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "y", "labels": {"a": "b"}}});
    let found = Rules::of(&schema).unwrap().validate(&object, None).errors;
    assert_eq!(texts(&found, ""), ["<nil>: Invalid value: failed rule: self.metadata.name == 'x'"]);
    let schema = json!({"type": "object", "x-kubernetes-validations": [{"rule": "self.metadata.labels.size() == 0"}]});
    let wrong = texts(&definition::validate(&Path::new("schema"), &schema), "");
    assert!(wrong.first().is_some_and(|text| text.contains("undefined field 'labels'")), "{wrong:?}");
}

#[test]
fn a_rule_that_costs_too_much_ends() {
    let schema = whole(json!([{"rule": "lists.range(2000).all(a, lists.range(2000).all(b, a + b >= 0))"}]));
    let found = Rules::of(&schema).unwrap().validate(&json!({"spec": {}}), None).errors;
    assert_eq!(
        texts(&found, ""),
        ["spec: Invalid value: \"object\": 'operation cancelled: actual cost limit exceeded': no further validation \
          rules will be run due to call cost exceeds limit for rule: lists.range(2000).all(a, lists.range(2000).all(b, \
          a + b >= 0))"]
    );
    let deep = format!("{}1{} == 1", "(".repeat(5000), ")".repeat(5000));
    assert!(refused(&whole(json!([{"rule": deep}])))[0].contains("expression recursion limit exceeded: 100"));
    let long = format!("0{} == 0", " + 1".repeat(5000));
    assert!(refused(&whole(json!([{"rule": long}])))[0].contains("max recursion depth exceeded"));
}
