//! The integration tests, one binary. Contents, in reading order:
//!
//! * `s3_service`: the stand-in for S3 keeps S3's promises



mod support;

mod s3_service;
