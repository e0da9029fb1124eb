//! Tries what a store can do, and leaves nothing behind.

use bytes::Bytes;

use super::{Put, Store, keys, local};
use crate::error::{Error, Result};

impl Store {
    /// Refuses a store that lets the same key be created twice: on such a store two runners could
    /// both believe in their commit. Writes and removes one small object; `token` makes its key unique.
    pub async fn check_create_once(&self, token: &str) -> Result<()> {
        let key = keys::probe(token);
        // After a lost reply the client's own second try makes the first look taken; what it holds counts.
        self.put_new(&key, Bytes::from_static(b"first")).await?;
        let second = self.put_new(&key, Bytes::from_static(b"second")).await?;
        let kept = self.get(&key).await?;
        self.delete(&key).await?;
        self.prune(&key).await?;
        if second == Put::Exists && kept.as_ref() == b"first" {
            return Ok(());
        }
        Err(Error::config("this store creates the same key twice, so it cannot hold a commit chain")
            .at(&self.0.place)
            .hint("use a store that honours conditional writes (If-None-Match: *)"))
    }

    /// Tries to write below `folder` of this store and leaves nothing behind, not even a folder that was not there.
    pub async fn check_writable(&self, folder: &str, token: &str) -> Result<()> {
        if let Some(root) = self.direct_folder() {
            return local::try_writing(root, folder, token).await;
        }
        let key = keys::probe_below(folder, token);
        self.put(&key, Bytes::from_static(b"probe")).await?;
        self.delete(&key).await
    }
}
