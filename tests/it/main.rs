//! The integration tests, one binary. Each test has a company folder of its own and runs the real binary in it.
//!
//! Contents, in reading order:
//!
//! * `first_night`: what a night publishes, added up by hand; again, with nothing new; past dates
//! * `quiet`: companies in which hardly anything happens, on the edges of months, quarters and years
//! * `deliveries`: duplicates, corrections, late, broken and missing files, any order of arrival
//! * `inbox`: files still growing, gone, back again, overlapping, late; folders that cannot be listed; deadlines
//! * `any_order`: the same deliveries in any order, repeated, over any number of nights, end in the same marts
//! * `hostile`: files made to do harm, names that cannot be used, floods: refused in bounded memory, the rest done
//! * `fuzz`: a short deterministic pass of the fuzz targets
//! * `recovery`: killed at every stage boundary and at every write
//! * `rivals`: several runners on one lake
//! * `serving`: the built-in scheduler
//! * `stores`: a bucket instead of folders; lost replies; secrets
//! * `demo_company`: the demo generator, and the README's night telling its stories
//! * `anomaly_methods`: the detector of anomalies on labelled series
//! * `command_line`: exit codes, JSON, status, plan, clean
//! * `profiling`: a new partner's file becomes a mapping, in every dialect of the demo company
//! * `refusing`: refused rows, sheets and replies for partners, replay after a mended mapping
//! * `asking`: silences, mails, lineage, docs and the page of a run
//! * `settings`: wrong settings, each with what must be said about it
//! * `tidy`: rules of this repository that no compiler checks
//! * `s3_service`: the stand-in for S3 keeps S3's promises
//!
//! The public data sets have a binary of their own, `tests/conformance/main.rs`.

#![expect(clippy::format_push_string, reason = "texts of tests are short; clarity counts")]
#![expect(unreachable_pub, reason = "a test binary exports nothing; `pub` shows what the tests use of a module")]

mod support;

mod first_night;
mod quiet;
mod deliveries;
mod inbox;
mod any_order;
mod hostile;
mod fuzz;
mod recovery;
mod rivals;
mod serving;
mod stores;
mod demo_company;
mod anomaly_methods;
mod command_line;
mod profiling;
mod refusing;
mod asking;
mod settings;
mod tidy;
mod s3_service;
