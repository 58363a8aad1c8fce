//! Virtual time, the event queue and seeded randomness. Knows nothing of Kubernetes and never reads a clock.

mod queue;
mod rng;
mod time;

pub use queue::EventQueue;
pub use rng::Seed;
pub use time::Time;
