//! What makes a delivered file the same file: its bytes, and what they were delivered for.

use chrono::NaiveDate;

/// First and last business date, both inclusive.
pub type Period = (NaiveDate, NaiveDate);

/// SHA-256 of the raw bytes, and what they were delivered for.
pub type Version = (String, Option<Period>);

/// A version in one word, as rows name the file that they came from: the hash, and the days that it was delivered for.
pub fn version_name((sha256, named): &Version) -> String {
    match named {
        None => sha256.clone(),
        Some((first, last)) if first == last => format!("{sha256}-{}", first.format("%Y%m%d")),
        Some((first, last)) => format!("{sha256}-{}-{}", first.format("%Y%m%d"), last.format("%Y%m%d")),
    }
}

/// Sender, feed, version.
pub type InputId = (String, String, Version);
