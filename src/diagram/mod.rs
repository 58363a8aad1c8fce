//! The picture of what happens: folds watch events into depots, tokens and a story of who moved what.
//!
//! Pure: it is given objects and instants, holds no cluster, draws on no screen and asks nothing. Whoever shows it
//! (the page, a screen reader, a lesson rendered to HTML) reads a [`Picture`] and the list of [`Transition`]s.
//! Says nothing about colours beyond the [`Tone`] that a stylesheet maps.

mod depot;
mod fold;
mod model;
mod picture;
mod station;
mod story;
mod svg;
mod who;

pub use fold::{Change, Diagram, Object, WATCHED};
pub use model::{
    BackOff, Condition, Depot, DepotKind, EventNote, Group, Picture, Reference, Station, Token, Tone, Transition, Who,
};
pub use picture::letters;
pub use station::{Reading, station};
pub use svg::svg;
