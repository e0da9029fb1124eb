//! Brings one file of the inbox to this machine and takes its SHA-256 on the way.

use super::flow::{Arrival, Landed, Night};
use crate::error::Result;
use crate::intake::{HELD_MAX, Spool};
use crate::store::Download;

/// Fetches `arrival`, refused when it changed since it was listed.
pub(super) async fn fetch(night: &Night<'_>, arrival: Arrival) -> Result<Landed> {
    let company = night.company;
    let limits =
        Download { bytes_max: company.config.intake.file_bytes_max, etag: arrival.etag.clone(), ..Download::default() };
    let inbox = &company.stores.inbox;
    // The etag says that the object still has the size of the listing.
    if arrival.bytes <= HELD_MAX && arrival.etag.is_some() {
        let (bytes, fetched) = inbox.download(&arrival.key, &limits).await?;
        let sha256 = fetched.sha256;
        if let Some(content) = Spool::held(&bytes) {
            return Ok(Landed { arrival, content, folder: None, sha256 });
        }
        let (folder, path) = spool()?;
        tokio::fs::write(&path, &bytes).await?;
        return Ok(Landed { arrival, content: Spool::Disk(path), folder: Some(folder), sha256 });
    }
    let (folder, path) = spool()?;
    let fetched = inbox.download_to(&arrival.key, &path, &limits).await?;
    Ok(Landed { arrival, content: Spool::Disk(path), folder: Some(folder), sha256: fetched.sha256 })
}

fn spool() -> Result<(tempfile::TempDir, std::path::PathBuf)> {
    let folder = tempfile::Builder::new().prefix("tributary-").tempdir()?;
    let path = folder.path().join("raw");
    Ok((folder, path))
}
