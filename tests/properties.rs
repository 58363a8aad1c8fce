//! What has to hold whatever the input: objects, patches, selectors, quantities and resource versions by chance, from
//! seeds that a failure names. `TABERNETES_SEEDS=1000` tries more of them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once, in its helpers too"
)]

#[path = "properties/objects.rs"]
mod objects;

use std::collections::BTreeMap;

use fastrand::Rng;
use objects::{Maker, of_kind};
use serde_json::{Value, json};
use tabernetes::api::{KINDS, KindOps};
use tabernetes::apimachinery::facts::facts;
use tabernetes::apimachinery::labels::{Labels, parse};
use tabernetes::apimachinery::patch::{merge_patch, strategic_merge};
use tabernetes::apimachinery::quantity::Quantity;
use tabernetes::cluster::{Cluster, Config};
use tabernetes::kubectl::apply;
use tabernetes::text::http::{Body, Method, Request, StreamRead};
use tabernetes::text::yaml;

/// Tries a property on as many seeds.
fn for_seeds(usual: u64, property: impl Fn(u64, &mut Rng)) {
    let count = std::env::var("TABERNETES_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    for seed in 0..count {
        property(seed, &mut Rng::with_seed(seed));
    }
}

/// The kinds whose every field is known.
fn known() -> impl Iterator<Item = &'static dyn KindOps> {
    KINDS.iter().copied().filter(|kind| facts().of_kind(&kind.info().api_version(), kind.info().kind).is_some())
}

/// Where what was written is not what is read; empty when it is. What the server adds does not count.
fn lost(written: &Value, read: &Value, path: &str) -> Option<String> {
    match (written, read) {
        (Value::Object(fields), Value::Object(found)) => fields.iter().find_map(|(name, value)| {
            let path = format!("{path}.{name}");
            match found.get(name) {
                Some(found) => lost(value, found, &path),
                // Go leaves out what is empty.
                None => (!empty(value)).then(|| format!("{path} is gone, it was {value}")),
            }
        }),
        (Value::Array(items), Value::Array(found)) if items.len() == found.len() => items
            .iter()
            .zip(found)
            .enumerate()
            .find_map(|(at, (one, other))| lost(one, other, &format!("{path}[{at}]"))),
        _ if written == read || (empty(written) && empty(read)) => None,
        _ => Some(format!("{path} was {written} and is {read}")),
    }
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(yes) => !yes,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(empty),
    }
}

#[test]
fn every_object_survives_a_round_trip_through_json_and_yaml() {
    for_seeds(12, |seed, rng| {
        for kind in known() {
            let info = kind.info();
            let mut maker = Maker { rng: rng.fork(), density: 60 };
            let Some(mut written) = of_kind(&mut maker, &info.api_version(), info.kind, 7) else { continue };
            let stored = kind.decode(written.clone()).unwrap_or_else(|why| panic!("seed {seed}: {}: {why}", info.kind));
            let read = kind.encode(&*stored);
            facts().canonicalize(&info.api_version(), info.kind, &mut written);
            if let Some(what) = lost(&written, &read, "") {
                panic!("seed {seed}: {}: {what}", info.kind);
            }
            let again = kind.decode(read.clone()).unwrap();
            assert_eq!(kind.encode(&*again), read, "seed {seed}: {}", info.kind);
            let yaml = yaml::to_yaml(&read);
            let back = yaml::from_yaml(&yaml).unwrap_or_else(|why| panic!("seed {seed}: {}: {why}\n{yaml}", info.kind));
            assert_eq!(back, read, "seed {seed}: {}\n{yaml}", info.kind);
            let strict = facts().decode(&info.api_version(), info.kind, &read).unwrap();
            assert_eq!((strict.error, strict.unknown), (None, Vec::new()), "seed {seed}: {}", info.kind);
        }
    });
}

