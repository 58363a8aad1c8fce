//! What names, labels and annotations may look like, with upstream's sentences.
//!
//! Models Kubernetes 1.36 staging/src/k8s.io/apimachinery/pkg/util/validation/validation.go.

const DNS_1123_LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const QUALIFIED_NAME: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";

fn is_lower(letter: u8) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit()
}

/// `[a-z0-9]([-a-z0-9]*[a-z0-9])?`
fn is_dns_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|first| is_lower(*first))
        && bytes.last().is_some_and(|last| is_lower(*last))
        && bytes.iter().all(|letter| is_lower(*letter) || *letter == b'-')
}

/// `([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]`
fn is_qualified(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_' | b'.'))
}

/// Upstream counts names in characters and the parts of labels in bytes; both mean bytes.
fn max_length(length: usize, unit: &str) -> String {
    format!("must be no more than {length} {unit}")
}

fn regex_error(message: &str, pattern: &str, examples: &[&str]) -> String {
    if examples.is_empty() {
        return format!("{message} (regex used for validation is '{pattern}')");
    }
    let shown: Vec<String> = examples.iter().map(|example| format!("'{example}'")).collect();
    format!("{message} (e.g. {}, regex used for validation is '{pattern}')", shown.join(",  or "))
}

/// What is wrong with a DNS-1123 label (`IsDNS1123Label`); nothing when it is one.
pub fn dns1123_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push(max_length(63, "characters"));
    }
    if !is_dns_label(text) {
        if is_dns_subdomain(text) {
            wrong.push("must not contain dots".to_owned());
        } else {
            let message = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and \
                           must start and end with an alphanumeric character";
            wrong.push(regex_error(message, DNS_1123_LABEL, &["my-name", "123-abc"]));
        }
    }
    wrong
}

fn is_dns_subdomain(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

/// What is wrong with a DNS-1123 subdomain (`IsDNS1123Subdomain`).
pub fn dns1123_subdomain(text: &str) -> Vec<String> {
    subdomain(text, "characters")
}

fn subdomain(text: &str, unit: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 253 {
        wrong.push(max_length(253, unit));
    }
    if !is_dns_subdomain(text) {
        let message = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
                       and must start and end with an alphanumeric character";
        let pattern = format!("{DNS_1123_LABEL}(\\.{DNS_1123_LABEL})*");
        wrong.push(regex_error(message, &pattern, &["example.com"]));
    }
    wrong
}

/// What is wrong with a domain to search in (`IsDNS1123SubdomainWithUnderscore`).
pub fn search_domain(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 253 {
        wrong.push(max_length(253, "characters"));
    }
    let is_part = |part: &str| {
        let rest = part.strip_prefix('_').unwrap_or(part);
        !rest.ends_with('_') && !rest.starts_with('_') && is_dns_label(&rest.replace('_', "-"))
    };
    if !text.split('.').all(is_part) {
        let message = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or \
                       '.', and must start and end with an alphanumeric character";
        let part = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
        wrong.push(regex_error(message, &format!("{part}(\\.{part})*"), &["example.com"]));
    }
    wrong
}

/// What is wrong with the name of an HTTP header (`IsHTTPHeaderName`).
pub fn http_header(text: &str) -> Vec<String> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Vec::new();
    }
    let message = "a valid HTTP header must consist of alphanumeric characters or '-'";
    vec![regex_error(message, "[-A-Za-z0-9]+", &["X-Header-Name"])]
}

/// What is wrong with a DNS-1035 label (`IsDNS1035Label`), as Services are named.
pub fn dns1035_label(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push(max_length(63, "characters"));
    }
    if !(is_dns_label(text) && text.starts_with(|letter: char| letter.is_ascii_lowercase())) {
        let message = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an \
                       alphabetic character, and end with an alphanumeric character";
        wrong.push(regex_error(message, "[a-z]([-a-z0-9]*[a-z0-9])?", &["my-name", "abc-123"]));
    }
    wrong
}

