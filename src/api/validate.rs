//! Small rules that the validation of many kinds shares. Each adds to the errors what it finds.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/{util/validation,apis/meta/v1/validation,api/validation}.

use core::net::IpAddr;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;

use crate::apimachinery::content;
use crate::apimachinery::field::{Error, Path};

/// What validation has found so far.
pub type Errors = Vec<Error>;

/// The largest that all annotations together may be, in bytes.
const TOTAL_ANNOTATION_SIZE: usize = 256 * 1024;

/// Adds an `Invalid` for each sentence.
pub fn each(errors: &mut Errors, path: &Path, value: &str, wrong: Vec<String>) {
    errors.extend(wrong.into_iter().map(|why| Error::invalid(path, value, why)));
}

/// The number must not be negative (`ValidateNonnegativeField`).
pub fn nonnegative(errors: &mut Errors, path: &Path, value: impl Into<i64>) {
    let value = value.into();
    if value < 0 {
        errors.push(Error::invalid(path, value, "must be greater than or equal to 0"));
    }
}

/// As [`nonnegative`], when there is a number.
pub fn nonnegative_if_set<N: Into<i64> + Copy>(errors: &mut Errors, path: &Path, value: Option<N>) {
    if let Some(value) = value {
        nonnegative(errors, path, value);
    }
}

/// The number must be more than nothing (`ValidatePositiveField`).
pub fn positive(errors: &mut Errors, path: &Path, value: impl Into<i64>) {
    let value = value.into();
    if value <= 0 {
        errors.push(Error::invalid(path, value, "must be greater than zero"));
    }
}

/// What is referred to by group, kind and name (`validateIngressTypedLocalObjectReference`).
pub fn reference(errors: &mut Errors, path: &Path, group: Option<&str>, kind: &str, name: &str) {
    if let Some(group) = group {
        each(errors, &path.child("apiGroup"), group, content::dns1123_subdomain(group));
    }
    for (field, text) in [("kind", kind), ("name", name)] {
        required(errors, &path.child(field), text);
        each(errors, &path.child(field), text, content::path_segment(text));
    }
}

/// A path below a domain, such as `example.com/controller` (`IsDomainPrefixedPath`).
pub fn domain_prefixed_path(errors: &mut Errors, path: &Path, text: &str) {
    if text.is_empty() {
        errors.push(Error::required(path, ""));
        return;
    }
    let Some((domain, rest)) = text.split_once('/').filter(|(domain, rest)| !domain.is_empty() && !rest.is_empty())
    else {
        let why = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.push(Error::invalid(path, text, why));
        return;
    };
    each(errors, path, domain, content::dns1123_subdomain(domain));
    if !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&b)) {
        let why = "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
        errors.push(Error::invalid(path, rest, why));
    }
}

/// The text must be there.
pub fn required(errors: &mut Errors, path: &Path, text: &str) {
    if text.is_empty() {
        errors.push(Error::required(path, ""));
    }
}

/// One of a few words; none at all is refused as missing.
pub fn choice(errors: &mut Errors, path: &Path, value: Option<&str>, known: &[&str]) {
    match value.unwrap_or_default() {
        "" => errors.push(Error::required(path, "")),
        value => supported(errors, path, Some(value), known),
    }
}

/// One of a few words, when there is a word.
pub fn supported(errors: &mut Errors, path: &Path, value: Option<&str>, known: &[&str]) {
    if let Some(value) = value.filter(|value| !known.contains(value)) {
        errors.push(Error::not_supported(path, value, known));
    }
}

/// An address as the older fields take it (`IsValidIPForLegacyField`).
pub fn address(errors: &mut Errors, path: &Path, text: &str) {
    let loose = text.split('.').map(|part| part.trim_start_matches('0')).collect::<Vec<_>>();
    let unpadded: Vec<&str> = loose.into_iter().map(|part| if part.is_empty() { "0" } else { part }).collect();
    if is_ip_address(text) {
        if text.contains(':') && text.contains('.') && text.to_lowercase().starts_with("::ffff:") {
            errors.push(Error::invalid(path, text, "must not be an IPv4-mapped IPv6 address"));
        }
    } else if !text.contains(':') && text.split('.').all(|part| !part.is_empty()) && is_ip_address(&unpadded.join("."))
    {
        errors.push(Error::invalid(path, text, "must not have leading 0s"));
    } else {
        let why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
        errors.push(Error::invalid(path, text, why));
    }
}

