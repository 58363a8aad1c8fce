//! A lesson as a static HTML page, readable before any script has arrived. Runs nothing; native only.
//!
//! # The contract with styles and scripts
//!
//! Files at the root of the site, next to `index.html` (`{root}` is `./` there and `../../` in a lesson):
//! `{root}tabernetes.css`, `{root}tabernetes.js` (a module), `{root}icon.svg`. A lesson is `lessons/<name>/index.html`, its
//! card `cards/<name>.png`.
//! Every URL is relative. Nothing here needs a script; a script only adds to it. Buttons that need one are `hidden`
//! until it unhides them.
//!
//! ```text
//! body.tn-page[data-root="../../"]            (body.tn-index on the index page)
//!   a.tn-skip[href="#lesson"]
//!   header.tn-header > a.tn-brand
//!   div.tn-layout
//!     nav.tn-contents[aria-label=Lessons] > ol > li.tn-contents-lesson[data-lesson=NAME]
//!       a[aria-current=page on the open one] > span.tn-contents-title + span.tn-progress (empty; the script writes "2 of 4")
//!     main#lesson.tn-lesson > article
//!       header.tn-lesson-header > h1, p.tn-lead, p.tn-meta
//!       ... the blocks below ...
//!       footer.tn-lesson-footer > nav.tn-pager (a.tn-pager-previous[rel=prev], a.tn-pager-next[rel=next]), p.tn-suggest > a
//!     aside.tn-lab-column[aria-label=Lab]
//!       tabernetes-lab[lesson=NAME]
//!         script.tn-lesson-data[type="application/json"]     a `lesson::Lesson` (serde_json)
//!         tabernetes-diagram > figure.tn-placeholder > svg   the first state, drawn at build time
//!         tabernetes-terminal > pre.tn-placeholder           a prompt
//! ```
//!
//! Blocks of the text column:
//!
//! ```text
//! ```sh run          div.tn-command > pre > code.language-sh ; button.tn-run[data-run=COMMAND][hidden]   (one per command)
//! ```LANG file=NAME  figure.tn-file[data-file=NAME] > figcaption > code ; pre > code ; button.tn-insert[data-insert=NAME][hidden]
//!                    (what is inserted is the text of this `code`)
//! ```text output     figure.tn-output > figcaption.tn-visually-hidden ; pre > samp
//! ```LANG            pre > code.language-LANG
//! ```quiz            section.tn-quiz[data-quiz=quiz-1]
//!                      form > fieldset > legend.tn-quiz-question, div.tn-choice[data-right=true|false]
//!                        > input[type=radio], label, span.tn-verdict   (shown by `input:checked ~ .tn-verdict`)
//!                      details.tn-quiz-answer > summary, div
//! ```steps           section.tn-steps[aria-label] > ol > li.tn-step[data-step=ID] (the script adds .tn-done)
//!                        > span.tn-step-mark[aria-hidden] , span.tn-step-text , span.tn-step-state.tn-visually-hidden
//! ```hint            details.tn-hint > summary, div
//! ```solution        details.tn-solution > summary, div
//! ```flow            figure.tn-flow > svg[role=img] (.tn-flow-box, .tn-flow-arrow, .tn-flow-text) ; figcaption
//! ```
//!
//! The index page: main#lesson.tn-catalog > h1, p.tn-lead, ol.tn-catalog-list > li.tn-card[data-lesson=NAME] >
//! h2 > a, p, p.tn-meta > span.tn-progress.

mod blocks;
mod card;
mod feeds;
mod flow;
mod index;
mod page;
mod search;
mod site;

pub use crate::text::words::LANGUAGES;
pub use card::{Card, Letters};
pub use feeds::{feed, sitemap};
pub use index::index_page;
pub use page::lesson_page;
pub use search::search_index;
pub use site::{Entry, Site};

/// Text as it may stand in HTML, between tags and in quoted attributes.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
