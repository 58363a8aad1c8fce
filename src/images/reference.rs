//! Image names: parsing and normalising, as the distribution reference grammar has them. Refuses to know what exists.

use std::fmt;

/// A parsed image name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The registry's host and port, `docker.io` when none was given.
    pub registry: String,
    /// The path below it, with `library/` for Docker's own images.
    pub repository: String,
    /// The tag, if one was given.
    pub tag: Option<String>,
    /// The digest, if one was given.
    pub digest: Option<String>,
}

/// Why a text is no image name, in the words of the reference parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidReference {
    /// It does not match the grammar.
    Format,
    /// It has upper case letters where none may be.
    Uppercase,
    /// It is longer than a name may be.
    TooLong,
}

impl fmt::Display for InvalidReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            InvalidReference::Format => "invalid reference format",
            InvalidReference::Uppercase => "invalid reference format: repository name must be lowercase",
            InvalidReference::TooLong => "repository name must not be more than 255 characters",
        })
    }
}

impl Reference {
    /// Parses and normalises an image name; a missing tag stays missing.
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (rest, None),
        };
        let (registry, path) = match name.split_once('/') {
            Some((host, path))
                if host.contains(['.', ':']) || host == "localhost" || host.chars().any(char::is_uppercase) =>
            {
                (host, path.to_owned())
            }
            Some(_) => ("docker.io", name.to_owned()),
            None => ("docker.io", format!("library/{name}")),
        };
        let registry = if registry == "index.docker.io" { "docker.io" } else { registry };
        let path = if registry == "docker.io" && !path.contains('/') { format!("library/{path}") } else { path };
        let valid_host = registry.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c));
        if !valid_host || tag.is_some_and(|tag| !valid_tag(tag)) || digest.is_some_and(|digest| !valid_digest(digest)) {
            return Err(InvalidReference::Format);
        }
        if !path.split('/').all(valid_component) {
            let lower = path.to_ascii_lowercase();
            let only_case = lower != path && lower.split('/').all(valid_component);
            return Err(if only_case { InvalidReference::Uppercase } else { InvalidReference::Format });
        }
        if path.len() > 255 {
            return Err(InvalidReference::TooLong);
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: path,
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }

    /// Registry and repository.
    pub fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The tag that a pull asks for: `latest` when neither tag nor digest was given.
    pub fn tag_or_latest(&self) -> &str {
        self.tag.as_deref().unwrap_or("latest")
    }
}

impl fmt::Display for Reference {
    /// The normalised name with its tag or digest, as containerd prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        match (&self.tag, &self.digest) {
            (_, Some(digest)) => write!(f, "@{digest}"),
            (Some(tag), None) => write!(f, ":{tag}"),
            (None, None) => write!(f, ":latest"),
        }
    }
}

fn valid_component(part: &str) -> bool {
    let alnum = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let mut separators = String::new();
    let mut previous_alnum = false;
    for c in part.chars() {
        if alnum(c) {
            // All of nothing are dashes, too: no separator at all is fine.
            let allowed = matches!(separators.as_str(), "." | "_" | "__") || separators.chars().all(|c| c == '-');
            if !allowed {
                return false;
            }
            separators.clear();
            previous_alnum = true;
        } else if "._-".contains(c) && previous_alnum {
            separators.push(c);
        } else {
            return false;
        }
    }
    previous_alnum && separators.is_empty()
}

fn valid_tag(tag: &str) -> bool {
    let mut chars = tag.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        && tag.len() <= 128
        && chars.all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn valid_digest(digest: &str) -> bool {
    digest
        .split_once(':')
        .is_some_and(|(kind, hex)| !kind.is_empty() && hex.len() >= 32 && hex.chars().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_as_docker_does() {
        let normal = |text: &str| Reference::parse(text).map(|reference| reference.to_string());
        assert_eq!(normal("busybox").unwrap(), "docker.io/library/busybox:latest");
        assert_eq!(normal("busybox:1.36").unwrap(), "docker.io/library/busybox:1.36");
        assert_eq!(normal("bitnami/kubectl").unwrap(), "docker.io/bitnami/kubectl:latest");
        assert_eq!(normal("registry.k8s.io/pause:3.10").unwrap(), "registry.k8s.io/pause:3.10");
        assert_eq!(normal("localhost:5000/a/b:c").unwrap(), "localhost:5000/a/b:c");
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_parsers_words() {
        assert_eq!(Reference::parse("busybox:1.36 x"), Err(InvalidReference::Format));
        assert_eq!(Reference::parse("BusyBox"), Err(InvalidReference::Uppercase));
        assert_eq!(Reference::parse(""), Err(InvalidReference::Format));
        assert_eq!(Reference::parse("a..b"), Err(InvalidReference::Format));
    }
}
