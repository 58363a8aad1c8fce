//! Files of variables that `fileKeyRef` reads: `NAME='value'`, a line each, strictly. Pure.
//!
//! Models Kubernetes 1.36 pkg/kubelet/util/env/env_util.go.

/// The value of a variable; empty when the file does not have it.
///
/// # Errors
/// What is wrong with the file, up to the variable.
pub fn value(text: &str, key: &str) -> Result<String, String> {
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        let line = line.trim_start_matches([' ', '\t']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = |why: &str| Err(format!("invalid environment variable format at line {number}: {why}"));
        let Some((name, rest)) = line.split_once('=') else { return wrong("missing '='") };
        let bare = name.trim_end_matches([' ', '\t']);
        if bare.is_empty() {
            return wrong("empty variable name");
        }
        if bare != name {
            return wrong("whitespace before '=' is not allowed");
        }
        if rest.starts_with([' ', '\t']) {
            // As in a shell, what follows belongs to no variable.
            if name == key {
                return Ok(String::new());
            }
            continue;
        }
        let Some(quoted) = rest.strip_prefix('\'') else { return wrong("value must be enclosed in single quotes") };
        let (mut value, mut rest) = (String::new(), quoted);
        let after = loop {
            if let Some((inside, after)) = rest.split_once('\'') {
                value.push_str(inside);
                break after;
            }
            value.push_str(rest);
            value.push('\n');
            let Some((_, next)) = lines.next() else {
                let why = "unclosed single quote";
                return Err(format!("invalid environment variable format starting at line {number}: {why}"));
            };
            rest = next;
        };
        let after = after.trim_start_matches([' ', '\t']);
        if !after.is_empty() && !after.starts_with('#') {
            return wrong("unexpected content after closing quote");
        }
        if name == key {
            return Ok(value);
        }
    }
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_env() {
        let is = |value: &str| Ok(value.to_owned());
        let wrong = |why: &str| Err(format!("invalid environment variable format {why}"));
        for (name, text, want) in [
            ("a plain value", "KEY='val1'\n", is("val1")),
            ("comments and blank lines", "# c\n\n  KEY='v' # why\n", is("v")),
            ("several lines", "KEY='a\nb'\n", is("a\nb")),
            ("whitespace after '='", "KEY= 'val1'\n", is("")),
            ("a variable that is not there", "OTHER='x'\n", is("")),
            ("no '='", "KEY\n", wrong("at line 1: missing '='")),
            ("no name", "='x'\n", wrong("at line 1: empty variable name")),
            ("whitespace before '='", "KEY ='x'\n", wrong("at line 1: whitespace before '=' is not allowed")),
            ("no quotes", "\nKEY=x\n", wrong("at line 2: value must be enclosed in single quotes")),
            ("an open quote", "KEY='x\n", wrong("starting at line 1: unclosed single quote")),
            ("something after it", "KEY='x' y\n", wrong("at line 1: unexpected content after closing quote")),
        ] {
            assert_eq!(value(text, "KEY"), want, "{name}");
        }
    }
}
