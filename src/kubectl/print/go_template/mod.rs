//! Go templates over an object, as `-o go-template` runs them. Fetches nothing, and has no methods to call.
//!
//! Models Go text/template and Kubernetes 1.36 staging/src/k8s.io/cli-runtime/pkg/printers/template.go.

mod constants;
mod functions;
mod lex;
mod parse;
mod printf;
mod run;
mod tree;
mod value;

use serde_json::Value;

use crate::kubectl::failure::Failure;
use crate::text::go_json;
use crate::text::go_number::quote;
use crate::text::go_value;

/// A parsed template.
#[derive(Clone, Debug)]
pub struct GoTemplate {
    text: String,
    tree: tree::Tree,
    strict: bool,
}

impl GoTemplate {
    /// Reads a template; a `strict` one fails where a field is missing.
    ///
    /// # Errors
    /// `error parsing template ...`.
    pub fn parse(text: &str, strict: bool) -> Result<GoTemplate, Failure> {
        match parse::parse(text) {
            Ok(tree) => Ok(GoTemplate { text: text.to_owned(), tree, strict }),
            Err(why) => Err(Failure::msg(format!("error parsing template {text}, template: output:{why}"))),
        }
    }

    /// The template's text for an object.
    ///
    /// # Errors
    /// A template that does not fit the object; what it printed until then, and what helps to find out why, goes to
    /// standard output.
    pub fn render(&self, object: &Value) -> Result<String, Failure> {
        let (mut out, result) = run::Run::of(&self.tree, object, self.strict);
        let Err(fault) = result else { return Ok(out) };
        let before = self.text.get(..fault.at).unwrap_or(&self.text);
        let (line, column) = (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or("").len());
        let why = format!(
            "template: output:{line}:{column}: executing {} at <{}>: {}",
            quote(&fault.running),
            fault.written,
            fault.why
        );
        out.push_str(&format!(
            "Error executing template: {why}. Printing more information for debugging the template:\n\ttemplate was:\n\t\t{}\n\traw data was:\n\t\t{}\n\tobject given to template engine was:\n\t\t{}\n\n",
            self.text,
            go_json::to_compact(object),
            go_value::shown(object),
        ));
        Err(Failure::after(out, Failure::msg(format!("error executing template {}: {why}", quote(&self.text)))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(template: &str) -> String {
        let object = json!({"metadata": {"name": "one", "labels": {"a": "b"}}, "items": [{"n": 1}, {"n": 2}], "data": {"pw": "eA=="}});
        GoTemplate::parse(template, false).unwrap().render(&object).unwrap()
    }

    #[test]
    fn templates_print_what_go_prints() {
        for (template, text) in [
            ("{{.metadata.name}} {{.nosuch}}{{\"\\n\"}}", "one <no value>\n"),
            ("{{range .items}}{{.n}};{{end}}", "1;2;"),
            ("{{range $i, $v := .items}}{{$i}}={{$v.n}} {{end}}", "0=1 1=2 "),
            ("{{if eq .metadata.name \"two\"}}a{{else if gt (len .items) 1}}b{{else}}c{{end}}", "b"),
            ("{{with .metadata}}{{.name}}{{end}} {{- \" x\"}}", "one x"),
            ("{{.data.pw | base64decode}}", "x"),
            ("{{index .metadata.labels \"a\"}} {{printf \"%-4s|%d\" .metadata.name 3}}", "b one |3"),
            ("{{$x := .metadata.name}}{{$x}}{{$x = 2}}{{$x}}", "one2"),
            ("{{.metadata.labels}}", "map[a:b]"),
            ("{{define \"t\"}}<{{.}}>{{end}}{{range .items}}{{template \"t\" .n}}{{end}}", "<1><2>"),
            ("{{block \"b\" .metadata}}{{.name}}{{end}}", "one"),
            ("{{range .items}}{{if eq .n 2}}{{break}}{{end}}{{.n}}{{end}}", "1"),
            ("{{range 3}}{{if eq . 1}}{{continue}}{{end}}{{.}}{{end}}", "02"),
            ("{{with .nosuch}}a{{else with .metadata}}{{.name}}{{end}}", "one"),
            ("{{print 1 2 \"a\" \"b\" 3}} {{slice .metadata.name 1}} {{'a'}} {{0x10}} {{1.5}}", "1 2ab3 ne 97 16 1.5"),
            ("{{/* nothing */ -}} x {{- /* and again */}}", "x"),
            ("{{html \"<a>\"}} {{urlquery \"a b/\"}} {{js \"it's\"}}", "&lt;a&gt; a+b%2F it\\'s"),
        ] {
            assert_eq!(render(template), text, "{template}");
        }
    }

    #[test]
    fn printf_tells_of_verbs_that_do_not_fit() {
        for (template, text) in [
            (r#"{{printf "%5d|%05d|%x|%q" 3 4 255 "a"}}"#, r#"    3|00004|ff|"a""#),
            (r#"{{printf "%s"}}"#, "%!s(MISSING)"),
            (r#"{{printf "%s" 3}} {{printf "%d" "a"}} {{printf "%z" 1}}"#, "%!s(int=3) %!d(string=a) %!z(int=1)"),
            (r#"{{printf "a" 1 "b"}}"#, "a%!(EXTRA int=1, string=b)"),
            (r#"{{printf "%.2f %v %t %%" 1.5 .items true}}"#, "1.50 [map[n:1] map[n:2]] true %"),
        ] {
            assert_eq!(render(template), text, "{template}");
        }
    }

    #[test]
    fn a_broken_template_is_told() {
        let error = |template: &str| GoTemplate::parse(template, false).unwrap_err().text();
        assert_eq!(error("{{.nosuch"), "error parsing template {{.nosuch, template: output:1: unclosed action");
        for (template, why) in [
            ("{{.items}", "bad character U+007D '}'"),
            ("{{range .items}}", "unexpected EOF"),
            ("{{nosuch .a}}", "function \"nosuch\" not defined"),
            ("{{end}}", "unexpected {{end}}"),
            ("{{$x}}", "undefined variable \"$x\""),
            ("{{if}}a{{end}}", "missing value for if"),
            ("{{| .a}}", "unexpected \"|\" in command"),
            ("{{.a()}}", "unexpected \"(\" in operand"),
            ("{{break}}", "{{break}} outside {{range}}"),
            ("{{\"a}}", "unterminated quoted string"),
        ] {
            assert_eq!(error(template), format!("error parsing template {template}, template: output:1: {why}"));
        }
    }

    #[test]
    fn a_template_that_does_not_fit_names_the_place() {
        let object = json!({"kind": "Pod", "spec": {"containers": [{"name": "a"}]}});
        let why = |template: &str, strict: bool| {
            let failure = GoTemplate::parse(template, strict).unwrap().render(&object).unwrap_err().text();
            failure.split_once(": template: output:").map(|(_, why)| why.to_owned()).unwrap()
        };
        for (template, words) in [
            ("{{range .kind}}{{end}}", "1:8: executing \"output\" at <.kind>: range can't iterate over Pod"),
            ("{{.kind.x}}", "1:7: executing \"output\" at <.kind.x>: can't evaluate field x in type interface {}"),
            (
                "{{with .kind}}{{.x}}{{end}}",
                "1:16: executing \"output\" at <.x>: can't evaluate field x in type string",
            ),
            ("\n{{len 3}}", "2:2: executing \"output\" at <len 3>: error calling len: len of type int"),
            ("{{not 1 2}}", "1:2: executing \"output\" at <not>: wrong number of args for not: want 1 got 2"),
            (
                "{{eq 1 \"a\"}}",
                "1:2: executing \"output\" at <eq 1 \"a\">: error calling eq: incompatible types for comparison: int and string",
            ),
            (
                "{{index .spec.containers 1}}",
                "1:2: executing \"output\" at <index .spec.containers 1>: error calling index: reflect: slice index out of range",
            ),
            (
                "{{index .spec.containers 9}}",
                "1:2: executing \"output\" at <index .spec.containers 9>: error calling index: index out of range: 9",
            ),
            ("{{template \"x\"}}", "1:11: executing \"output\" at <{{template \"x\"}}>: template \"x\" not defined"),
            ("{{.kind .spec}}", "1:2: executing \"output\" at <.kind>: kind is not a method but has arguments"),
            (
                "{{.kind | base64decode}}",
                "1:10: executing \"output\" at <base64decode>: error calling base64decode: base64 decode failed: illegal base64 data at input byte 0",
            ),
        ] {
            assert_eq!(why(template, false), words);
        }
        assert_eq!(why("{{.a.b}}", true), "1:4: executing \"output\" at <.a.b>: map has no entry for key \"a\"");
    }

    #[test]
    fn no_template_runs_for_ever() {
        let endless = GoTemplate::parse("{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}", false).unwrap();
        assert!(endless.render(&json!({})).is_err());
        let long = GoTemplate::parse("{{range 999999999}}{{range 999999999}}{{.}}{{end}}{{end}}", false).unwrap();
        assert!(long.render(&json!({})).is_err());
    }
}
