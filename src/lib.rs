//! tributary: partner files in, checked Parquet marts and one alert mail per manager out.
//!
//! The path of the data is [`pipeline`]; everything else serves it. ARCHITECTURE.md has the map.

pub mod error;
pub mod clock;
pub mod config;
pub mod job;
pub mod contract;
pub mod sender;
mod sha256;
pub mod store;
pub mod state;
pub mod intake;
pub mod models;
pub mod pipeline;
pub mod mail;
pub mod report;
pub mod schedule;
pub mod demo;
pub mod cli;
