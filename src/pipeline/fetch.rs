//! Spools one file of the inbox to a local folder and takes its SHA-256 on the way.

use super::flow::{Arrival, Landed, Night};
use crate::error::Result;
use crate::store::Download;

/// Fetches `arrival`, refused when it changed since it was listed.
pub(super) async fn fetch(night: &Night<'_>, arrival: Arrival) -> Result<Landed> {
    let company = night.company;
    let folder = tempfile::Builder::new().prefix("tributary-").tempdir()?;
    let path = folder.path().join("raw");
    let limits =
        Download { bytes_max: company.config.intake.file_bytes_max, etag: arrival.etag.clone(), ..Download::default() };
    let fetched = company.stores.inbox.download_to(&arrival.key, &path, &limits).await?;
    Ok(Landed { arrival, folder, path, sha256: fetched.sha256 })
}
