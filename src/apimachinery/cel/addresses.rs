//! Addresses, networks and URLs.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/cel/library/{ip,cidr,urls}.go.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::url::Url;
use super::value::{Key, Outcome, Val};
use crate::text::go_number::quote;

fn address(text: &str) -> Result<IpAddr, String> {
    let wrong = |why: &str| {
        format!(
            "IP Address {} parse error during conversion from string: ParseAddr({}): {why}",
            quote(text),
            quote(text)
        )
    };
    if text.contains('%') {
        return Err(format!("IP address {} with zone value is not allowed", quote(text)));
    }
    let octets: Vec<&str> = text.split('.').collect();
    let too_big = |octet: &&str| octet.parse::<u64>().is_ok_and(|number| number > 255);
    let unable = match octets.len() {
        4 if octets.iter().any(too_big) => "IPv4 field has value >255",
        2..=3 if !text.contains(':') => "IPv4 address too short",
        5.. if !text.contains(':') => "IPv4 address too long",
        1 if !text.contains(':') => "unable to parse IP",
        _ => "unexpected character",
    };
    let parsed: IpAddr = text.parse().map_err(|_| wrong(unable))?;
    match parsed {
        IpAddr::V6(six) if six.to_ipv4_mapped().is_some() => {
            Err(format!("IPv4-mapped IPv6 address {} is not allowed", quote(text)))
        }
        parsed => Ok(parsed),
    }
}

fn network(text: &str) -> Result<(IpAddr, u8), String> {
    let wrong = |why: &str| {
        // Twice, as upstream says it.
        let what = "network address parse error during conversion from string: ";
        format!("{what}{what}netip.ParsePrefix({}): {why}", quote(text))
    };
    let (host, bits) = text.rsplit_once('/').ok_or_else(|| wrong("no '/'"))?;
    let held: IpAddr = host.parse().map_err(|_| wrong(&format!("ParseAddr({}): unable to parse IP", quote(host))))?;
    let most = if held.is_ipv4() { 32 } else { 128 };
    let plain = bits.bytes().all(|byte| byte.is_ascii_digit()) && (bits == "0" || !bits.starts_with('0'));
    let length: u8 =
        bits.parse().ok().filter(|_| plain).ok_or_else(|| wrong(&format!("bad bits after slash: {}", quote(bits))))?;
    if length > most {
        return Err(wrong("prefix length out of range"));
    }
    match held {
        IpAddr::V6(six) if six.to_ipv4_mapped().is_some() => {
            Err(format!("IPv4-mapped IPv6 address {} is not allowed", quote(text)))
        }
        held => Ok((held, length)),
    }
}

/// The address as a number, and how many bits it has.
fn number(of: &IpAddr) -> (u128, u8) {
    match of {
        IpAddr::V4(four) => (u128::from(u32::from(*four)), 32),
        IpAddr::V6(six) => (u128::from(*six), 128),
    }
}

/// The first bits of an address, the others nothing.
fn masked(of: &IpAddr, length: u8) -> u128 {
    let (held, bits) = number(of);
    let shift = u32::from(bits.saturating_sub(length));
    held.checked_shr(shift).and_then(|first| first.checked_shl(shift)).unwrap_or(0)
}

fn within(outer: (&IpAddr, u8), inner: &IpAddr) -> bool {
    outer.0.is_ipv4() == inner.is_ipv4() && masked(outer.0, outer.1) == masked(inner, outer.1)
}

