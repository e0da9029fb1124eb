//! What the tests stand on. Nothing here is compiled into tributary.

pub mod company;
pub mod http;
pub mod marts;
pub mod s3;
pub mod world;
