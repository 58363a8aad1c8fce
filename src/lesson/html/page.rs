//! Whole pages: a lesson with its contents and its lab, and the index of the course. Writes no file.

use std::fmt::Write;

use super::{blocks, escape};
use crate::lesson::author::{Chapter, Course, Document};

/// What every page shares.
#[derive(Clone, Debug)]
pub struct Site {
    /// The course.
    pub course: Course,
    /// The lessons in their order.
    pub lessons: Vec<Entry>,
}

impl Site {
    /// The lessons by chapter, in order; what belongs to no chapter comes last, without a heading.
    fn chapters(&self) -> Vec<(Option<&Chapter>, Vec<&Entry>)> {
        let of = |id: &str| self.lessons.iter().filter(|entry| entry.chapter == id).collect::<Vec<_>>();
        let chapters = self.course.chapters.iter().map(|chapter| (Some(chapter), of(&chapter.id)));
        chapters.chain([(None, of(""))]).filter(|(_, lessons)| !lessons.is_empty()).collect()
    }
}

/// A line of the contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The folder's name.
    pub name: String,
    /// The heading.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// The id of its chapter.
    pub chapter: String,
    /// How long it takes.
    pub minutes: u32,
    /// How many steps it has.
    pub steps: usize,
}

impl Entry {
    /// The line of a lesson.
    pub fn of(document: &Document) -> Self {
        let lesson = &document.lesson;
        Self {
            name: lesson.name.clone(),
            title: lesson.title.clone(),
            description: lesson.description.clone(),
            chapter: lesson.chapter.clone(),
            minutes: lesson.minutes,
            steps: lesson.steps.len(),
        }
    }
}

/// The page of a lesson. `picture` is the SVG of its first state.
pub fn lesson_page(site: &Site, document: &Document, picture: &str) -> String {
    const ROOT: &str = "../../";
    let lesson = &document.lesson;
    let mut out = head(ROOT, &format!("{} · {}", lesson.title, site.course.title), &lesson.description);
    let _ = writeln!(
        out,
        "<body class=\"tn-page\" data-root=\"{ROOT}\">\n<a class=\"tn-skip\" href=\"#lesson\">Skip to the lesson</a>\n{}\
         <div class=\"tn-layout\">\n{}<main id=\"lesson\" class=\"tn-lesson\" tabindex=\"-1\">\n<article>\n\
         <header class=\"tn-lesson-header\">\n<h1>{}</h1>\n<p class=\"tn-lead\">{}</p>\n\
         <p class=\"tn-meta\">About {} minutes</p>\n</header>\n{}{}</article>\n</main>\n{}</div>\n</body>\n</html>",
        header(site, ROOT),
        contents(site, ROOT, Some(&lesson.name)),
        escape(&lesson.title),
        escape(&lesson.description),
        lesson.minutes,
        blocks::body(document),
        footer(site, document),
        lab(document, picture)
    );
    out
}