/// The same object with some of it changed, gone, new or in another order.
fn changed(value: &Value, other: &Value, rng: &mut Rng) -> Value {
    match (value, other) {
        (Value::Object(fields), Value::Object(others)) => {
            let mut result = serde_json::Map::new();
            for (name, value) in fields {
                let fixed = matches!(name.as_str(), "apiVersion" | "kind");
                match (rng.u32(..10), others.get(name)) {
                    (0..6, _) => _ = result.insert(name.clone(), value.clone()),
                    (6, _) if !fixed => {}
                    (7, Some(other)) if !fixed => _ = result.insert(name.clone(), other.clone()),
                    (_, Some(other)) if !fixed => _ = result.insert(name.clone(), changed(value, other, rng)),
                    _ => _ = result.insert(name.clone(), value.clone()),
                }
            }
            for (name, other) in others {
                if !fields.contains_key(name) && rng.u32(..4) == 0 {
                    result.insert(name.clone(), other.clone());
                }
            }
            Value::Object(result)
        }
        (Value::Array(items), Value::Array(others)) => {
            let mut result: Vec<Value> = items.iter().filter(|_| rng.u32(..4) > 0).cloned().collect();
            let key = |item: &Value| {
                ["name", "key", "type", "mountPath", "containerPort", "port", "ip", "uid", "topologyKey", "devicePath"]
                    .into_iter()
                    .filter_map(|key| item.get(key).cloned())
                    .collect::<Vec<_>>()
            };
            for other in others {
                let known = |item: &Value| {
                    if item.is_object() { key(item).iter().any(|one| key(other).contains(one)) } else { item == other }
                };
                if rng.bool() && !result.iter().any(known) {
                    result.push(other.clone());
                }
            }
            rng.shuffle(&mut result);
            Value::Array(result)
        }
        _ => other.clone(),
    }
}

#[test]
fn a_strategic_merge_patch_made_by_kubectls_rules_gives_the_target() {
    for_seeds(40, |seed, rng| {
        for kind in known() {
            let (version, name) = (kind.info().api_version(), kind.info().kind);
            let of = facts().of_kind(&version, name);
            let mut maker = Maker { rng: rng.fork(), density: 50 };
            let original = of_kind(&mut maker, &version, name, 6).unwrap();
            let other = of_kind(&mut maker, &version, name, 6).unwrap();
            let target = changed(&original, &other, rng);
            let patch = apply::two_way(&original, &target);
            let merged = strategic_merge(facts(), of, original.clone(), &patch)
                .unwrap_or_else(|why| panic!("seed {seed}: {name}: {why}\n{patch}"));
            assert_eq!(merged, target, "seed {seed}: {name}\nfrom {original}\npatch {patch}");
            if original == target {
                assert_eq!(patch, json!({}), "seed {seed}: {name}");
            }
            // With nobody else at the object, three ways are two.
            let patch = apply::three_way(&original, &target, &original);
            let merged = strategic_merge(facts(), of, original.clone(), &patch)
                .unwrap_or_else(|why| panic!("seed {seed}: {name}: {why}\n{patch}"));
            assert_eq!(merged, target, "seed {seed}: {name}, three ways\nfrom {original}\npatch {patch}");
        }
    });
}

#[test]
fn what_is_applied_comes_and_what_others_have_set_stays() {
    for_seeds(60, |seed, rng| {
        let labels = |rng: &mut Rng, letters: &str| {
            let entries = letters.chars().filter(|_| rng.bool()).map(|letter| (letter.to_string(), json!("v")));
            entries.collect::<serde_json::Map<_, _>>()
        };
        let pod = |labels: serde_json::Map<String, Value>, names: &[char]| {
            let containers: Vec<Value> = names.iter().map(|name| json!({"name": name.to_string()})).collect();
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"labels": labels}, "spec": {"containers": containers}})
        };
        let pick = |rng: &mut Rng, letters: &str| letters.chars().filter(|_| rng.bool()).collect::<Vec<char>>();
        let (before, after) = (labels(rng, "abcd"), labels(rng, "abcd"));
        let (had, wants, theirs) = (pick(rng, "abcd"), pick(rng, "abcd"), pick(rng, "xyz"));
        let mut current = before.clone();
        let others = labels(rng, "wxyz");
        current.extend(others.clone());
        let there: Vec<char> = had.iter().chain(&theirs).copied().collect();
        let (original, modified) = (pod(before, &had), pod(after.clone(), &wants));
        let current = pod(current, &there);
        let patch = apply::three_way(&original, &modified, &current);
        let merged = strategic_merge(facts(), facts().of_kind("v1", "Pod"), current, &patch).unwrap();
        let mut expected = after;
        expected.extend(others);
        assert_eq!(merged["metadata"]["labels"], Value::Object(expected), "seed {seed}: {patch}");
        let names: Vec<char> = merged["spec"]["containers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["name"].as_str().unwrap().chars().next().unwrap())
            .collect();
        let kept = |from: &[char]| names.iter().copied().filter(|name| from.contains(name)).collect::<Vec<char>>();
        assert_eq!((kept(&wants), kept(&theirs)), (wants.clone(), theirs.clone()), "seed {seed}: {patch}");
        assert_eq!(names.len(), wants.len() + theirs.len(), "seed {seed}: {patch}");
    });
}

