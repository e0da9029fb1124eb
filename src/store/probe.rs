//! Tries what a store can do, and leaves nothing behind.

use bytes::Bytes;

use super::{Put, Store, keys, local};
use crate::error::{Error, Kind, Result};

/// What stores are known to keep what a commit needs.
const KNOWN: &str = "use one that honours `If-None-Match: *` (Amazon S3, Google Cloud Storage and Azure Blob Storage \
                     do), or a folder";

impl Store {
    /// Refuses a store that lets the same key be created twice: on such a store two runners could
    /// both believe in their commit. Writes and removes one small object; `token` makes its key unique.
    pub async fn check_create_once(&self, token: &str) -> Result<()> {
        let key = keys::probe(token);
        let tried = self.creates_once(&key).await;
        // Whatever came of it, nothing stays behind.
        let removed = self.remove_probe(&key).await;
        match tried {
            Ok(true) => removed.map_err(|err| self.unfit(err)),
            Ok(false) => {
                let what = "this store creates the same key twice, so it cannot hold a commit chain";
                Err(Error::config(what).at(&self.0.place).hint(KNOWN))
            }
            Err(err) => Err(self.unfit(err)),
        }
    }

    async fn creates_once(&self, key: &str) -> Result<bool> {
        // After a lost reply the client's own second try makes the first look taken; what it holds counts.
        self.put_new(key, Bytes::from_static(b"first")).await?;
        let second = self.put_new(key, Bytes::from_static(b"second")).await?;
        let kept = self.get(key).await?;
        Ok(second == Put::Exists && kept.as_ref() == b"first")
    }

    async fn remove_probe(&self, key: &str) -> Result<()> {
        self.delete(key).await?;
        self.prune(key).await
    }

    /// A failure of a probe, by the name of the store: what its key is called says nothing to whoever set the store up.
    fn unfit(&self, err: Error) -> Error {
        let kind = err.kind();
        let hint = match (err.advice(), kind) {
            (Some(hint), _) => hint.to_string(),
            (None, Kind::Retry) => {
                format!("try again; if it says the same, the store does not do what the lake needs: {KNOWN}")
            }
            (None, _) => format!("look at its URL in [stores] of config.toml and at its credentials, or {KNOWN}"),
        };
        let what = "what a commit is made of (create, create again, read, delete) does not work in this store";
        Error::new(kind, what).at(&self.0.place).hint(hint).because(err)
    }

    /// Tries to write below `folder` of this store and leaves nothing behind, not even a folder that was not there.
    pub async fn check_writable(&self, folder: &str, token: &str) -> Result<()> {
        if let Some(root) = self.direct_folder() {
            return local::try_writing(root, folder, token).await;
        }
        let key = keys::probe_below(folder, token);
        let written = self.put(&key, Bytes::from_static(b"probe")).await;
        let removed = self.delete(&key).await;
        written.and(removed).map_err(|err| match err.advice() {
            Some(_) => err,
            None => err.hint(format!("let the account that runs tributary write and delete in {}", self.0.place)),
        })
    }
}