/// An address that traffic can be sent to (`ValidateEndpointIP`).
pub fn endpoint_address(errors: &mut Errors, path: &Path, text: &str) {
    let Ok(address) = text.parse::<IpAddr>() else {
        errors.push(Error::invalid(path, text, "must be a valid IP address"));
        return;
    };
    let address = address.to_canonical();
    let (local, multicast) = match address {
        IpAddr::V4(four) => (four.is_link_local(), matches!(four.octets(), [224, 0, 0, _])),
        IpAddr::V6(six) => {
            (six.is_unicast_link_local(), matches!(six.segments(), [first, ..] if first & 0xff0f == 0xff02))
        }
    };
    if address.is_unspecified() {
        errors.push(Error::invalid(path, text, format!("may not be unspecified ({text})")));
    }
    if address.is_loopback() {
        errors.push(Error::invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"));
    }
    if local {
        errors.push(Error::invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"));
    }
    if multicast {
        let why = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
        errors.push(Error::invalid(path, text, why));
    }
}

/// A network as the older fields take it (`IsValidCIDRForLegacyField`): its first address, and how many of its bits
/// count; `None` when it cannot be read.
pub fn network(errors: &mut Errors, path: &Path, text: &str) -> Option<(IpAddr, u8)> {
    let most = |address: &IpAddr| if address.is_ipv4() { 32 } else { 128 };
    let read = |text: &str| -> Option<(IpAddr, u8)> {
        let (address, bits) = text.split_once('/')?;
        let (address, bits): (IpAddr, u8) = (address.parse().ok()?, bits.parse().ok()?);
        (bits <= most(&address)).then_some((address, bits))
    };
    let unpadded = text.split_inclusive(['.', '/']).map(|part| {
        let digits = part.trim_start_matches('0');
        if digits.starts_with(|c: char| c.is_ascii_digit()) { digits.to_owned() } else { format!("0{digits}") }
    });
    match read(text) {
        Some((address, bits)) => {
            if matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_some()) {
                errors.push(Error::invalid(path, text, "must not have an IPv4-mapped IPv6 address"));
            } else if first_bits(&address, bits) != first_bits(&address, most(&address)) {
                errors.push(Error::invalid(path, text, "must not have bits set beyond the prefix length"));
            }
            Some((address, bits))
        }
        None if !text.contains(':') && read(&unpadded.collect::<String>()).is_some() => {
            errors.push(Error::invalid(path, text, "must not have leading 0s in IP or prefix length"));
            None
        }
        None => {
            let why = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
            errors.push(Error::invalid(path, text, why));
            None
        }
    }
}

/// The address with all but its first bits blanked, as a number.
pub fn first_bits(address: &IpAddr, bits: u8) -> u128 {
    let (value, width) = match address {
        IpAddr::V4(four) => (u128::from(four.to_bits()), 32),
        IpAddr::V6(six) => (six.to_bits(), 128),
    };
    let low = u32::from(width - bits.min(width));
    value.checked_shr(low).and_then(|kept| kept.checked_shl(low)).unwrap_or(0)
}

/// The number must be a port (`IsValidPortNum`).
pub fn port_number(errors: &mut Errors, path: &Path, port: i32) {
    if !(1..=65535).contains(&port) {
        errors.push(Error::invalid(path, port, "must be between 1 and 65535, inclusive"));
    }
}

/// A port by number or name (`ValidatePortNumOrName`).
pub fn port(errors: &mut Errors, path: &Path, port: &IntOrString) {
    match port {
        IntOrString::Int(number) => port_number(errors, path, *number),
        IntOrString::String(name) => each(errors, path, name, content::port_name(name)),
    }
}

/// Whether the text is an IPv4 or IPv6 address (`netutils.ParseIPSloppy`, without leading zeros).
pub fn is_ip_address(text: &str) -> bool {
    let is_v4 = |text: &str| {
        let parts: Vec<&str> = text.split('.').collect();
        let is_byte = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_digit())
                && (part.len() == 1 || !part.starts_with('0'))
                && part.parse::<u8>().is_ok()
        };
        parts.len() == 4 && parts.iter().all(is_byte)
    };
    if !text.contains(':') {
        return is_v4(text);
    }
    // Eight groups of up to four hexadecimal digits; one `::` stands for groups of zeros; the end may be IPv4.
    let (head, tail, short) = match text.split_once("::") {
        Some((head, tail)) => (head, tail, true),
        None => (text, "", false),
    };
    let groups: Vec<&str> =
        [head, tail].into_iter().filter(|part| !part.is_empty()).flat_map(|part| part.split(':')).collect();
    let mut count = 0;
    for (index, group) in groups.iter().enumerate() {
        if group.contains('.') && index + 1 == groups.len() && is_v4(group) {
            count += 2;
        } else if (1..=4).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_hexdigit()) {
            count += 1;
        } else {
            return false;
        }
    }
    if short { count < 8 } else { count == 8 }
}

