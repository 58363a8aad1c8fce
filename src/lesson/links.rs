//! Where the links of a course lead. Inside of it they have to arrive; those that leave it are judged by their form and
//! their host, for nothing here reaches a network.

use super::author::{Course, Document, Link, Problem};
use crate::text::similar_names::nearest;

/// What is wrong with the links of `documents`; `course` holds every lesson that can be linked to.
pub fn check_links(course: &Course, documents: &[&Document], all: &[&Document]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for document in documents {
        for link in &document.links {
            if let Some(message) = wrong(course, document, all, link) {
                problems.push(Problem { file: document.path.clone(), line: link.line, message });
            }
        }
    }
    problems
}

fn wrong(course: &Course, document: &Document, all: &[&Document], link: &Link) -> Option<String> {
    let target = link.target.as_str();
    if let Some(rest) = target.strip_prefix("https://") {
        return outside(course, rest);
    }
    if let Some(rest) = target.strip_prefix("http://") {
        return Some(format!("a link that leaves the course is encrypted: write `https://{rest}`"));
    }
    if link.picture {
        if link.text.trim().is_empty() {
            return Some(format!(
                "the picture `{target}` has no words for those who cannot see it: `![what it shows]({target})`"
            ));
        }
        let names = || document.pictures.iter().map(String::as_str);
        let advice = nearest(target, names()).map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
        return (!names().any(|name| name == target))
            .then(|| format!("there is no picture `{target}` in the folder of the lesson{advice}"));
    }
    let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
    if path.is_empty() {
        return anchored(document, anchor);
    }
    let lesson = path.strip_prefix("../").and_then(|path| path.strip_suffix("/lesson.md"));
    let Some(lesson) = lesson else {
        return Some(format!(
            "`{target}` leads nowhere; write `https://...`, `#heading` or `../10-other-lesson/lesson.md`"
        ));
    };
    let Some(found) = all.iter().find(|other| other.lesson.name == lesson) else {
        let advice = nearest(lesson, all.iter().map(|other| other.lesson.name.as_str()));
        let advice = advice.map(|meant| format!("; did you mean `../{meant}/lesson.md`?")).unwrap_or_default();
        return Some(format!("there is no lesson `{lesson}`{advice}"));
    };
    if anchor.is_empty() { None } else { anchored(found, anchor) }
}

fn outside(course: &Course, rest: &str) -> Option<String> {
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
    if !host.contains('.') || !host.chars().all(plain) {
        return Some(format!("`https://{rest}` names no host; write one such as `https://kubernetes.io/docs/`"));
    }
    let allowed =
        |known: &String| host == known || host.strip_suffix(known.as_str()).is_some_and(|rest| rest.ends_with('.'));
    (!course.hosts.iter().any(allowed)).then(|| {
        format!(
            "links lead to {}; if readers may be sent to `{host}`, add it to `hosts` in course.yaml",
            list(&course.hosts)
        )
    })
}

fn list(hosts: &[String]) -> String {
    hosts.iter().map(|host| format!("`{host}`")).collect::<Vec<_>>().join(", ")
}

fn anchored(document: &Document, anchor: &str) -> Option<String> {
    if document.anchors.iter().any(|known| known == anchor) {
        return None;
    }
    let advice = nearest(anchor, document.anchors.iter().map(String::as_str));
    let advice = advice.map(|meant| format!("; did you mean `#{meant}`?")).unwrap_or_default();
    Some(format!("`{}` has no heading `#{anchor}`{advice}", document.lesson.name))
}
