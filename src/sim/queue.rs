//! The one queue of what happens next, ordered by (due, priority, sequence). Holds values, never closures or futures.

use std::collections::BTreeMap;

use super::Time;

/// Events waiting for their instant. Two events of the same instant and priority leave in the order they came.
#[derive(Clone, Debug)]
pub struct EventQueue<E> {
    waiting: BTreeMap<(Time, u8, u64), E>,
    sequence: u64,
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), sequence: 0 }
    }
}

impl<E> EventQueue<E> {
    /// Adds an event. Of two that are due at the same instant, the lower `priority` leaves first.
    pub fn push(&mut self, due: Time, priority: u8, event: E) {
        self.sequence += 1;
        self.waiting.insert((due, priority, self.sequence), event);
    }

    /// The instant of the first event.
    pub fn next_due(&self) -> Option<Time> {
        self.waiting.first_key_value().map(|(key, _)| key.0)
    }

    /// The first event and its instant, without taking it.
    pub fn peek(&self) -> Option<(Time, E)>
    where
        E: Copy,
    {
        self.waiting.first_key_value().map(|(key, event)| (key.0, *event))
    }

    /// Takes the first event when it is due at `now` or before.
    pub fn pop_due(&mut self, now: Time) -> Option<(Time, E)> {
        let first = self.waiting.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let due = first.key().0;
        Some((due, first.remove()))
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_by_due_then_priority_then_arrival() {
        let mut queue = EventQueue::default();
        let at = Time::from_seconds;
        queue.push(at(2), 0, "later");
        queue.push(at(1), 1, "second");
        queue.push(at(1), 1, "third");
        queue.push(at(1), 0, "first");
        let mut order = Vec::new();
        while let Some((_, event)) = queue.pop_due(at(2)) {
            order.push(event);
        }
        assert_eq!(order, ["first", "second", "third", "later"]);
    }

    #[test]
    fn nothing_leaves_early() {
        let mut queue = EventQueue::default();
        queue.push(Time::from_seconds(5), 0, ());
        assert!(queue.pop_due(Time::from_seconds(4)).is_none());
        assert_eq!(queue.next_due(), Some(Time::from_seconds(5)));
    }
}