/// Labels (`ValidateLabels`).
pub fn labels(errors: &mut Errors, path: &Path, labels: Option<&BTreeMap<String, String>>) {
    for (key, value) in labels.into_iter().flatten() {
        each(errors, path, key, content::label_key(key));
        each(errors, path, value, content::label_value(value));
    }
}

/// Annotations (`ValidateAnnotations`).
pub fn annotations(errors: &mut Errors, path: &Path, annotations: Option<&BTreeMap<String, String>>) {
    let mut size = 0;
    for (key, value) in annotations.into_iter().flatten() {
        // Keys may be written in capitals, unlike the prefixes of labels.
        each(errors, path, key, content::label_key(&key.to_lowercase()));
        size += key.len() + value.len();
    }
    if size > TOTAL_ANNOTATION_SIZE {
        errors.push(Error::too_long(path, TOTAL_ANNOTATION_SIZE));
    }
}

/// A selector (`ValidateLabelSelector`).
pub fn selector(errors: &mut Errors, path: &Path, selector: &LabelSelector) {
    labels(errors, &path.child("matchLabels"), selector.match_labels.as_ref());
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let path = path.child("matchExpressions").index(index);
        let values = expression.values.as_deref().unwrap_or_default();
        match expression.operator.as_str() {
            "In" | "NotIn" if values.is_empty() => errors
                .push(Error::required(&path.child("values"), "must be specified when `operator` is 'In' or 'NotIn'")),
            "In" | "NotIn" => {}
            "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(Error::forbidden(
                &path.child("values"),
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )),
            "Exists" | "DoesNotExist" => {}
            other => errors.push(Error::invalid(&path.child("operator"), other, "not a valid selector operator")),
        }
        each(errors, &path.child("key"), &expression.key, content::label_key(&expression.key));
        for (at, value) in values.iter().enumerate() {
            each(errors, &path.child("values").index(at), value, content::label_value(value));
        }
    }
}

/// Whether the selector can be understood: one that cannot chooses nothing and refuses nothing.
pub fn is_selector(given: &LabelSelector) -> bool {
    let mut errors = Errors::new();
    selector(&mut errors, &Path::default(), given);
    errors.is_empty()
}

/// The field must stay as it was (`ValidateImmutableField`); `None` and empty are the same.
pub fn immutable<T: PartialEq + Serialize>(errors: &mut Errors, path: &Path, new: &T, old: &T) {
    if new != old {
        errors.push(Error::invalid(path, new, "field is immutable"));
    }
}

/// A count or a share (`ValidatePositiveIntOrPercent`).
pub fn count_or_percent(errors: &mut Errors, path: &Path, value: &IntOrString) {
    match value {
        IntOrString::Int(number) => nonnegative(errors, path, *number),
        IntOrString::String(text) => {
            let digits = text.strip_suffix('%').unwrap_or_default();
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                let why = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or \
                           '93%', regex used for validation is '[0-9]+%')";
                errors.push(Error::invalid(path, text, why));
            }
        }
    }
}

/// A share must not be more than the whole (`IsNotMoreThan100Percent`).
pub fn at_most_all(errors: &mut Errors, path: &Path, value: &IntOrString) {
    let IntOrString::String(text) = value else { return };
    if text.strip_suffix('%').and_then(|digits| digits.parse::<u64>().ok()).is_some_and(|share| share > 100) {
        errors.push(Error::invalid(path, text, "must not be greater than 100%"));
    }
}

/// Whether the value is zero, as a count or as a share.
pub fn is_zero(value: &IntOrString) -> bool {
    match value {
        IntOrString::Int(number) => *number == 0,
        IntOrString::String(text) => text.strip_suffix('%').and_then(|digits| digits.parse::<u64>().ok()) == Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for text in ["10.9.8.7", "2001:db8::ffff", "::1", "::ffff:10.0.0.1", "1:2:3:4:5:6:7:8"] {
            assert!(is_ip_address(text), "{text}");
        }
        for text in ["10.9.8", "10.9.8.256", "10.09.8.7", "1::2::3", "a", "", "1:2:3:4:5:6:7:8:9", ":1"] {
            assert!(!is_ip_address(text), "{text}");
        }
    }

    #[test]
    fn an_address_is_written_without_leading_zeros_and_not_in_two_ways() {
        let wrong = |text: &str| {
            let mut errors = Errors::new();
            address(&mut errors, &Path::new("ip"), text);
            errors.first().map(|error| error.detail.clone()).unwrap_or_default()
        };
        assert_eq!(wrong("10.0.0.1"), "");
        assert_eq!(wrong("2001:db8::1"), "");
        assert_eq!(wrong("10.00.0.1"), "must not have leading 0s");
        assert_eq!(wrong("::ffff:1.2.3.4"), "must not be an IPv4-mapped IPv6 address");
        assert_eq!(wrong("10.0.0"), "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
}
