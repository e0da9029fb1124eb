//! Spools one file of the inbox to a local folder and takes its SHA-256 on the way.

use super::flow::{Arrival, Landed, Night};
use crate::error::Result;

/// Fetches `arrival`, with the retries that the operator allows.
pub(super) async fn fetch(night: &Night<'_>, arrival: Arrival) -> Result<Landed> {
    let company = night.company;
    let folder = tempfile::Builder::new().prefix("tributary-").tempdir()?;
    // The name decides nothing but the extension, which the reader wants.
    let name: String = arrival.key.rsplit('/').next().unwrap_or("file").chars().filter(|c| *c != '\0').collect();
    let path = folder.path().join(format!("raw-{}", name.chars().rev().take(80).collect::<Vec<_>>().iter().rev().collect::<String>()));
    let downloaded =
        company.stores.inbox.download_to(&arrival.key, &path, company.config.intake.file_bytes_max).await?;
    Ok(Landed { arrival, folder, path, sha256: downloaded.sha256 })
}
