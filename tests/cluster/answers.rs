//! What a real server of version 1.36.2 told, request by request (`tests/reference/answers.jsonl`): codes, warnings, and
//! the words of failures. Numbers, uids and instants are its own.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use serde_json::{Value, json};
use tabernetes::cluster::{Cluster, Config};
use tabernetes::text::http::{Body, Method, Request};

const ANSWERS: &str = include_str!("../reference/answers.jsonl");
/// Where this server differs, and why: script, the path's end or the body's beginning.
const KNOWN: &str = include_str!("../reference/known_answers.txt");

/// A text without what is another in every cluster.
struct Plain {
    uid: Regex,
    instant: Regex,
    number: Regex,
}

impl Plain {
    fn new() -> Self {
        let regex = |text: &str| Regex::new(text).unwrap();
        Self {
            uid: regex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
            instant: regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
            number: regex(r"\d{3,}"),
        }
    }

    fn text(&self, text: &str) -> String {
        let text = self.uid.replace_all(text, "UID");
        let text = self.instant.replace_all(&text, "INSTANT");
        self.number.replace_all(&text, "#").into_owned()
    }
}

fn request(case: &Value, kept: &BTreeMap<String, String>) -> Option<Request> {
    let fill = |text: &str| {
        kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
    };
    let method = match case["m"].as_str().unwrap() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => return None,
    };
    let target = fill(case["p"].as_str().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut request = Request::new(method, path);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        request = request.with_query(name, unescaped(value));
    }
    if case["h"].get("User-Agent").is_none() {
        request = request.with_header("User-Agent", "cmp/1");
    }
    for (name, value) in case["h"].as_object().into_iter().flatten() {
        let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        for value in values {
            request = request.with_header(name, fill(value.as_str().unwrap()));
        }
    }
    Some(match case["b"].as_str() {
        Some(body) => request.with_body(fill(body)),
        None => request,
    })
}

fn unescaped(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digits = String::from_utf8(vec![bytes.next().unwrap(), bytes.next().unwrap()]).unwrap();
                out.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            b'+' => out.push(b' '),
            other => out.push(other),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The code, the warnings, and the failure's words.
fn told(status: u64, warnings: Vec<String>, body: &str, plain: &Plain) -> String {
    let value: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    let words = match value["kind"].as_str() {
        Some("Status") => {
            let mut details = value.get("details").cloned();
            if let Some(map) = details.as_mut().and_then(Value::as_object_mut) {
                map.remove("causes");
            }
            json!([value["message"], value["reason"], details]).to_string()
        }
        _ if value.is_null() && status >= 400 => body.to_owned(),
        _ => String::new(),
    };
    format!("{status} {}", plain.text(&format!("{warnings:?} {words}")))
}

#[test]
fn a_real_server_and_this_one_tell_the_same() {
    let plain = Plain::new();
    let known: BTreeSet<&str> = KNOWN.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let (mut wrong, mut met, mut count) = (Vec::new(), BTreeSet::new(), 0);
    let (mut script, mut cluster, mut kept) = (String::new(), Cluster::new(&Config::default()), BTreeMap::new());
    for line in ANSWERS.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        if case["script"].as_str().unwrap() != script {
            script = case["script"].as_str().unwrap().to_owned();
            cluster = Cluster::new(&Config::default());
            kept.clear();
        }
        let Some(request) = request(&case, &kept) else { continue };
        let answer = cluster.handle(&request);
        let Body::Bytes(bytes) = &answer.body else { continue };
        let body = String::from_utf8_lossy(bytes);
        let value: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
        for (name, pointer) in case["save"].as_object().into_iter().flatten() {
            let pointer = format!("/{}", pointer.as_str().unwrap());
            let held = value.pointer(&pointer).and_then(Value::as_str).unwrap_or_default();
            kept.insert(name.clone(), held.to_owned());
        }
        let warnings = answer.headers.iter().filter(|(name, _)| name == "Warning").map(|(_, text)| text.clone());
        let ours = told(u64::from(answer.status), warnings.collect(), &body, &plain);
        let texts = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
        };
        let real = match &case["told"] {
            Value::Object(map) => json!({"kind": "Status", "message": map.get("message"), "reason": map.get("reason"),
                "details": map.get("details")})
            .to_string(),
            Value::String(text) => text.clone(),
            _ => "{}".to_owned(),
        };
        let real = told(case["status"].as_u64().unwrap(), texts(&case["warn"]), &real, &plain);
        // A failure without details and one with null ones are the same here.
        let (ours, real) = (ours.replace(",null]", "]"), real.replace(",null]", "]"));
        count += 1;
        let text = |key: &str| case[key].as_str().unwrap_or_default().replace('\n', " ");
        let accept = case["h"]["Accept"].as_str().unwrap_or_default();
        let name = [&script, &text("m"), &text("p"), &text("b"), accept].join(" ");
        let (name, is_known) = (name.trim().to_owned(), known.contains(name.trim()));
        match (ours == real, is_known) {
            (true, true) => wrong.push(format!("cured: {name}")),
            (false, false) => wrong.push(format!("{name}\n  real {real}\n  ours {ours}")),
            (false, true) => drop(met.insert(name)),
            (true, false) => {}
        }
    }
    let unmet: Vec<&&str> = known.iter().filter(|name| !met.contains(**name)).collect();
    assert!(unmet.is_empty(), "not asked: {unmet:?}");
    assert!(count > 450 && wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
