//! Kept moments: the marks of the timeline. Thinned out, so that the past is as near as it was long ago.

use std::sync::Arc;
use std::time::Duration;

use super::Mark;
use super::world::World;
use crate::sim::Time;

/// The most moments that are kept.
const LIMIT: usize = 64;
/// Moments without a command are at least so far apart.
const INTERVAL: Duration = Duration::from_secs(5);
/// Less work than this (pieces) is soon done again: no moment is kept for it.
const LEAST_WORK: u64 = 200;

/// A kept moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The mark on the timeline.
    pub mark: Mark,
    /// The whole world of that moment.
    pub world: Arc<World>,
}

/// Kept moments, oldest first; the first is the start.
#[derive(Clone, Debug, Default)]
pub struct Snapshots {
    kept: Vec<Snapshot>,
}

impl Snapshots {
    /// Keeps a moment.
    pub fn keep(&mut self, world: &World, command: Option<String>) {
        let mark = Mark { at: world.now(), command };
        self.kept.push(Snapshot { mark, world: Arc::new(world.clone()) });
        if self.kept.len() > LIMIT {
            self.thin_out();
        }
    }

    /// Whether the last moment is long enough ago for another one without a command. To keep one costs about a piece of
    /// work for every object; to come back without it, all that was done since the last one: it is kept when the second
    /// has grown over the first.
    pub fn is_due(&self, world: &World) -> bool {
        let Some(last) = self.kept.last() else { return true };
        if world.now().since(last.mark.at) < INTERVAL {
            return false;
        }
        let work = |world: &World| world.lab.cluster.events();
        let store = world.lab.cluster.server().store();
        let objects: usize = store.resources().map(|resource| store.count(resource)).sum();
        let worth = LEAST_WORK.max(u64::try_from(objects).unwrap_or(u64::MAX));
        work(world).saturating_sub(work(&last.world)) >= worth
    }

    /// Drops the moment whose neighbours are nearest to each other; moments before commands count twice.
    fn thin_out(&mut self) {
        let cost = |index: usize| {
            let at = |index: usize| self.kept.get(index).map_or(Time::default(), |kept| kept.mark.at);
            let gap = at(index + 1).since(at(index.saturating_sub(1)));
            let command = self.kept.get(index).is_some_and(|kept| kept.mark.command.is_some());
            if command { gap * 2 } else { gap }
        };
        if let Some(index) = (1..self.kept.len().saturating_sub(1)).min_by_key(|index| cost(*index)) {
            self.kept.remove(index);
        }
    }

    /// The latest moment at `time` or before it.
    pub fn before(&self, time: Time) -> Option<&Snapshot> {
        self.kept.iter().rev().find(|kept| kept.mark.at <= time)
    }

    /// The moment before the last command that was applied in `world`.
    pub fn before_last_command(&self, world: &World) -> Option<&Snapshot> {
        self.kept.iter().rev().find(|kept| kept.mark.command.is_some() && kept.world.applied < world.applied)
    }

    /// The first moment.
    pub fn first(&self) -> Option<&Snapshot> {
        self.kept.first()
    }

    /// Forgets the moments in which more of the log was applied than `applied`, or that are later than `time`.
    pub fn truncate(&mut self, time: Time, applied: usize) {
        self.kept.retain(|kept| kept.mark.at <= time && kept.world.applied <= applied);
    }

    /// The marks.
    pub fn marks(&self) -> Vec<Mark> {
        self.kept.iter().map(|kept| kept.mark.clone()).collect()
    }
}
