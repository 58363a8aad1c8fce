//! Requests for certificates: who is named in them. Reads as much of the DER form as it takes; proves no signature.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Describer;
use super::parts::{label_list, timestamp};
use crate::kubectl::failure::Failure;
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::text::duration::human_duration;
use crate::text::pem;

/// Parts of a subject: title, the last numbers of their object identifiers 2.5.4.n; the first two are always shown.
const SUBJECT: [(&str, u8); 9] = [
    ("Common Name", 3),
    ("Serial Number", 5),
    ("Organization", 10),
    ("Organizational Unit", 11),
    ("Country", 6),
    ("Locality", 7),
    ("Province", 8),
    ("StreetAddress", 9),
    ("PostalCode", 17),
];

/// A number that says what a name is for, and the name.
type Name = (u8, String);

/// Other names: title, tag.
const NAMES: [(&str, u8); 4] = [("DNS Names", 0x82), ("Email Addresses", 0x81), ("URIs", 0x86), ("IP Addresses", 0x87)];

/// The identifier of the extension that holds other names: 2.5.29.17.
const OTHER_NAMES: [u8; 3] = [0x55, 0x1d, 0x11];

/// Describes a request for a certificate.
pub fn signing_request(d: &mut Describer<'_, '_>, request: &Value) -> Result<(), Failure> {
    let der =
        der(str_at(request, "/spec/request")).map_err(|text| Failure::msg(format!("Error parsing CSR: {text}")))?;
    let of = |path: &str| str_at(request, path);
    d.field("Name", of("/metadata/name"));
    d.field("Labels", label_list(map_at(request, "/metadata/labels")));
    d.field("Annotations", label_list(map_at(request, "/metadata/annotations")));
    d.field("CreationTimestamp", timestamp(of("/metadata/creationTimestamp")));
    d.field("Requesting User", of("/spec/username"));
    if !of("/spec/signerName").is_empty() {
        d.field("Signer", of("/spec/signerName"));
    }
    if let Some(seconds) = request.pointer("/spec/expirationSeconds").and_then(Value::as_i64) {
        d.field("Requested Duration", human_duration(seconds.saturating_mul(1_000_000_000)));
    }
    d.field("Status", status(request));
    let (subject, others) = people(&der);
    d.w.line(0, "Subject:");
    for (title, number) in SUBJECT {
        let values: Vec<&str> = subject.iter().filter(|(of, _)| *of == number).map(|(_, text)| text.as_str()).collect();
        if title == "Common Name" || title == "Serial Number" {
            d.w.line(0, &format!("\t{title}:\t{}", values.last().copied().unwrap_or_default()));
        } else {
            list(d, title, &values);
        }
    }
    if !others.is_empty() {
        d.w.line(0, "Subject Alternative Names:");
        for (title, tag) in NAMES {
            let values: Vec<&str> = others.iter().filter(|(of, _)| *of == tag).map(|(_, text)| text.as_str()).collect();
            list(d, title, &values);
        }
    }
    d.events(request);
    Ok(())
}

fn list(d: &mut Describer<'_, '_>, title: &str, values: &[&str]) {
    if !values.is_empty() {
        d.w.line(0, &format!("\t{title}:\t{}", values.join("\n\t\t")));
    }
}

fn status(request: &Value) -> String {
    let has = |kind: &str| list_at(request, "/status/conditions").iter().any(|one| str_at(one, "/type") == kind);
    let mut text = match (has("Denied"), has("Approved")) {
        (true, _) => "Denied",
        (_, true) => "Approved",
        _ => "Pending",
    }
    .to_owned();
    if has("Failed") {
        text.push_str(",Failed");
    }
    if !str_at(request, "/status/certificate").is_empty() {
        text.push_str(",Issued");
    }
    text
}

/// What stands in the PEM block of a request.
fn der(request: &str) -> Result<Vec<u8>, &'static str> {
    let wrong = "PEM block type must be CERTIFICATE REQUEST";
    let pem = STANDARD.decode(request).map_err(|_| wrong)?;
    let pem = String::from_utf8(pem).map_err(|_| wrong)?;
    let der = pem::block(&pem, "CERTIFICATE REQUEST").ok_or(wrong)?;
    match element(&der) {
        Some(_) => Ok(der),
        None => Err("asn1: syntax error: data truncated"),
    }
}

/// The first element of some DER: its tag, its content, what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f).min(4))?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn elements(mut der: &[u8]) -> Vec<(u8, &[u8])> {
    let mut all = Vec::new();
    while let Some((tag, content, rest)) = element(der) {
        all.push((tag, content));
        der = rest;
    }
    all
}

/// The parts of the subject, and the other names of a request.
fn people(der: &[u8]) -> (Vec<Name>, Vec<Name>) {
    let (mut subject, mut others) = (Vec::new(), Vec::new());
    let whole = element(der).and_then(|(_, whole, _)| element(whole)).map(|(_, info, _)| elements(info));
    for (index, (tag, content)) in whole.unwrap_or_default().into_iter().enumerate() {
        if index == 1 {
            for pair in elements(content).into_iter().flat_map(|(_, set)| elements(set)) {
                if let [(_, [0x55, 0x04, number]), (_, text)] = elements(pair.1).as_slice() {
                    subject.push((*number, String::from_utf8_lossy(text).into_owned()));
                }
            }
        } else if tag == 0xa0 {
            search(content, &mut others);
        }
    }
    (subject, others)
}

/// Looks for the extension with other names, however deep it stands.
fn search(der: &[u8], others: &mut Vec<Name>) {
    let inner = elements(der);
    if let [(0x06, identifier), .., (0x04, value)] = inner.as_slice()
        && *identifier == OTHER_NAMES
    {
        for (tag, name) in element(value).map(|(_, names, _)| elements(names)).unwrap_or_default() {
            others.push((tag, if tag == 0x87 { address(name) } else { String::from_utf8_lossy(name).into_owned() }));
        }
        return;
    }
    for (tag, content) in inner {
        // Only what holds others: sequences and sets.
        if tag & 0x20 != 0 {
            search(content, others);
        }
    }
}

fn address(bytes: &[u8]) -> String {
    let six: Result<[u8; 16], _> = bytes.try_into();
    let four: Result<[u8; 4], _> = bytes.try_into();
    match (four, six) {
        (Ok(four), _) => core::net::Ipv4Addr::from(four).to_string(),
        (_, Ok(six)) => core::net::Ipv6Addr::from(six).to_string(),
        _ => String::new(),
    }
}