/// What a function of addresses gives; `None` when it is none of these.
pub(super) fn call(name: &str, given: &[Val]) -> Option<Outcome> {
    Some(match given {
        [Val::Str(text)] => match name {
            "ip" => address(text).map(Val::Ip),
            "isIP" => Ok(Val::Bool(address(text).is_ok())),
            "ip.isCanonical" => address(text).map(|held| Val::Bool(held.to_string() == **text)),
            "cidr" => network(text).map(|(held, length)| Val::Cidr(held, length)),
            "isCIDR" => Ok(Val::Bool(network(text).is_ok())),
            "url" => match Url::parse(text) {
                Ok(url) => Ok(Val::Url(Arc::new(url))),
                Err(why) => Err(format!("URL parse error during conversion from string: {why}")),
            },
            "isURL" => Ok(Val::Bool(Url::parse(text).is_ok())),
            _ => return None,
        },
        [Val::Ip(held)] => {
            let local =
                |six: &core::net::Ipv6Addr| six.segments().first().is_some_and(|first| first & 0xffc0 == 0xfe80);
            let link_local = match held {
                IpAddr::V4(four) => four.is_link_local(),
                IpAddr::V6(six) => local(six),
            };
            let link_local_multicast = match held {
                IpAddr::V4(four) => matches!(four.octets(), [224, 0, 0, _]),
                IpAddr::V6(six) => six.segments().first().is_some_and(|first| first & 0xff0f == 0xff02),
            };
            let broadcast = matches!(held, IpAddr::V4(four) if four.is_broadcast());
            let special = held.is_unspecified() || held.is_loopback() || held.is_multicast() || link_local || broadcast;
            Ok(match name {
                "family" => Val::Int(if held.is_ipv4() { 4 } else { 6 }),
                "isUnspecified" => Val::Bool(held.is_unspecified()),
                "isLoopback" => Val::Bool(held.is_loopback()),
                "isLinkLocalMulticast" => Val::Bool(link_local_multicast),
                "isLinkLocalUnicast" => Val::Bool(link_local),
                "isGlobalUnicast" => Val::Bool(!special),
                _ => return None,
            })
        }
        [Val::Cidr(held, length), rest @ ..] => return of_network(name, held, *length, rest),
        [Val::Url(url)] => Ok(match name {
            "getScheme" => Val::text(&url.scheme),
            "getHost" => Val::text(&url.host),
            "getHostname" => Val::text(url.split_host().0.trim_matches(['[', ']'])),
            "getPort" => Val::text(url.split_host().1),
            "getEscapedPath" => Val::text(&url.path),
            "getQuery" => query(&url.query),
            _ => return None,
        }),
        _ => return None,
    })
}

fn of_network(name: &str, held: &IpAddr, length: u8, rest: &[Val]) -> Option<Outcome> {
    Some(match (name, rest) {
        ("containsIP", [Val::Str(text)]) => address(text).map(|inner| Val::Bool(within((held, length), &inner))),
        ("containsIP", [Val::Ip(inner)]) => Ok(Val::Bool(within((held, length), inner))),
        ("containsCIDR", [Val::Str(text)]) => {
            network(text).map(|(inner, bits)| Val::Bool(bits >= length && within((held, length), &inner)))
        }
        ("containsCIDR", [Val::Cidr(inner, bits)]) => Ok(Val::Bool(*bits >= length && within((held, length), inner))),
        ("ip", []) => Ok(Val::Ip(*held)),
        ("prefixLength", []) => Ok(Val::Int(length.into())),
        ("masked", []) => {
            let first = masked(held, length);
            let address = match held {
                IpAddr::V4(_) => IpAddr::V4(u32::try_from(first).unwrap_or(0).into()),
                IpAddr::V6(_) => IpAddr::V6(first.into()),
            };
            Ok(Val::Cidr(address, length))
        }
        _ => return None,
    })
}

fn query(text: &str) -> Val {
    let mut all: BTreeMap<Key, Vec<Val>> = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (decoded(key), decoded(value));
        all.entry(Key::Str(key.as_str().into())).or_default().push(Val::text(&value));
    }
    Val::Map(Arc::new(all.into_iter().map(|(key, values)| (key, Val::list(values))).collect()))
}

/// A part of a query without its escapes.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        let code = text.get(at + 1..at + 3).filter(|_| *byte == b'%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(code) => {
                bytes.push(code);
                at += 3;
            }
            None => {
                bytes.push(if *byte == b'+' { b' ' } else { *byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
