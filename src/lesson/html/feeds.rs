//! What machines read of a site: `sitemap.xml` and an Atom feed of its lessons. Both need to know where it is published.

use std::fmt::Write;

use super::escape;
use super::site::{Site, folders};

/// The sitemap of all languages; `None` for a course that says no `url`.
pub fn sitemap(site: &Site) -> Option<String> {
    let url = site.course.url.as_str();
    if url.is_empty() {
        return None;
    }
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\" \
         xmlns:xhtml=\"http://www.w3.org/1999/xhtml\">\n",
    );
    let lessons = site.lessons.iter().map(|entry| format!("lessons/{}/", entry.name));
    for path in std::iter::once(String::new()).chain(lessons) {
        for (_, folder) in folders() {
            let _ = writeln!(out, "<url><loc>{}</loc>", escape(&format!("{url}{folder}{path}")));
            for (language, folder) in folders() {
                let href = escape(&format!("{url}{folder}{path}"));
                let _ = writeln!(out, "<xhtml:link rel=\"alternate\" hreflang=\"{language}\" href=\"{href}\"/>");
            }
            out.push_str("</url>\n");
        }
    }
    out.push_str("</urlset>\n");
    Some(out)
}

/// The feed of a language: the lessons, the youngest first. `dates` are the days of their last change (`2026-11-25`), in
/// the order of the lessons; `None` for a course that says no `url`.
pub fn feed(site: &Site, dates: &[String]) -> Option<String> {
    if site.course.url.is_empty() {
        return None;
    }
    let home = escape(&format!("{}{}", site.course.url, site.folder()));
    let time = |date: &str| format!("{date}T00:00:00Z");
    let newest = dates.iter().max().map(|date| time(date)).unwrap_or_else(|| time("1970-01-01"));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{}\">\n\
         <title>{}</title>\n<subtitle>{}</subtitle>\n<id>{home}</id>\n<updated>{newest}</updated>\n\
         <author><name>{}</name></author>\n<link rel=\"self\" href=\"{home}feed.xml\"/>\n<link href=\"{home}\"/>\n",
        site.language,
        escape(&site.course.title),
        escape(&site.course.description),
        escape(&site.course.title)
    );
    let mut entries: Vec<_> = site.lessons.iter().zip(dates).collect();
    entries.sort_by(|a, b| b.1.cmp(a.1));
    for (entry, date) in entries {
        let url = format!("{home}lessons/{}/", escape(&entry.name));
        let _ = writeln!(
            out,
            "<entry><title>{}</title><id>{url}</id><link href=\"{url}\"/><updated>{}</updated><summary>{}</summary></entry>",
            escape(&entry.title),
            time(date),
            escape(&entry.description)
        );
    }
    out.push_str("</feed>\n");
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::super::site::Entry;
    use super::*;
    use crate::lesson::Course;

    #[test]
    fn a_published_course_has_a_feed_and_a_sitemap_with_every_language_and_others_have_none() {
        let entry = |name: &str| Entry {
            name: name.to_owned(),
            title: "A & B".to_owned(),
            description: "D".to_owned(),
            chapter: String::new(),
            language: "en".to_owned(),
            minutes: 5,
            steps: 0,
        };
        let course = Course { url: "https://example.org/course/".to_owned(), ..Course::default() };
        let site = |course: &Course, language| Site {
            lessons: vec![entry("01-a"), entry("02-b")],
            ..Site::new(course, language, &[])
        };
        let dates = ["2026-01-02".to_owned(), "2026-03-04".to_owned()];
        let feed_of = feed(&site(&course, "de"), &dates).unwrap();
        assert!(feed_of.contains("<updated>2026-03-04T00:00:00Z</updated>\n<author>"), "{feed_of}");
        let (first, second) = (feed_of.find("/de/lessons/02-b/").unwrap(), feed_of.find("/de/lessons/01-a/").unwrap());
        assert!(first < second, "the youngest comes first");
        assert!(feed_of.contains("<title>A &amp; B</title>"));
        let map = sitemap(&site(&course, "en")).unwrap();
        assert_eq!(map.matches("<loc>").count(), 6);
        assert!(map.contains("hreflang=\"de\" href=\"https://example.org/course/de/lessons/02-b/\""), "{map}");
        let silent = site(&Course::default(), "en");
        assert_eq!((feed(&silent, &dates), sitemap(&silent)), (None, None));
    }
}