/// The merge patch (RFC 7386) from one value to another, neither of which has nulls.
fn merge_diff(from: &Value, to: &Value) -> Value {
    let (Value::Object(old), Value::Object(new)) = (from, to) else { return to.clone() };
    let mut patch = serde_json::Map::new();
    for (name, value) in new {
        match old.get(name) {
            Some(before) if before == value => {}
            Some(before) if before.is_object() && value.is_object() => {
                _ = patch.insert(name.clone(), merge_diff(before, value))
            }
            _ => _ = patch.insert(name.clone(), value.clone()),
        }
    }
    patch.extend(old.keys().filter(|name| !new.contains_key(*name)).map(|name| (name.clone(), Value::Null)));
    Value::Object(patch)
}

#[test]
fn a_merge_patch_gives_the_target() {
    for_seeds(200, |seed, rng| {
        let mut maker = Maker { rng: rng.fork(), density: 50 };
        let pod = facts().get("core.v1.PodSpec").unwrap();
        let original = Value::Object(maker.object(pod, 4));
        let other = Value::Object(maker.object(pod, 4));
        let target = changed(&original, &other, rng);
        let patch = merge_diff(&original, &target);
        assert_eq!(merge_patch(original, &patch), target, "seed {seed}: {patch}");
    });
}

/// A requirement as text, and the rule that it stands for.
type Rule = (String, Box<dyn Fn(&Labels) -> bool>);

fn rule(rng: &mut Rng) -> Rule {
    let key = ["app", "tier", "a.b/c", "n"][rng.usize(..4)].to_owned();
    let values: Vec<String> =
        ["x", "y", "5", "z-1"].iter().filter(|_| rng.bool()).map(|one| (*one).to_owned()).collect();
    let one = values.first().cloned().unwrap_or_else(|| "x".to_owned());
    let spaced = |rng: &mut Rng, words: &[&str]| {
        let gap = |rng: &mut Rng| ["", " ", "  "][rng.usize(..3)];
        words.iter().map(|word| format!("{word}{}", gap(rng))).collect::<String>()
    };
    let list = format!("({})", if values.is_empty() { one.clone() } else { values.join(",") });
    let all = if values.is_empty() { vec![one.clone()] } else { values };
    match rng.u32(..8) {
        0 => (spaced(rng, &[&key, "=", &one]), Box::new(move |of| of.get(&key) == Some(&one))),
        1 => (spaced(rng, &[&key, "==", &one]), Box::new(move |of| of.get(&key) == Some(&one))),
        2 => (spaced(rng, &[&key, "!=", &one]), Box::new(move |of| of.get(&key) != Some(&one))),
        3 => (format!("{key} in {list}"), Box::new(move |of| of.get(&key).is_some_and(|value| all.contains(value)))),
        4 => (format!("{key} notin {list}"), Box::new(move |of| of.get(&key).is_none_or(|value| !all.contains(value)))),
        5 => (key.clone(), Box::new(move |of| of.contains_key(&key))),
        6 => (format!("!{key}"), Box::new(move |of| !of.contains_key(&key))),
        _ => {
            let than = rng.i64(0..9);
            (
                format!("{key}>{than}"),
                Box::new(move |of| {
                    of.get(&key).and_then(|value| value.parse::<i64>().ok()).is_some_and(|value| value > than)
                }),
            )
        }
    }
}

#[test]
fn a_selector_matches_what_its_words_say() {
    for_seeds(3000, |seed, rng| {
        let rules: Vec<Rule> = (0..rng.usize(..4)).map(|_| rule(rng)).collect();
        let text = rules.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(",");
        let selector = parse(&text).unwrap_or_else(|why| panic!("seed {seed}: {text:?}: {why}"));
        for _ in 0..8 {
            let mut labels = Labels::new();
            for key in ["app", "tier", "a.b/c", "n"] {
                if rng.bool() {
                    labels.insert(key.to_owned(), ["x", "y", "5", "z-1", ""][rng.usize(..5)].to_owned());
                }
            }
            let expected = rules.iter().all(|(_, holds)| holds(&labels));
            assert_eq!(selector.matches(Some(&labels)), expected, "seed {seed}: {text:?} on {labels:?}");
        }
    });
}