/// The page that lists the lessons.
pub fn index_page(site: &Site) -> String {
    const ROOT: &str = "./";
    let mut out = head(ROOT, &site.course.title, &site.course.description);
    let _ = writeln!(
        out,
        "<body class=\"tn-page tn-index\" data-root=\"{ROOT}\">\n<a class=\"tn-skip\" href=\"#lesson\">Skip to the lessons</a>\n{}\
         <main id=\"lesson\" class=\"tn-catalog\" tabindex=\"-1\">\n<h1>{}</h1>\n<p class=\"tn-lead\">{}</p>",
        header(site, ROOT),
        escape(&site.course.title),
        escape(&site.course.description)
    );
    for (chapter, lessons) in site.chapters() {
        out.push_str("<section class=\"tn-catalog-chapter\">\n");
        if let Some(chapter) = chapter {
            let (title, description) = (escape(&chapter.title), escape(&chapter.description));
            let _ = writeln!(out, "<h2>{title}</h2>\n<p class=\"tn-catalog-about\">{description}</p>");
        }
        out.push_str("<ol class=\"tn-catalog-list\">\n");
        for entry in lessons {
            card(&mut out, ROOT, entry, if chapter.is_some() { "h3" } else { "h2" });
        }
        out.push_str("</ol>\n</section>\n");
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn card(out: &mut String, root: &str, entry: &Entry, heading: &str) {
    let name = escape(&entry.name);
    let _ = writeln!(
        out,
        "<li class=\"tn-card\" data-lesson=\"{name}\" data-steps=\"{}\">\n<{heading}><a href=\"{root}lessons/{name}/index.html\">{}</a></{heading}>\n\
         <p>{}</p>\n<p class=\"tn-meta\">About {} minutes <span class=\"tn-progress\"></span></p>\n</li>",
        entry.steps,
        escape(&entry.title),
        escape(&entry.description),
        entry.minutes
    );
}

fn head(root: &str, title: &str, description: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
         <meta name=\"description\" content=\"{}\">\n<link rel=\"icon\" href=\"{root}icon.svg\" type=\"image/svg+xml\">\n\
         <link rel=\"stylesheet\" href=\"{root}tabernetes.css\">\n\
         <script type=\"module\" src=\"{root}tabernetes.js\"></script>\n</head>\n",
        escape(title),
        escape(description)
    )
}

fn header(site: &Site, root: &str) -> String {
    format!(
        "<header class=\"tn-header\">\n<a class=\"tn-brand\" href=\"{root}index.html\">{}</a>\n</header>\n",
        escape(&site.course.title)
    )
}

fn contents(site: &Site, root: &str, open: Option<&str>) -> String {
    let mut out = String::from("<nav class=\"tn-contents\" aria-label=\"Lessons\">\n");
    for (chapter, lessons) in site.chapters() {
        if let Some(chapter) = chapter {
            let _ = writeln!(out, "<h2 class=\"tn-contents-chapter\">{}</h2>", escape(&chapter.title));
        }
        out.push_str("<ol>\n");
        for entry in lessons {
            let name = escape(&entry.name);
            let current = if open == Some(&entry.name) { " aria-current=\"page\"" } else { "" };
            let _ = writeln!(
                out,
                "<li class=\"tn-contents-lesson\" data-lesson=\"{name}\" data-steps=\"{}\"><a href=\"{root}lessons/{name}/index.html\"{current}>\
                 <span class=\"tn-contents-title\">{}</span> <span class=\"tn-progress\"></span></a></li>",
                entry.steps,
                escape(&entry.title)
            );
        }
        out.push_str("</ol>\n");
    }
    out.push_str("</nav>\n");
    out
}

fn footer(site: &Site, document: &Document) -> String {
    let at = site.lessons.iter().position(|entry| entry.name == document.lesson.name);
    let neighbour = |offset: isize| site.lessons.get(at?.checked_add_signed(offset)?);
    let link = |entry: Option<&Entry>, class: &str, relation: &str, word: &str| match entry {
        None => String::new(),
        Some(entry) => format!(
            "<a class=\"{class}\" rel=\"{relation}\" href=\"../{}/index.html\"><span class=\"tn-pager-word\">{word}</span> \
             <span class=\"tn-pager-title\">{}</span></a>\n",
            escape(&entry.name),
            escape(&entry.title)
        ),
    };
    format!(
        "<footer class=\"tn-lesson-footer\">\n<nav class=\"tn-pager\" aria-label=\"Previous and next lesson\">\n{}{}</nav>\n\
         {}</footer>\n",
        link(neighbour(-1), "tn-pager-previous", "prev", "Previous"),
        link(neighbour(1), "tn-pager-next", "next", "Next"),
        suggest(&site.course, &document.lesson.name)
    )
}

fn suggest(course: &Course, lesson: &str) -> String {
    if course.edit.is_empty() {
        return String::new();
    }
    let (edit, lesson) = (escape(&course.edit), escape(lesson));
    format!("<p class=\"tn-suggest\"><a href=\"{edit}{lesson}/lesson.md\">Suggest a change</a></p>\n")
}

fn lab(document: &Document, picture: &str) -> String {
    // `</script` and `<!--` would end or change the element that holds the data.
    let data = serde_json::to_string(&document.lesson).unwrap_or_default().replace('<', "\\u003c");
    format!(
        "<aside class=\"tn-lab-column\" aria-label=\"Lab\">\n<tabernetes-lab lesson=\"{}\">\n\
         <script type=\"application/json\" class=\"tn-lesson-data\">{data}</script>\n\
         <tabernetes-diagram><figure class=\"tn-placeholder\">{picture}</figure></tabernetes-diagram>\n\
         <tabernetes-terminal><pre class=\"tn-placeholder\">learner@practice:~$ </pre></tabernetes-terminal>\n\
         </tabernetes-lab>\n</aside>\n",
        escape(&document.lesson.name)
    )
}

#[cfg(test)]
mod tests {
    use crate::lesson::{Source, read};

    use super::*;

    fn document(body: &str) -> Document {
        let text = format!("---\ntitle: A <b>\ndescription: D\nminutes: 5\n---\n{body}");
        read(&Source { name: "01-a".to_owned(), path: "l.md".to_owned(), text, ..Source::default() }).unwrap()
    }

    fn page(body: &str) -> String {
        let document = document(body);
        let second = Entry { name: "02-b".to_owned(), title: "B".to_owned(), ..Entry::of(&document) };
        let course = Course { edit: "https://example.org/r/edit/".to_owned(), ..Course::default() };
        let site = Site { course, lessons: vec![Entry::of(&document), second] };
        lesson_page(&site, &document, "<svg></svg>")
    }

    #[test]
    fn a_page_has_landmarks_neighbours_and_relative_urls_alone() {
        let html = page("Hello `x`.\n\n## Part one\n");
        for part in [
            "<h1>A &lt;b&gt;</h1>",
            "<h2 id=\"part-one\">Part one</h2>",
            "<p>Hello <code>x</code>.</p>",
            "rel=\"next\" href=\"../02-b/index.html\"",
            "https://example.org/r/edit/01-a/lesson.md",
            "aria-current=\"page\"",
            "<tabernetes-lab lesson=\"01-a\">",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        assert!(!html.contains("href=\"/") && !html.contains("src=\"/"));
        assert!(!html.contains("rel=\"prev\""));
    }

    #[test]
    fn blocks_become_buttons_forms_and_details_and_cannot_break_out() {
        let html = page(
            "```sh run\necho '</script>\"'\n```\n\n```yaml file=j.yaml\na: </script>\n```\n\n```quiz\n? Q `x`?\n- [ ] a\n- [x] b\n= why\n```\n\n\
             ```steps\n- id: made\n  text: Make `it`\n  checks:\n  - resource: jobs\n```\n\n````solution\nDo\n```sh run\nls\n```\n````\n\n\
             ```flow\nA -> B\nnote: kept\n```\n",
        );
        for part in [
            "data-run=\"echo '&lt;/script&gt;&quot;'\"",
            "data-insert=\"j.yaml\"",
            "<legend class=\"tn-quiz-question\">Q <code>x</code>?</legend>",
            "<summary>Show the answer</summary>",
            "<li class=\"tn-step\" data-step=\"made\">",
            "<details class=\"tn-solution\">",
            "<title id=\"flow-1-title\">A, then B</title>",
            "\\u003c/script>",
        ] {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
        let data = html.split("tn-lesson-data\">").nth(1).and_then(|rest| rest.split("</script>").next()).unwrap();
        let lesson: crate::lesson::Lesson = serde_json::from_str(data).unwrap();
        assert_eq!(lesson.files[0].content, "a: </script>\n");
        assert_eq!(lesson.steps[0].checks[0].resource, "jobs");
    }

    #[test]
    fn mistakes_of_authors_are_named_with_line_and_advice() {
        let wrong = |body: &str| {
            let text = format!("---\ntitle: A\ndescription: D\nminutes: 5\n---\n{body}");
            let source = Source { name: "01-a".to_owned(), path: "l.md".to_owned(), text, ..Source::default() };
            read(&source).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(wrong("\n```quizz\n```\n"), "l.md:7: unknown block `quizz`; did you mean `quiz`?");
        assert_eq!(
            wrong("```sh rum\nls\n```\n"),
            "l.md:6: unknown word `rum` after the block's name; did you mean `run`?"
        );
        assert_eq!(
            wrong("```steps\n- id: a\n  text: t\n  cheks: []\n```\n"),
            "l.md:9: unknown key `cheks`; did you mean `checks`?"
        );
        assert_eq!(wrong("x\n\n#### Deep\n"), "l.md:8: this heading skips a level; write `##`");
        assert!(wrong("<b>x</b>\n").starts_with("l.md:6: HTML is not taken here"));
        assert!(wrong("```quiz\n? Q\n- [ ] a\n- [ ] b\n= w\n```\n").contains("no choice of this quiz is right"));
        assert!(wrong("```steps\n- id: a\n  text: t\n  checks:\n  - resource: job\n```\n").contains("write `jobs`"));
        let source = Source { path: "l.md".to_owned(), text: "---\ntitel: A\n---\n".to_owned(), ..Source::default() };
        assert_eq!(read(&source).unwrap_err()[0].to_string(), "l.md:2: unknown key `titel`; did you mean `title`?");
    }
}
