//! How dates, numbers and texts are written and what they say: what senders may declare in a mapping, and what intake
//! reads by it. Knows neither files nor feeds.

pub mod date;
pub mod number;
pub mod text;
