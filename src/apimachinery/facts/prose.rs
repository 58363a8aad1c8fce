//! What types and fields mean, in upstream's words: for `kubectl explain`. Holds none of them itself; whoever has the
//! file that `cargo xtask prose` makes of the dependency k8s-openapi brings its text.

use std::collections::BTreeMap;

/// Descriptions of types and their fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prose {
    /// By the name in OpenAPI documents, then by field; the type's own stands under the empty name.
    types: BTreeMap<String, BTreeMap<String, String>>,
}

impl Prose {
    /// Reads the file: `{"io.k8s.api.batch.v1.JobSpec": {"": "...", "completions": "..."}}`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map(|types| Self { types }).map_err(|error| error.to_string())
    }

    /// What a type means; `schema` is its name in OpenAPI documents.
    pub fn of_type(&self, schema: &str) -> Option<&str> {
        self.of_field(schema, "")
    }

    /// What a field of a type means.
    pub fn of_field(&self, schema: &str, field: &str) -> Option<&str> {
        self.types.get(schema)?.get(field).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_by_type_and_field_and_a_broken_file_is_refused() {
        let prose = Prose::parse(r#"{"x.Job": {"": "A job.", "spec": "What is wanted."}}"#).unwrap();
        assert_eq!((prose.of_type("x.Job"), prose.of_type("x.Pod")), (Some("A job."), None));
        assert_eq!(
            (prose.of_field("x.Job", "spec"), prose.of_field("x.Job", "status")),
            (Some("What is wanted."), None)
        );
        assert!(Prose::parse("[1]").is_err());
    }
}
