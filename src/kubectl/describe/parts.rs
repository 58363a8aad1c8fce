//! Parts that many descriptions have: labels, annotations, tolerations, times.

use serde_json::{Map, Value};

use super::Describer;
use crate::kubectl::print::{list_at, map_at, str_at};
use crate::sim::Time;
use crate::text::duration::human_duration;

/// Annotations longer than this are cut.
pub const LONGEST: usize = 140;

/// The annotation that descriptions leave out.
const SKIPPED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// A timestamp as `Mon, 02 Jan 2006 15:04:05 +0000`.
pub fn timestamp(text: &str) -> String {
    let zero = "Mon, 01 Jan 0001 00:00:00 +0000".to_owned();
    let Ok(instant) = text.parse::<jiff::Timestamp>() else { return zero };
    let zoned = instant.to_zoned(jiff::tz::TimeZone::UTC);
    jiff::fmt::strtime::format("%a, %d %b %Y %H:%M:%S +0000", &zoned).unwrap_or(zero)
}

/// How long ago a timestamp was, such as `5s`.
pub fn age(now: Time, text: &str) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(instant) => {
            let micros = i64::try_from(now.as_micros()).unwrap_or(i64::MAX).saturating_sub(instant.as_microsecond());
            human_duration(micros.saturating_mul(1000))
        }
        Err(_) => "<unknown>".to_owned(),
    }
}

/// A value as Go's `%v` prints it.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<nil>".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
        Value::Object(fields) => {
            let parts: Vec<String> = fields.iter().map(|(key, value)| format!("{key}:{}", shown(value))).collect();
            format!("map[{}]", parts.join(" "))
        }
        other => other.to_string(),
    }
}

/// A list of texts behind one another; `none` when it is empty.
pub fn joined(list: &[Value], between: &str, none: &str) -> String {
    if list.is_empty() { none.to_owned() } else { list.iter().map(shown).collect::<Vec<_>>().join(between) }
}

/// `a=b,c=d`, or `<none>`.
pub fn label_list(labels: Option<&Map<String, Value>>) -> String {
    let list: Vec<String> =
        labels.into_iter().flatten().map(|(key, value)| format!("{key}={}", shown(value))).collect();
    if list.is_empty() { "<none>".to_owned() } else { list.join(",") }
}

/// A label selector as text: `a=b,c in (d,e)`; `<none>` for one that selects nothing, empty text for everything.
pub fn selector(value: Option<&Value>) -> String {
    let Some(value) = value else { return "<none>".to_owned() };
    let mut parts: Vec<(String, String)> = map_at(value, "/matchLabels")
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), format!("{key}={}", shown(value))))
        .collect();
    for expression in list_at(value, "/matchExpressions") {
        let key = str_at(expression, "/key").to_owned();
        let mut values: Vec<String> = list_at(expression, "/values").iter().map(shown).collect();
        values.sort();
        let text = match str_at(expression, "/operator") {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "Exists" => key.clone(),
            _ => format!("!{key}"),
        };
        parts.push((key, text));
    }
    parts.sort_by(|a, b| a.0.cmp(&b.0));
    parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(",")
}

/// A selector where one that selects everything is told in words.
pub fn chosen(value: Option<&Value>) -> String {
    let text = selector(value);
    if text.is_empty() { "<none>".to_owned() } else { text }
}

impl Describer<'_, '_> {
    /// `Name:` and a value at the left margin.
    pub fn field(&mut self, name: &str, value: impl AsRef<str>) {
        self.w.line(0, &format!("{name}:\t{}", value.as_ref()));
    }

    /// Several lines, the first behind the title.
    pub fn lines(&mut self, title: &str, lines: &[String]) {
        if lines.is_empty() {
            self.w.line(0, &format!("{title}:\t<none>"));
        }
        for (index, line) in lines.iter().enumerate() {
            let head = if index == 0 { format!("{title}:") } else { String::new() };
            self.w.line(0, &format!("{head}\t{line}"));
        }
    }

    /// Labels, one a line.
    pub fn labels(&mut self, title: &str, labels: Option<&Map<String, Value>>) {
        let lines: Vec<String> =
            labels.into_iter().flatten().map(|(key, value)| format!("{key}={}", shown(value))).collect();
        self.lines(title, &lines);
    }

