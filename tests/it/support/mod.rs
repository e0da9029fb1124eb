//! What the tests stand on. Nothing here is compiled into tributary.

pub mod http;
pub mod s3;