#[test]
fn quantities_keep_their_amount_and_their_order() {
    let amount = |rng: &mut Rng| {
        let suffix = ["", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E2"][rng.usize(..12)];
        let fraction = if rng.bool() { format!(".{}", rng.u32(..1000)) } else { String::new() };
        format!("{}{}{fraction}{suffix}", if rng.u32(..5) == 0 { "-" } else { "" }, rng.u32(..5000))
    };
    for_seeds(5000, |seed, rng| {
        let texts = [amount(rng), amount(rng)];
        let [one, other] =
            texts.each_ref().map(|text| Quantity::parse(text).unwrap_or_else(|why| panic!("{text}: {why}")));
        for (text, read) in texts.iter().zip([&one, &other]) {
            let shown = read.to_string();
            let again = Quantity::parse(&shown).unwrap_or_else(|why| panic!("seed {seed}: {text} -> {shown}: {why}"));
            assert_eq!((again, again.to_string()), (*read, shown), "seed {seed}: {text}");
        }
        let near = |left: f64, right: f64| (left - right).abs() <= 1e-9 * left.abs().max(right.abs()).max(1.0);
        assert!(near(one.plus(&other).as_f64(), one.as_f64() + other.as_f64()), "seed {seed}: {texts:?}");
        assert_eq!(one.plus(&other).minus(&other), one, "seed {seed}: {texts:?}");
        assert_eq!(one.minus(&other).sign(), one.partial_cmp(&other).unwrap() as i32, "seed {seed}: {texts:?}");
        // Whole units round away from nothing.
        let whole = one.value().unsigned_abs() as f64;
        assert!((-1e-3..1.001).contains(&(whole - one.as_f64().abs())), "seed {seed}: {texts:?}");
    });
}

fn ask(cluster: &mut Cluster, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = Request::new(method, path).with_header("Content-Type", "application/json").with_body(body);
    let response = cluster.handle(&request);
    let Body::Bytes(bytes) = response.body else { panic!("a stream") };
    (response.status, serde_json::from_slice(&bytes).unwrap())
}

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}

/// Everything that a watch has to tell: how each change is called, and the object.
fn watched(cluster: &mut Cluster, path: &str, from: u64) -> Vec<(String, Value)> {
    let request =
        Request::new(Method::Get, path).with_query("watch", "1").with_query("resourceVersion", from.to_string());
    let Body::Stream(id) = cluster.handle(&request).body else { panic!("no stream") };
    let mut text = Vec::new();
    while let StreamRead::Data(bytes) = cluster.read_stream(id) {
        text.extend(bytes);
    }
    cluster.close_stream(id);
    let lines = String::from_utf8(text).unwrap();
    let told = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap();
        (event["type"].as_str().unwrap().to_owned(), event["object"].clone())
    };
    lines.lines().map(told).collect()
}

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

