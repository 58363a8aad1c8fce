//! The front page: the chapters of the course and their lessons. Writes no file.

use std::fmt::Write;

use super::escape;
use super::site::{Entry, Place, Site};

/// The page that lists the lessons.
pub fn index_page(site: &Site) -> String {
    let place = site.place("");
    let (title, description) = (&site.course.title, &site.course.description);
    let mut out = site.head(&place, title, description);
    let _ = writeln!(
        out,
        "<body class=\"tn-page tn-index\" data-root=\"{}\">\n<a class=\"tn-skip\" href=\"#lesson\">{}</a>\n{}\
         <main id=\"lesson\" class=\"tn-catalog\" tabindex=\"-1\">\n<h1>{}</h1>\n<p class=\"tn-lead\">{}</p>",
        place.root,
        site.words.say("skipToLessons"),
        site.header(&place),
        escape(title),
        escape(description)
    );
    if let Some(first) = site.lessons.first() {
        let (name, start) = (escape(&first.name), site.words.say("start"));
        let _ = writeln!(
            out,
            "<p class=\"tn-start\"><a class=\"tn-start-link\" href=\"{}lessons/{name}/index.html\">{start}</a></p>",
            place.home
        );
    }
    for (chapter, lessons) in site.chapters() {
        out.push_str("<section class=\"tn-catalog-chapter\">\n");
        if let Some(chapter) = chapter {
            let (title, description) = (escape(&chapter.title), escape(&chapter.description));
            let _ = writeln!(out, "<h2>{title}</h2>\n<p class=\"tn-catalog-about\">{description}</p>");
        }
        out.push_str("<ol class=\"tn-catalog-list\">\n");
        for entry in lessons {
            card(&mut out, site, &place, entry, if chapter.is_some() { "h3" } else { "h2" });
        }
        out.push_str("</ol>\n</section>\n");
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn card(out: &mut String, site: &Site, place: &Place, entry: &Entry, heading: &str) {
    let name = escape(&entry.name);
    let _ = writeln!(
        out,
        "<li class=\"tn-card\" data-lesson=\"{name}\" data-steps=\"{}\"{}>\n<{heading}><a href=\"{}lessons/{name}/index.html\">{}</a></{heading}>\n\
         <p>{}</p>\n<p class=\"tn-meta\"{}>{} <span class=\"tn-progress\"></span></p>\n</li>",
        entry.steps,
        site.spoken(&entry.language),
        place.home,
        escape(&entry.title),
        escape(&entry.description),
        if entry.language == site.language { String::new() } else { format!(" lang=\"{}\"", site.language) },
        site.words.tell("minutes", &[("n", &entry.minutes.to_string())])
    );
}
