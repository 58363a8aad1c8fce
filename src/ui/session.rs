//! What the page's scripts hold of a lab: one playground with its views. Everything they may ask stands here.

use std::collections::BTreeMap;
use std::rc::Rc;

use leptos::mount::mount_to;
use leptos::prelude::{Owner, Set};
use serde::Deserialize;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::HtmlElement;

use super::core::Core;
use super::host::Host;
use super::view::{self, Remote};
use crate::lesson::{File, Lesson};
use crate::playground::{Action, Config, Playground, Speed, Words};

/// What the element's attributes say; zero means that they say nothing.
#[derive(Default, Deserialize)]
struct Options {
    #[serde(default)]
    seed: u64,
    #[serde(default)]
    speed: u32,
    #[serde(default)]
    files: Vec<File>,
    #[serde(default)]
    lesson: Option<Lesson>,
    /// What the views say, in the language of the page.
    #[serde(default)]
    words: BTreeMap<String, String>,
}

/// A lab's session.
#[wasm_bindgen]
pub struct Session {
    core: Rc<Core>,
    trouble: String,
    owner: Owner,
}

#[wasm_bindgen]
impl Session {
    /// A session as `options` (JSON) say, brought to where `saved` left it when that can be read.
    ///
    /// # Errors
    /// Options that are not what `www/src/lab.js` sends.
    #[wasm_bindgen(constructor)]
    pub fn new(options: &str, saved: Option<String>, host: Host) -> Result<Session, String> {
        let options: Options = serde_json::from_str(options).map_err(|error| format!("the lab's data: {error}"))?;
        let texts = options.lesson.iter().flat_map(|lesson| &lesson.steps).map(|step| step.text.clone()).collect();
        let (playground, trouble) = playground(&options, saved.as_deref());
        // Signals live as long as the session, not as long as one of its views.
        let owner = Owner::new();
        let core = owner.with(|| Rc::new(Core::new(playground, host, texts)));
        Ok(Session { core, trouble, owner })
    }

    /// Why what was kept could not be taken up; empty when it was, or nothing was kept.
    pub fn trouble(&self) -> String {
        self.trouble.clone()
    }

    /// The texts of `kubectl explain`.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn set_prose(&self, text: &str) -> Result<(), String> {
        self.core.set_prose(text)
    }

    /// Lets so many milliseconds of real time pass.
    pub fn frame(&self, milliseconds: f64) {
        self.core.frame(milliseconds);
    }

    /// Keys, as the terminal sends them.
    pub fn key(&self, data: &str) {
        self.core.act(Action::Key(data.as_bytes().to_vec()));
    }

    /// Text from the clipboard.
    pub fn paste(&self, text: &str) {
        self.core.act(Action::Paste(text.to_owned()));
    }

    /// A command of the lesson.
    pub fn run(&self, command: &str) {
        self.core.act(Action::RunCommand(command.to_owned()));
    }

    /// A file of the lesson.
    pub fn insert(&self, name: &str, content: &str) {
        self.core.act(Action::InsertFile { name: name.to_owned(), content: content.to_owned() });
    }

    /// The terminal's size in characters.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.core.act(Action::Resize { columns: columns.max(1), rows: rows.max(1) });
    }

    /// Writes all that the terminal shows to the host.
    pub fn show_terminal(&self) {
        self.core.show_terminal();
    }

    /// Runs time or halts it.
    pub fn toggle(&self) {
        let running = self.core.read(|playground| playground.clock().running);
        self.core.act(if running { Action::Pause } else { Action::Resume });
    }

    /// Halts time.
    pub fn pause(&self) {
        self.core.act(Action::Pause);
    }

    /// On to the next event.
    pub fn step(&self) {
        self.core.act(Action::Step);
    }

    /// Back to the mark before.
    pub fn step_back(&self) {
        self.core.step_back();
    }

    /// Seed and actions, to be kept.
    pub fn save(&self) -> String {
        self.core.read(Playground::save)
    }

    /// Whether a command runs in the foreground.
    pub fn is_busy(&self) -> bool {
        self.core.read(Playground::is_busy)
    }

    /// What keeps a step from being ticked, as JSON (`lesson::Wrong`); empty when nothing does.
    pub fn wrong(&self, step: &str) -> String {
        let wrong = self.core.read(|playground| playground.wrong(step));
        wrong.and_then(|wrong| serde_json::to_string(&wrong).ok()).unwrap_or_default()
    }

    /// The picture in words.
    pub fn picture_text(&self) -> String {
        self.core.read(|playground| playground.picture(super::signals::LANES).text(playground.diagram().words()))
    }

    /// The story in words.
    pub fn story_text(&self) -> String {
        self.core.read(|playground| playground.diagram().text())
    }

    /// The room for the drawing, in CSS pixels.
    pub fn set_width(&self, width: f64) {
        if width > 0.0 {
            self.core.signals().width.set(width);
        }
    }

    /// Shows the picture, its story and its inspector in an element.
    pub fn mount_diagram(&self, place: HtmlElement) {
        self.mount(place, view::diagram);
    }

    /// Shows the time controls in an element.
    pub fn mount_time(&self, place: HtmlElement) {
        self.mount(place, view::time);
    }

    /// Shows the lesson's steps in an element.
    pub fn mount_steps(&self, place: HtmlElement) {
        self.mount(place, view::steps);
    }
}

impl Session {
    fn mount<V: leptos::prelude::IntoView + 'static>(&self, place: HtmlElement, view: fn(Remote) -> V) {
        let core = Rc::clone(&self.core);
        let remote = self.owner.with(|| Remote::new(core));
        // The element lives as long as the lab; what is mounted in it stays.
        mount_to(place, move || view(remote)).forget();
    }
}

fn playground(options: &Options, saved: Option<&str>) -> (Playground, String) {
    let mut config = options.lesson.as_ref().map(Config::for_lesson).unwrap_or_default();
    if options.seed > 0 {
        config.seed = options.seed;
    }
    if let Some(speed) = Speed::from_factor(options.speed) {
        config.speed = speed;
    }
    config.words = Words::new(options.words.clone());
    let files = options.files.iter().map(|file| (file.name.clone(), file.content.clone()));
    config.files.extend(files);
    match saved.map(|saved| Playground::restore(config.clone(), saved)) {
        Some(Ok(playground)) => (playground, String::new()),
        Some(Err(error)) => (Playground::new(config), error.to_string()),
        None => (Playground::new(config), String::new()),
    }
}
