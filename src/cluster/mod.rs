//! The composition root: owns time and the seed, and runs the server, controllers, scheduler and kubelets.

pub mod config;

pub use config::{Config, NodeConfig};
