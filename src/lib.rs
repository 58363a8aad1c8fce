//! Kubernetes in a browser tab: a control plane in miniature on virtual time.
//!
//! Modules stand bottom to top: each may import only from those above its line in this list (the table that a test
//! holds the code against is `tests/architecture.rs`).
#![doc = include_str!("ARCHITECTURE.md")]

pub mod sim;
pub mod text;

pub mod apimachinery;

pub mod api;
pub mod storage;

pub mod apiserver;

pub mod client;

pub mod shell;

pub mod images;

pub mod cri;

pub mod controllers;
pub mod kubelet;
pub mod scheduler;

pub mod cluster;

pub mod kubectl;

pub mod diagram;
pub mod lesson;

pub mod playground;

#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
#[cfg(not(target_arch = "wasm32"))]
pub mod http;
#[cfg(target_arch = "wasm32")]
pub mod ui;
