//! JSONPath templates over an object.

use serde_json::Value;

use crate::kubectl::failure::Failure;
use crate::text::go_number::quote;
use crate::text::go_value;
use crate::text::json_path::{self, JsonPath};

/// A JSONPath template.
#[derive(Clone, Debug)]
pub struct Path {
    text: String,
    path: JsonPath,
}

impl Path {
    /// Reads a template.
    ///
    /// # Errors
    /// `error parsing jsonpath ...`.
    pub fn parse(text: &str) -> Result<Path, Failure> {
        Path::strict(text, false)
    }

    /// Reads a template; a `strict` one fails where a field is missing.
    ///
    /// # Errors
    /// As [`Path::parse`].
    pub fn strict(text: &str, strict: bool) -> Result<Path, Failure> {
        match JsonPath::parse(text) {
            Ok(path) => Ok(Path { text: text.to_owned(), path: path.allow_missing_keys(!strict) }),
            Err(why) => Err(Failure::msg(format!("error parsing jsonpath {text}, {why}"))),
        }
    }

    /// The values the template finds; none where a field is missing.
    pub fn find(&self, object: &Value) -> Vec<Value> {
        let found = self.path.values(object).unwrap_or_default();
        found.into_iter().map(std::borrow::Cow::into_owned).collect()
    }

    /// The template's text for an object.
    ///
    /// # Errors
    /// A template that does not fit the object.
    pub fn render(&self, object: &Value) -> Result<String, Failure> {
        self.path.execute(object).map_err(|why| self.unfit(&why, object))
    }

    /// The found values as indented JSON.
    ///
    /// # Errors
    /// A template that does not fit the object.
    pub fn render_json(&self, object: &Value) -> Result<String, Failure> {
        self.path.execute_as_json(object).map_err(|why| self.unfit(&why, object))
    }

    fn unfit(&self, why: &str, object: &Value) -> Failure {
        Failure::msg(format!(
            "error executing jsonpath {}: Error executing template: {why}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t{}\n\tobject given to jsonpath engine was:\n\t\t{}\n\n\n",
            quote(&self.text),
            self.text,
            go_value::syntax(object)
        ))
    }
}

/// `metadata.name`, `.metadata.name` and `{metadata.name}` as `{.metadata.name}`.
///
/// # Errors
/// Text that is no path.
pub fn relaxed(path: &str) -> Result<String, Failure> {
    json_path::relaxed(path).map_err(Failure::msg)
}
