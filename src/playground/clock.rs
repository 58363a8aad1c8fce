//! How real time becomes virtual time: running or not, how fast, and what is still owed. Reads no clock itself.

use std::time::Duration;

use super::action::Speed;

/// The clock's state, as the controls show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Whether time runs.
    pub running: bool,
    /// How fast.
    pub speed: Speed,
}

impl Default for Clock {
    fn default() -> Self {
        Self { running: true, speed: Speed::X1 }
    }
}

impl Clock {
    /// The most real time that one call may bring: a page that slept (a closed lid, a hidden tab) does not have to
    /// catch up with all of it.
    pub const LONGEST: Duration = Duration::from_millis(250);

    /// The virtual time that `real` time is worth.
    pub fn virtual_time(&self, real: Duration) -> Duration {
        if self.running { real.min(Self::LONGEST).saturating_mul(self.speed.factor()) } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paused_clock_gives_nothing_and_a_fast_one_sixty_times_as_much() {
        let second = Duration::from_millis(100);
        let clock = |running, speed| Clock { running, speed }.virtual_time(second);
        assert_eq!(clock(false, Speed::X60), Duration::ZERO);
        assert_eq!(clock(true, Speed::X1), second);
        assert_eq!(clock(true, Speed::X60), Duration::from_secs(6));
    }

    #[test]
    fn a_tab_that_slept_for_an_hour_does_not_jump_an_hour() {
        assert_eq!(Clock::default().virtual_time(Duration::from_secs(3_600)), Clock::LONGEST);
    }
}
