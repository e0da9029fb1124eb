//! Models: plain SQL files with a sidecar each, planned, built and checked by one engine.
//!
//! [`registry`] understands the files, [`build()`] makes them into Parquet, reusing what would come out the same;
//! [`slt`] tests them without data. Inside: [`session`] opens the engine, [`bind`] gives parameters, `reading` says
//! what one step may see (and hashes it), `writer` writes one file, `checks` asks what must hold.

pub mod types;
pub mod sidecar;
pub mod model;
mod sources;
mod understand;
mod graph;
pub mod registry;
pub mod bind;
pub mod settings;
pub mod system;
pub mod feeds;
pub mod history;
pub mod session;
pub mod functions;
pub mod query;
pub mod typecheck;
pub mod cast;
mod month;
mod reader;
mod files;
mod reading;
mod spool;
mod judge;
mod schemas;
mod writer;
pub mod plan;
mod overflow;
mod job;
pub mod lines;
mod checks;
mod relations;
pub mod outcome;
pub mod ask;
pub mod diff;
pub mod refused;
pub mod build;
pub mod lineage;
pub mod slt;

pub use build::{build, ready};
pub use checks::{CheckFailure, Severity};
pub use lineage::lineage;
pub use model::{Layer, Model};
pub use outcome::{Broken, BuildOutcome, Row};
pub use plan::{BuildPlan, PlanStep, plan};
pub use registry::{Fault, Registry};
pub use typecheck::{Checked, check};
