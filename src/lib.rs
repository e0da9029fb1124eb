//! tributary: partner files in, checked Parquet marts and one alert mail per manager out.
//!
//! The path of the data is [`pipeline`]; everything else serves it. ARCHITECTURE.md has the map.

pub mod error;
mod text_file;
pub mod clock;
pub mod zone;
mod sha256;
mod secret;
pub mod address;
pub mod grammar;
pub mod config;
pub mod contract;
pub mod sender;
pub mod job;
pub mod schedule;
pub mod store;
pub mod state;
pub mod intake;
pub mod models;
pub mod mail;
pub mod report;
pub mod pipeline;
pub mod demo;
pub mod cli;