    /// Annotations, one a line; long ones cut and on lines of their own.
    pub fn annotations(&mut self, title: &str, annotations: Option<&Map<String, Value>>) {
        let mut lines = Vec::new();
        for (key, value) in annotations.into_iter().flatten().filter(|(key, _)| *key != SKIPPED) {
            let value = shown(value);
            let value = value.strip_suffix('\n').unwrap_or(&value);
            if value.len() + key.len() + 2 > LONGEST || value.contains('\n') {
                lines.push(format!("{key}:"));
                for line in value.split('\n') {
                    let cut: String = match line.char_indices().find(|(at, c)| at + c.len_utf8() > LONGEST - 2) {
                        Some((at, _)) => format!("{}...", line.get(..at).unwrap_or(line)),
                        None => line.to_owned(),
                    };
                    lines.push(format!("  {cut}"));
                }
            } else {
                lines.push(format!("{key}: {value}"));
            }
        }
        self.lines(title, &lines);
    }

    /// Name, namespace (where there is one), labels and annotations.
    pub fn head(&mut self, object: &Value) {
        self.field("Name", str_at(object, "/metadata/name"));
        if !str_at(object, "/metadata/namespace").is_empty() {
            self.field("Namespace", str_at(object, "/metadata/namespace"));
        }
        self.labels("Labels", map_at(object, "/metadata/labels"));
        self.annotations("Annotations", map_at(object, "/metadata/annotations"));
    }

    /// `Controlled By:`, when something does.
    pub fn controlled_by(&mut self, object: &Value) {
        let owners = list_at(object, "/metadata/ownerReferences");
        if let Some(owner) = owners.iter().find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))
        {
            self.field("Controlled By", format!("{}/{}", str_at(owner, "/kind"), str_at(owner, "/name")));
        }
    }

    /// Tolerations, one a line.
    pub fn tolerations(&mut self, title: &str, tolerations: &[Value]) {
        let mut sorted: Vec<&Value> = tolerations.iter().collect();
        sorted.sort_by_key(|one| str_at(one, "/key").to_owned());
        let lines: Vec<String> = sorted
            .into_iter()
            .map(|one| {
                let (key, value, effect) = (str_at(one, "/key"), str_at(one, "/value"), str_at(one, "/effect"));
                let mut text = key.to_owned();
                if !value.is_empty() {
                    text.push_str(&format!("={value}"));
                }
                if !effect.is_empty() {
                    text.push_str(&format!(":{effect}"));
                }
                if str_at(one, "/operator") == "Exists" && value.is_empty() {
                    text.push_str(if key.is_empty() && effect.is_empty() { "op=Exists" } else { " op=Exists" });
                }
                if let Some(seconds) = one.get("tolerationSeconds").and_then(Value::as_i64) {
                    text.push_str(&format!(" for {seconds}s"));
                }
                text
            })
            .collect();
        self.lines(title, &lines);
    }

    /// `Conditions:` with the given columns, each a title and the field beneath; one that ends in `Time` holds a time.
    pub fn conditions(&mut self, object: &Value, columns: &[(&str, &str)]) {
        let conditions = list_at(object, "/status/conditions");
        if conditions.is_empty() {
            return;
        }
        self.w.line(0, "Conditions:");
        let titles: Vec<&str> = columns.iter().map(|column| column.0).collect();
        self.w.line(1, &titles.join("\t"));
        let rules: Vec<String> = titles.iter().map(|title| "-".repeat(title.len())).collect();
        self.w.line(1, &rules.join("\t"));
        for condition in conditions {
            let cells: Vec<String> = columns
                .iter()
                .map(|(_, path)| match str_at(condition, path) {
                    time if path.ends_with("Time") => timestamp(time),
                    text => text.to_owned(),
                })
                .collect();
            self.w.line(1, &cells.join("\t"));
        }
    }

    /// `Type Status Reason` of the conditions, when there are any.
    pub fn conditions_with_reason(&mut self, object: &Value) {
        let conditions = list_at(object, "/status/conditions");
        if conditions.is_empty() {
            return;
        }
        self.w.line(0, "Conditions:\n  Type\tStatus\tReason");
        self.w.line(1, "----\t------\t------");
        for condition in conditions {
            let of = |name: &str| str_at(condition, name);
            self.w.line(1, &format!("{} \t{}\t{}", of("/type"), of("/status"), of("/reason")));
        }
    }
}

/// The columns of conditions whose last change is told.
pub const DATED: &[(&str, &str)] = &[
    ("Type", "/type"),
    ("Status", "/status"),
    ("LastTransitionTime", "/lastTransitionTime"),
    ("Reason", "/reason"),
    ("Message", "/message"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_and_selectors_read_as_kubectl_prints_them() {
        assert_eq!(timestamp("2026-11-23T17:47:21Z"), "Mon, 23 Nov 2026 17:47:21 +0000");
        let value = json!({"matchLabels": {"b": "c"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}]});
        assert_eq!(selector(Some(&value)), "a in (x,y),b=c");
    }
}
