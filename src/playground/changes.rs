//! What an action or the passing of time brought about: what the page has to draw again. Draws nothing.

/// What changed since the last answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Bytes for the terminal, to be written after a reset of the terminal if `terminal_reset` is set.
    pub terminal: Vec<u8>,
    /// Whether the terminal starts over (rewind, undo, reset): `terminal` then holds all of its content.
    pub terminal_reset: bool,
    /// Whether picture or story changed (`Diagram::version`).
    pub picture: bool,
    /// Whether the clock changed by itself or by the action: paused, speed, or the time itself by more than running.
    pub clock: bool,
    /// Whether there are new marks on the timeline.
    pub timeline: bool,
    /// The steps of the lesson that were ticked just now, by index.
    pub ticked: Vec<usize>,
    /// Something that the page should tell in its own place: a file that was inserted, why an action did nothing.
    pub notice: Option<String>,
    /// The component that used up the budget of events, when one spins; time is behind then.
    pub spinning: Option<String>,
}

impl Changes {
    /// Whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        *self == Changes::default()
    }

    /// Takes `later` on top of these.
    pub fn merge(&mut self, later: Changes) {
        if later.terminal_reset {
            self.terminal_reset = true;
            self.terminal.clear();
        }
        self.terminal.extend(later.terminal);
        self.picture |= later.picture;
        self.clock |= later.clock;
        self.timeline |= later.timeline;
        self.ticked.extend(later.ticked);
        self.notice = later.notice.or(self.notice.take());
        self.spinning = later.spinning.or(self.spinning.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_of_the_terminal_drops_what_was_to_be_written_before_it() {
        let mut changes = Changes { terminal: b"old".to_vec(), ..Changes::default() };
        changes.merge(Changes { terminal: b"new".to_vec(), terminal_reset: true, ..Changes::default() });
        assert_eq!((changes.terminal.as_slice(), changes.terminal_reset), (&b"new"[..], true));
    }
}