/// What is wrong with a label's key (`IsQualifiedName`): `name` or `prefix/name`.
pub fn label_key(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let message = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an \
                   alphanumeric character";
    let mut parts = text.split('/');
    let (first, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let name = match (second, third) {
        (None, _) => first,
        (Some(name), None) => {
            if first.is_empty() {
                wrong.push("prefix part must be non-empty".to_owned());
            } else {
                wrong.extend(subdomain(first, "bytes").into_iter().map(|one| format!("prefix part {one}")));
            }
            name
        }
        (Some(_), Some(_)) => {
            let message = "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start \
                           and end with an alphanumeric character";
            let text = regex_error(message, QUALIFIED_NAME, &["MyName", "my.name", "123-abc"]);
            return vec![format!("{text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')")];
        }
    };
    if name.is_empty() {
        wrong.push("name part must be non-empty".to_owned());
    } else if name.len() > 63 {
        wrong.push(format!("name part {}", max_length(63, "bytes")));
    }
    if !is_qualified(name) {
        wrong.push(format!("name part {}", regex_error(message, QUALIFIED_NAME, &["MyName", "my.name", "123-abc"])));
    }
    wrong
}

/// What is wrong with a label's value (`IsValidLabelValue`). The empty value is one.
pub fn label_value(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 63 {
        wrong.push(max_length(63, "bytes"));
    }
    if !text.is_empty() && !is_qualified(text) {
        let message = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
                       and must start and end with an alphanumeric character";
        let pattern = format!("({QUALIFIED_NAME})?");
        wrong.push(regex_error(message, &pattern, &["MyValue", "my_value", "12345"]));
    }
    wrong
}

/// What is wrong with the name of a port (`IsValidPortName`).
pub fn port_name(text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    if text.len() > 15 {
        wrong.push("must be no more than 15 characters".to_owned());
    }
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".to_owned());
    }
    if !text.bytes().any(|b| b.is_ascii_lowercase()) {
        wrong.push("must contain at least one letter (a-z)".to_owned());
    }
    if text.contains("--") {
        wrong.push("must not contain consecutive hyphens".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        wrong.push("must not begin or end with a hyphen".to_owned());
    }
    wrong
}

/// What is wrong with a name that becomes part of a URL (`IsValidPathSegmentName`).
pub fn path_segment(text: &str) -> Vec<String> {
    if text == "." || text == ".." {
        return vec![format!("may not be '{text}'")];
    }
    ["/", "%"].iter().filter(|part| text.contains(**part)).map(|part| format!("may not contain '{part}'")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_name_gets_the_servers_sentence() {
        assert_eq!(
            dns1123_subdomain("Hello_World"),
            [
                "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must \
              start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
              '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            ]
        );
        assert_eq!(dns1123_label("a.b"), ["must not contain dots"]);
        assert_eq!(dns1123_label(&"a".repeat(64)), ["must be no more than 63 characters"]);
        assert_eq!(label_value(&"a".repeat(64)), ["must be no more than 63 bytes"]);
        assert!(search_domain("_a.b_c").is_empty() && !search_domain("a_").is_empty());
        assert!(dns1123_label("a-1").is_empty());
        assert!(!dns1035_label("1a").is_empty());
    }

    #[test]
    fn label_keys_may_have_a_prefix() {
        assert!(label_key("example.com/my_name").is_empty());
        assert_eq!(label_key("/a"), ["prefix part must be non-empty"]);
        assert!(label_key("a/b/c")[0].ends_with("and '/' (e.g. 'example.com/MyName')"));
        assert!(label_value("").is_empty());
        assert!(!label_value("-a").is_empty());
    }

    #[test]
    fn a_port_name_is_short_and_has_a_letter() {
        assert!(port_name("http").is_empty());
        assert_eq!(port_name("80"), ["must contain at least one letter (a-z)"]);
        assert_eq!(port_name("a-very-long-port-name"), ["must be no more than 15 characters"]);
        assert_eq!(
            port_name("-Http"),
            [
                "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
                "must not begin or end with a hyphen"
            ]
        );
    }
}
