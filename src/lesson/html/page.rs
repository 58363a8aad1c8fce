//! The page of a lesson: its text, its neighbours, its lab. Writes no file.

use std::fmt::Write;

use super::site::{Entry, Place, Site};
use super::{blocks, escape};
use crate::lesson::author::Document;
use crate::text::words::Words;

/// The page of a lesson. `picture` is the SVG of its first state.
pub fn lesson_page(site: &Site, document: &Document, picture: &str) -> String {
    let lesson = &document.lesson;
    let words = &site.words;
    let place = site.place(&format!("lessons/{}/", lesson.name));
    let mut out = site.head(&place, &format!("{} · {}", lesson.title, site.course.title), &lesson.description);
    let untranslated = match document.language == site.language {
        true => String::new(),
        false => format!("<p class=\"tn-untranslated\">{}</p>\n", words.say("untranslated")),
    };
    let _ = writeln!(
        out,
        "<body class=\"tn-page\" data-root=\"{}\">\n<a class=\"tn-skip\" href=\"#lesson\">{}</a>\n{}\
         <div class=\"tn-layout\">\n{}<main id=\"lesson\" class=\"tn-lesson\" tabindex=\"-1\">\n{untranslated}<article{}>\n\
         <header class=\"tn-lesson-header\">\n<h1>{}</h1>\n<p class=\"tn-lead\">{}</p>\n\
         <p class=\"tn-meta\">{}</p>\n</header>\n{}{}</article>\n</main>\n{}</div>\n</body>\n</html>",
        place.root,
        words.say("skipToLesson"),
        site.header(&place),
        site.contents(&place, &lesson.name),
        site.spoken(&document.language),
        escape(&lesson.title),
        escape(&lesson.description),
        words.tell("minutes", &[("n", &lesson.minutes.to_string())]),
        blocks::body(document, &Words::of(&document.language)),
        footer(site, &place, document),
        lab(site, document, picture)
    );
    out
}

fn footer(site: &Site, place: &Place, document: &Document) -> String {
    let at = site.lessons.iter().position(|entry| entry.name == document.lesson.name);
    let neighbour = |offset: isize| site.lessons.get(at?.checked_add_signed(offset)?);
    let link = |entry: Option<&Entry>, class: &str, relation: &str, word: &str| match entry {
        None => String::new(),
        Some(entry) => format!(
            "<a class=\"{class}\" rel=\"{relation}\" href=\"{}lessons/{}/index.html\"><span class=\"tn-pager-word\">{word}</span> \
             <span class=\"tn-pager-title\"{}>{}</span></a>\n",
            place.home,
            escape(&entry.name),
            site.spoken(&entry.language),
            escape(&entry.title)
        ),
    };
    format!(
        "<footer class=\"tn-lesson-footer\"{}>\n<nav class=\"tn-pager\" aria-label=\"{}\">\n{}{}</nav>\n\
         {}</footer>\n",
        if document.language == site.language { String::new() } else { format!(" lang=\"{}\"", site.language) },
        site.words.say("previousAndNext"),
        link(neighbour(-1), "tn-pager-previous", "prev", &site.words.say("previous")),
        link(neighbour(1), "tn-pager-next", "next", &site.words.say("next")),
        suggest(site, document)
    )
}

fn suggest(site: &Site, document: &Document) -> String {
    if site.course.edit.is_empty() {
        return String::new();
    }
    let file = document.path.rsplit(['/', '\\']).next().unwrap_or("lesson.md");
    let url = escape(&format!("{}{}/{file}", site.course.edit, document.lesson.name));
    format!("<p class=\"tn-suggest\"><a href=\"{url}\">{}</a></p>\n", site.words.say("suggest"))
}

fn lab(site: &Site, document: &Document, picture: &str) -> String {
    // `</script` and `<!--` would end or change the element that holds the data.
    let data = serde_json::to_string(&document.lesson).unwrap_or_default().replace('<', "\\u003c");
    format!(
        "<aside class=\"tn-lab-column\" aria-label=\"{}\">\n<tabernetes-lab lesson=\"{}\">\n\
         <script type=\"application/json\" class=\"tn-lesson-data\">{data}</script>\n\
         <tabernetes-diagram><figure class=\"tn-placeholder\">{picture}</figure></tabernetes-diagram>\n\
         <tabernetes-terminal><pre class=\"tn-placeholder\">learner@practice:~$ </pre></tabernetes-terminal>\n\
         </tabernetes-lab>\n</aside>\n",
        site.words.say("lab"),
        escape(&document.lesson.name)
    )
}

#[cfg(test)]
mod tests {
    use crate::lesson::{Course, Source, read};

    use super::*;

    fn document(body: &str) -> Document {
        let text = format!("---\ntitle: A <b>\ndescription: D\nminutes: 5\n---\n{body}");
        read(&Source { name: "01-a".to_owned(), path: "l.md".to_owned(), text, ..Source::default() }).unwrap()
    }

    fn page(body: &str) -> String {
        let document = document(body);
        let second = Entry { name: "02-b".to_owned(), title: "B".to_owned(), ..Entry::of(&document) };
        let course = Course { edit: "https://example.org/r/edit/".to_owned(), ..Course::default() };
        let site = Site { lessons: vec![Entry::of(&document), second], ..Site::new(&course, "en", &[]) };
        lesson_page(&site, &document, "<svg></svg>")
    }

    #[test]
    fn a_page_has_landmarks_neighbours_and_relative_urls_alone() {
        let html = page("Hello `x`.\n\n## Part one\n");
        for part in [
            "<h1>A &lt;b&gt;</h1>",
            "<h2 id=\"part-one\">Part one</h2>",
            "<p>Hello <code>x</code>.</p>",
            "rel=\"next\" href=\"../../lessons/02-b/index.html\"",
            "https://example.org/r/edit/01-a/l.md",
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
            "<title id=\"flow-1-640-title\">A, then B</title>",
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
