//! The frame that all pages of a site share: head, header, contents. Writes no file.

use std::fmt::Write;

use super::card::{self, Card, Letters};
use super::escape;
use crate::lesson::author::{Chapter, Course, Document};
use crate::text::words::{LANGUAGES, Words};

/// What the pages of one language share.
#[derive(Clone, Debug)]
pub struct Site {
    /// The course.
    pub course: Course,
    /// The language of its frame.
    pub language: String,
    /// The lessons in their order; what is not translated stands here in its own language.
    pub lessons: Vec<Entry>,
    /// What the frame says.
    pub words: Words,
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
    /// The language of the text.
    pub language: String,
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
            language: document.language.clone(),
            minutes: lesson.minutes,
            steps: lesson.steps.len(),
        }
    }
}

/// Where a page stands. The first language has the root of the site, each other one a folder of its own.
pub(super) struct Place {
    /// From the page to the root of the site, such as `../../`.
    pub root: String,
    /// From the page to the front page of its language.
    pub home: String,
    /// The page's path below the front page of its language, without `index.html`.
    pub path: String,
}

impl Site {
    /// The site of a course in one language; a lesson that is not translated is there as it was written.
    pub fn new(course: &Course, language: &str, documents: &[&Document]) -> Self {
        Self {
            course: course.in_language(language),
            language: language.to_owned(),
            lessons: documents.iter().map(|document| Entry::of(document)).collect(),
            words: Words::of(language),
        }
    }

    /// The folder of its pages below the root: empty, or such as `de/`.
    pub fn folder(&self) -> String {
        if LANGUAGES.first().is_some_and(|first| *first == self.language) {
            String::new()
        } else {
            format!("{}/", self.language)
        }
    }

    pub(super) fn place(&self, path: &str) -> Place {
        let up = "../".repeat(path.matches('/').count());
        let home = if up.is_empty() { "./".to_owned() } else { up.clone() };
        let root = format!("{up}{}", "../".repeat(self.folder().matches('/').count()));
        Place { root: if root.is_empty() { "./".to_owned() } else { root }, home, path: path.to_owned() }
    }

    /// The lessons by chapter, in order; what belongs to no chapter comes last, without a heading.
    pub(super) fn chapters(&self) -> Vec<(Option<&Chapter>, Vec<&Entry>)> {
        let of = |id: &str| self.lessons.iter().filter(|entry| entry.chapter == id).collect::<Vec<_>>();
        let chapters = self.course.chapters.iter().map(|chapter| (Some(chapter), of(&chapter.id)));
        chapters.chain([(None, of(""))]).filter(|(_, lessons)| !lessons.is_empty()).collect()
    }

    /// Everything before `<body>`.
    pub(super) fn head(&self, place: &Place, title: &str, description: &str) -> String {
        let root = &place.root;
        let mut out = format!(
            "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{}</title>\n\
             <meta name=\"description\" content=\"{}\">\n<link rel=\"icon\" href=\"{root}icon.svg\" type=\"image/svg+xml\">\n\
             <link rel=\"stylesheet\" href=\"{root}tabernetes.css\">\n\
             <script type=\"module\" src=\"{root}tabernetes.js\"></script>\n",
            self.language,
            escape(title),
            escape(description)
        );
        if LANGUAGES.first().is_some_and(|first| *first != self.language) {
            // The script asks for it when it comes: with this it is there by then.
            let _ = writeln!(
                out,
                "<link rel=\"preload\" href=\"{root}words.{}.json\" as=\"fetch\" crossorigin>",
                self.language
            );
        }
        self.told_elsewhere(&mut out, place, title, description);
        out.push_str("</head>\n");
        out
    }

    /// What others show of a link to the page, and where else it can be read.
    fn told_elsewhere(&self, out: &mut String, place: &Place, title: &str, description: &str) {
        let kind = if place.path.is_empty() { "website" } else { "article" };
        let locale = locale(&self.language);
        for (property, content) in [
            ("og:type", kind),
            ("og:site_name", &self.course.title),
            ("og:title", title),
            ("og:description", description),
            ("og:locale", locale),
        ] {
            let _ = writeln!(out, "<meta property=\"{property}\" content=\"{}\">", escape(content));
        }
        if self.course.url.is_empty() {
            out.push_str("<meta name=\"twitter:card\" content=\"summary\">\n");
            return;
        }
        let url = escape(&self.course.url);
        let own = format!("{url}{}{}", self.folder(), place.path);
        let card = format!("{url}{}", escape(&self.card_path(&place.path)));
        let _ = writeln!(
            out,
            "<meta property=\"og:url\" content=\"{own}\">\n<meta property=\"og:image\" content=\"{card}\">\n\
             <meta property=\"og:image:width\" content=\"{}\">\n<meta property=\"og:image:height\" content=\"{}\">\n\
             <meta property=\"og:image:alt\" content=\"{}\">\n<meta name=\"twitter:card\" content=\"summary_large_image\">\n\
             <link rel=\"canonical\" href=\"{own}\">\n\
             <link rel=\"alternate\" type=\"application/atom+xml\" title=\"{}\" href=\"{}feed.xml\">",
            card::SIZE.0,
            card::SIZE.1,
            escape(title),
            escape(&self.words.say("feed")),
            place.home
        );
        for (language, folder) in folders() {
            let href = format!("{url}{folder}{}", place.path);
            let _ = writeln!(out, "<link rel=\"alternate\" hreflang=\"{language}\" href=\"{href}\">");
        }
    }

