//! The views: the picture with its story and inspector, the time controls, the steps. They read signals and hand
//! actions on; what a state is called and how it is told comes from `diagram`.

mod depot;
mod drawing;
mod inspector;
mod layout;
mod legend;
mod steps;
mod story;
mod time;
mod token;

use std::rc::Rc;

use leptos::prelude::*;

use super::core::Core;
use super::signals::Signals;
use crate::playground::Words;

pub use drawing::diagram;
pub use steps::steps;
pub use time::time;

/// The way from a view to its session; cheap to copy into closures.
#[derive(Clone, Copy)]
pub struct Remote {
    core: StoredValue<Rc<Core>, LocalStorage>,
    words: StoredValue<Words>,
    /// What the views read.
    pub signals: Signals,
}

impl Remote {
    /// To this core.
    pub fn new(core: Rc<Core>) -> Self {
        let signals = core.signals();
        let words = core.read(|playground| playground.diagram().words().clone());
        Self { core: StoredValue::new_local(core), words: StoredValue::new(words), signals }
    }

    /// The words of the page.
    pub fn words(self) -> Words {
        self.words.get_value()
    }

    /// A sentence of the catalogue.
    pub fn say(self, key: &str) -> String {
        self.words().say(key)
    }

    /// A sentence of the catalogue with its values.
    pub fn tell(self, key: &str, values: &[(&str, &str)]) -> String {
        self.words().tell(key, values)
    }

    /// Calls the core; no borrow is held meanwhile.
    pub fn call<T>(self, call: impl FnOnce(&Core) -> T) -> T {
        let core = self.core.get_value();
        call(&core)
    }
}

/// Whole seconds, rounded up: a countdown shows 1 until it is over.
fn seconds_left(left: std::time::Duration) -> u64 {
    u64::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX)
}

/// Whether a key presses a button.
fn presses(event: &leptos::ev::KeyboardEvent) -> bool {
    let key = event.key();
    let pressed = key == "Enter" || key == " ";
    if pressed {
        event.prevent_default();
    }
    pressed
}
