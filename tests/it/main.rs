//! The integration tests, one binary. Each test has a company folder of its own and runs the real binary in it.
//!
//! `tests/README.md` has the contents, in reading order, and says what the fixtures are.
//!
//! The public data sets have a binary of their own, `tests/conformance/main.rs`.

#![expect(clippy::format_push_string, reason = "texts of tests are short; clarity counts")]
#![expect(unreachable_pub, reason = "a test binary exports nothing; `pub` shows what the tests use of a module")]

mod support;

mod first_night;
mod quiet;
mod deliveries;
mod inbox;
mod senders;
mod edi;
mod any_order;
mod hostile;
mod fuzz;
mod recovery;
mod rivals;
mod publishing;
mod damage;
mod serving;
mod stores;
mod demo_company;
mod anomaly_methods;
mod command_line;
mod example;
mod profiling;
mod readme;
mod refusing;
mod set_aside;
mod left_out;
mod asking;
mod reviewing;
mod settings;
mod sql_tests;
mod tidy;
mod s3_service;