#[test]
fn versions_rise_old_ones_are_refused_and_a_watch_from_any_of_them_leads_to_what_is_there() {
    let fresh = Cluster::new(&Config::default());
    for_seeds(30, |seed, rng| {
        let mut cluster = fresh.clone();
        let mut held: BTreeMap<String, Value> = BTreeMap::new();
        let listed = ask(&mut cluster, Method::Get, MAPS, &Value::Null).1;
        // What was there after each write, by the version of the list.
        let names = |list: &Value| -> BTreeMap<String, Value> {
            let items = list["items"].as_array().unwrap();
            items.iter().map(|item| (item["metadata"]["name"].as_str().unwrap().to_owned(), item.clone())).collect()
        };
        let mut moments = vec![(version(&listed), names(&listed))];
        for step in 0..40 {
            let name = format!("m{}", rng.u32(..5));
            let path = format!("{MAPS}/{name}");
            let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"n": step.to_string()}});
            let last = moments.last().unwrap().0;
            match (rng.u32(..4), held.get(&name).cloned()) {
                (0, Some(_)) => {
                    assert_eq!(ask(&mut cluster, Method::Delete, &path, &Value::Null).0, 200);
                    held.remove(&name);
                }
                (1, Some(old)) => {
                    let mut stale = map.clone();
                    stale["metadata"]["resourceVersion"] = json!((version(&old) - 1).to_string());
                    let (code, told) = ask(&mut cluster, Method::Put, &path, &stale);
                    assert_eq!((code, told["reason"].as_str()), (409, Some("Conflict")), "seed {seed}: {told}");
                    continue;
                }
                (_, Some(old)) => {
                    let mut new = map.clone();
                    new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"].clone();
                    let (code, stored) = ask(&mut cluster, Method::Put, &path, &new);
                    assert_eq!(code, 200, "seed {seed}: {stored}");
                    assert!(version(&stored) > last, "seed {seed}");
                    held.insert(name, stored);
                }
                (_, None) => {
                    let (code, stored) = ask(&mut cluster, Method::Post, MAPS, &map);
                    assert_eq!(code, 201, "seed {seed}: {stored}");
                    assert!(version(&stored) > last, "seed {seed}");
                    held.insert(name, stored);
                }
            }
            let listed = ask(&mut cluster, Method::Get, MAPS, &Value::Null).1;
            moments.push((version(&listed), names(&listed)));
        }
        let (_, end) = moments.last().unwrap().clone();
        for (from, mut state) in moments {
            let mut last = from;
            for (kind, object) in watched(&mut cluster, MAPS, from) {
                assert!(version(&object) > last, "seed {seed}: from {from}: {object}");
                last = version(&object);
                let name = object["metadata"]["name"].as_str().unwrap().to_owned();
                let before = match kind.as_str() {
                    "DELETED" => state.remove(&name),
                    _ => state.insert(name, object),
                };
                assert_eq!(before.is_some(), kind != "ADDED", "seed {seed}: from {from}: {kind}");
            }
            let plain = |state: &BTreeMap<String, Value>| {
                state.iter().map(|(name, map)| (name.clone(), map["data"].clone(), version(map))).collect::<Vec<_>>()
            };
            assert_eq!(plain(&state), plain(&end), "seed {seed}: a watch from {from}");
        }
    });
}

#[test]
fn a_list_in_pages_is_the_list() {
    let mut cluster = Cluster::new(&Config::default());
    for number in 0..23 {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("m{number}")}});
        assert_eq!(ask(&mut cluster, Method::Post, MAPS, &map).0, 201);
    }
    let whole = ask(&mut cluster, Method::Get, MAPS, &Value::Null).1;
    let whole = whole["items"].as_array().unwrap().clone();
    for limit in 1..26 {
        let (mut items, mut token) = (Vec::new(), String::new());
        loop {
            let request = Request::new(Method::Get, MAPS)
                .with_query("limit", limit.to_string())
                .with_query("continue", token.clone());
            let Body::Bytes(bytes) = cluster.handle(&request).body else { panic!("a stream") };
            let page: Value = serde_json::from_slice(&bytes).unwrap();
            let page_items = page["items"].as_array().unwrap();
            assert!(page_items.len() <= limit);
            items.extend(page_items.clone());
            token = page["metadata"]["continue"].as_str().unwrap_or_default().to_owned();
            let left = page["metadata"]["remainingItemCount"].as_u64();
            assert_eq!(left.is_some(), !token.is_empty());
            assert_eq!(left.unwrap_or_default() as usize, whole.len() - items.len());
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(items, whole, "in pages of {limit}");
    }
}

/// The server takes what it has given: nothing that it adds is refused when it comes back.
#[test]
fn what_the_server_answers_may_be_written_back() {
    let mut cluster = Cluster::new(&Config::default());
    cluster.advance_to(cluster.now() + std::time::Duration::from_secs(60), u64::MAX);
    let mut seen = 0;
    for kind in KINDS {
        let info = kind.info();
        let root = if info.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", info.group) };
        let list =
            ask(&mut cluster, Method::Get, &format!("{root}/{}/{}", info.version, info.plural()), &Value::Null).1;
        for mut item in list["items"].as_array().unwrap().clone() {
            item["apiVersion"] = json!(info.api_version());
            item["kind"] = json!(info.kind);
            let place = match item["metadata"]["namespace"].as_str() {
                Some(namespace) => format!("namespaces/{namespace}/"),
                None => String::new(),
            };
            let name = item["metadata"]["name"].as_str().unwrap();
            let path = format!("{root}/{}/{place}{}/{name}", info.version, info.plural());
            let (code, told) = ask(&mut cluster, Method::Put, &path, &item);
            assert_eq!(code, 200, "{path}: {told}");
            assert_eq!(version(&told), version(&item), "{path} was written though nothing has changed");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen} objects");
}