    /// Where the card of a page lies below the root of the site; `path` is the page's below its language.
    fn card_path(&self, path: &str) -> String {
        let name = path.trim_end_matches('/').rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("index");
        format!("cards/{}{name}.png", self.folder())
    }

    /// The cards of all pages by their path; none for a course that is published nowhere.
    ///
    /// # Errors
    /// A card cannot be drawn.
    pub fn cards(&self, letters: &Letters) -> Result<Vec<(String, Vec<u8>)>, String> {
        let course = &self.course;
        if course.url.is_empty() {
            return Ok(Vec::new());
        }
        // Above a lesson stands its course; above the course, where it is to be found.
        let address = course.url.trim_start_matches("https://").trim_end_matches('/');
        let front = (String::new(), address, course.title.as_str(), course.description.as_str());
        let lessons = self.lessons.iter().map(|entry| {
            let (title, about) = (entry.title.as_str(), entry.description.as_str());
            (format!("lessons/{}/", entry.name), course.title.as_str(), title, about)
        });
        let draw = |(path, course, title, about): (String, &str, &str, &str)| {
            Ok((self.card_path(&path), letters.draw(Card { course, title, about })?))
        };
        std::iter::once(front).chain(lessons).map(draw).collect()
    }

    /// The header: the course's name, and the same page in the other languages.
    pub(super) fn header(&self, place: &Place) -> String {
        let mut links = String::new();
        for (language, folder) in folders().filter(|(language, _)| *language != self.language) {
            let other = Words::of(language);
            let _ = write!(
                links,
                "<a class=\"tn-language\" lang=\"{language}\" hreflang=\"{language}\" title=\"{}\" href=\"{}{folder}{}index.html\">{}</a>",
                other.say("switchLanguage"),
                place.root,
                place.path,
                other.say("language")
            );
        }
        format!(
            "<header class=\"tn-header\">\n<a class=\"tn-brand\" href=\"{}index.html\">{}</a>\n\
             <div class=\"tn-header-end\">{links}</div>\n</header>\n",
            place.home,
            escape(&self.course.title)
        )
    }

    /// The list of lessons beside a lesson.
    pub(super) fn contents(&self, place: &Place, open: &str) -> String {
        let mut out =
            format!("<nav class=\"tn-contents\" id=\"contents\" aria-label=\"{}\">\n", self.words.say("lessons"));
        for (chapter, lessons) in self.chapters() {
            if let Some(chapter) = chapter {
                let _ = writeln!(out, "<h2 class=\"tn-contents-chapter\">{}</h2>", escape(&chapter.title));
            }
            out.push_str("<ol>\n");
            for entry in lessons {
                let name = escape(&entry.name);
                let current = if open == entry.name { " aria-current=\"page\"" } else { "" };
                let _ = writeln!(
                    out,
                    "<li class=\"tn-contents-lesson\" data-lesson=\"{name}\" data-steps=\"{}\">\
                     <a href=\"{}lessons/{name}/index.html\"{current}{}>\
                     <span class=\"tn-contents-title\">{}</span> <span class=\"tn-progress\"></span></a></li>",
                    entry.steps,
                    place.home,
                    self.spoken(&entry.language),
                    escape(&entry.title)
                );
            }
            out.push_str("</ol>\n");
        }
        out.push_str("</nav>\n");
        out
    }

    /// The attribute that says that a text is in another language than the page.
    pub(super) fn spoken(&self, language: &str) -> String {
        if language == self.language { String::new() } else { format!(" lang=\"{language}\"") }
    }
}

/// The languages and their folders.
pub(super) fn folders() -> impl Iterator<Item = (&'static str, String)> {
    LANGUAGES
        .iter()
        .enumerate()
        .map(|(at, language)| (*language, if at == 0 { String::new() } else { format!("{language}/") }))
}

/// A language with the country that those who show links expect.
fn locale(language: &str) -> &str {
    match language {
        "en" => "en_US",
        "de" => "de_DE",
        other => other,
    }
}
