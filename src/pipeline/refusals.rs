//! What a running `serve` keeps back, left in the lake by it for every other process that asks how things stand.

use super::{Company, Refused};
use crate::error::Result;
use crate::store::keys;

/// Leaves word of what is kept back; of nothing, nothing is left.
pub async fn leave_refused(company: &Company, refused: &[Refused]) -> Result<()> {
    let lake = &company.stores.lake;
    if refused.is_empty() {
        return lake.delete(keys::REFUSED).await;
    }
    lake.put(keys::REFUSED, serde_json::to_vec_pretty(refused)?).await
}

/// What the running `serve` has left word of.
pub async fn refused(company: &Company) -> Result<Vec<Refused>> {
    let bytes = company.stores.lake.get_if_exists(keys::REFUSED).await?;
    // What cannot be read is written again as soon as it changes.
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}
