//! Models: plain SQL files with a sidecar each, planned and built by one engine.
//!
//! [`registry`] understands them, [`bind`] gives them their parameters, [`session`] opens the engine.

pub mod types;
pub mod sidecar;
pub mod registry;
mod graph;
pub mod bind;
pub mod settings;
pub mod system;
pub mod session;
pub mod query;
pub mod functions;
pub mod feeds;
pub mod cast;
pub mod slt;
