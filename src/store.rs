//! Inbox, lake and marts behind one small interface. Only this module builds keys, opens stores and
//! knows which of them are folders; everything else asks a [`Store`] by key.
//!
//! Three rules of the house live here: a key is parsed, never rewritten ([`Store::path`]); a hash is
//! taken while bytes pass, never afterwards ([`HashingWriter`], [`Store::download_to`]); and an
//! error names the key but never a credential.

pub mod keys;
mod at_hand;
mod failure;
mod file_ref;
mod listing;
mod local;
pub(crate) mod modes;
mod overlay;
mod probe;
mod quiet;
mod remote;
mod requests;
mod stores;
mod transfer;
pub mod testing;

use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{GetResult, ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::secret::Secrets;
use crate::sha256::sha256_hex;
use at_hand::AtHand;
use listing::is_folder_marker;
use requests::Requests;

pub use file_ref::{FileRef, Home};
pub(crate) use listing::bare;
pub use listing::{Object, Survey};
pub use stores::Stores;
pub use transfer::{Download, Fetched, HashingWriter};

/// Tries and first pause for transient errors.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Tries after the first.
    pub retries: usize,
    /// Pause before the second try; doubles with each.
    pub first_pause: Duration,
}

impl Retry {
    /// As `config.run` says.
    pub fn of(config: &Config) -> Self {
        Self { retries: config.run.retries, first_pause: Duration::from_millis(config.run.retry_first_pause_ms) }
    }

    /// Pause before try `attempt` (from 1), at most 15 seconds.
    pub fn pause(&self, attempt: usize) -> Duration {
        let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
        self.first_pause.saturating_mul(1 << doublings).min(Duration::from_secs(15))
    }
}

/// What became of a [`Store::put_new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// The object is ours.
    Created,
    /// The key was taken; by whom, only reading it tells (a lost reply makes our own look foreign).
    Exists,
}

/// One object store, rooted at its prefix. Cloning shares it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    object: Arc<dyn ObjectStore>,
    /// Where it lies, for people: never holds a credential.
    place: String,
    /// Its folder, when it is one.
    folder: Option<PathBuf>,
    /// Whether files may be touched beside the object store's interface (fsync, own listing).
    direct: bool,
    retry: Retry,
    secrets: Secrets,
    /// What the network was asked.
    requests: Requests,
    at_hand: AtHand,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.0.place)
    }
}

impl std::fmt::Display for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.place)
    }
}

impl Store {
    /// Any object store, as it is.
    pub fn new(object: Arc<dyn ObjectStore>) -> Self {
        let place = object.to_string();
        Self::assemble(
            object,
            place,
            None,
            Retry { retries: 2, first_pause: Duration::from_millis(1) },
            Secrets::default(),
            Requests::default(),
            AtHand::default(),
        )
    }

    /// An empty store in memory.
    pub fn memory() -> Self {
        Self::new(Arc::new(object_store::memory::InMemory::new()))
    }

    /// A folder; made when `create` and missing.
    pub fn folder(folder: &FsPath, create: bool) -> Result<Self> {
        local::open(folder, create, Retry { retries: 2, first_pause: Duration::from_millis(1) })
    }

    fn assemble(
        object: Arc<dyn ObjectStore>,
        place: String,
        folder: Option<PathBuf>,
        retry: Retry,
        secrets: Secrets,
        requests: Requests,
        at_hand: AtHand,
    ) -> Self {
        let direct = folder.is_some();
        Self(Arc::new(Inner { object, place, folder, direct, retry, secrets, requests, at_hand }))
    }

    /// The same place seen through another object store, such as one that injects faults: from
    /// here on every request goes through it, so syncs to disk are left out.
    #[must_use]
    pub fn wrapped(&self, wrap: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>) -> Self {
        Self(Arc::new(Inner {
            object: wrap(self.object()),
            place: self.0.place.clone(),
            folder: self.0.folder.clone(),
            direct: false,
            retry: self.0.retry,
            secrets: self.0.secrets.clone(),
            requests: self.0.requests.clone(),
            at_hand: AtHand::default(),
        }))
    }

    /// The object store itself, rooted at the prefix, for the query engine.
    pub fn object(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.0.object)
    }

    /// The folder, when this store is one.
    pub fn local_root(&self) -> Option<&FsPath> {
        self.0.folder.as_deref()
    }

    /// Names of the folders at the top of the store, sorted.
    pub async fn folders(&self) -> Result<Vec<String>> {
        if let Some(folder) = self.direct_folder() {
            return local::folders(folder).await;
        }
        let listed = self.0.object.list_with_delimiter(None).await.map_err(|err| self.fail("", &err))?;
        let mut names: Vec<String> =
            listed.common_prefixes.iter().filter_map(|prefix| prefix.filename().map(str::to_string)).collect();
        names.sort();
        Ok(names)
    }

    /// Where a reader outside finds the object: a file's path, or the store's URL with the key.
    pub fn reader_path(&self, key: &str) -> String {
        match self.local_root() {
            Some(folder) => folder.join(key).display().to_string(),
            None => format!("{}/{key}", self.0.place.trim_end_matches('/')),
        }
    }

    /// Requests that went over the network since the store was opened, tries again included; none of a folder.
    pub fn requests(&self) -> u64 {
        self.0.requests.made()
    }

    /// How this store retries.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The key as a path: unchanged or refused (empty parts, `.`, `..`, control characters, a
    /// leading or trailing slash), so that what we ask for is what was listed.
    pub fn path(&self, key: &str) -> Result<Path> {
        let refuse = |what: String| Error::input(what).at(format!("{key:?}")).hint("rename or remove the object");
        if key.is_empty() || key.starts_with('/') || key.ends_with('/') {
            return Err(refuse("not a key; expected one without a slash at either end".into()));
        }
        Path::parse(key).map_err(|err| refuse("not a usable key".into()).because(err))
    }

    /// The whole object. Refused when fewer bytes arrive than the store promised.
    pub async fn get(&self, key: &str) -> Result<Bytes> {
        let path = self.checked(key)?;
        let found = self.0.object.get(&path).await.map_err(|err| self.fail(key, &err))?;
        self.whole(key, found).await
    }

    async fn whole(&self, key: &str, found: GetResult) -> Result<Bytes> {
        let promised = found.range.end - found.range.start;
        let bytes = found.bytes().await.map_err(|err| self.fail(key, &err))?;
        if bytes.len() as u64 != promised {
            return Err(Error::retry(format!("{} bytes arrived of {promised}", bytes.len())).at(key));
        }
        Ok(bytes)
    }

    /// [`Store::get`], or none when there is no such object.
    pub async fn get_if_exists(&self, key: &str) -> Result<Option<Bytes>> {
        let path = self.checked(key)?;
        // One request: between two, somebody else may take it away.
        match self.0.object.get(&path).await {
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(err) => Err(self.fail(key, &err)),
            Ok(found) => self.whole(key, found).await.map(Some),
        }
    }

    /// The whole object, refused unless its SHA-256 (hex) is the expected one.
    pub async fn get_verified(&self, key: &str, sha256: &str) -> Result<Bytes> {
        let bytes = self.get(key).await?;
        let found = sha256_hex(&bytes);
        if found == sha256 { Ok(bytes) } else { Err(failure::altered(key, &found, sha256)) }
    }

    /// [`Store::get_verified`] for objects of any size, of which nothing is kept.
    pub async fn check_hash(&self, key: &str, sha256: &str) -> Result<()> {
        let fetched = transfer::download(self, key, &mut tokio::io::sink(), &Download::default()).await?;
        if fetched.sha256 == sha256 { Ok(()) } else { Err(failure::altered(key, &fetched.sha256, sha256)) }
    }

    /// Creates the object unless the key is taken. After an error the object may be there or not.
    pub async fn put_new(&self, key: &str, bytes: impl Into<Bytes>) -> Result<Put> {
        let bytes = bytes.into();
        let path = self.checked(key)?;
        if let Some(folder) = self.direct_folder() {
            return local::put(folder, key, bytes, local::Mode::Create).await.map_err(|err| err.at(key));
        }
        match self.0.object.put_opts(&path, bytes.into(), PutOptions::from(PutMode::Create)).await {
            Ok(_) => Ok(Put::Created),
            // Azure says a taken key as a failed precondition.
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                Ok(Put::Exists)
            }
            Err(err) => Err(self.fail(key, &err)),
        }
    }

    /// Writes the object, whatever the key held. Readers see the old or the new bytes, whole.
    pub async fn put(&self, key: &str, bytes: impl Into<Bytes>) -> Result<()> {
        let bytes = bytes.into();
        let path = self.checked(key)?;
        if let Some(folder) = self.direct_folder() {
            return local::put(folder, key, bytes, local::Mode::Replace).await.map(|_| ()).map_err(|err| err.at(key));
        }
        self.0.object.put(&path, bytes.into()).await.map(|_| ()).map_err(|err| self.fail(key, &err))
    }

    /// Everything below the folder `prefix` (`""` for all), by key. Markers of empty folders are left
    /// out. One unusable key, or a symlink that leads out of the folder, fails this prefix and is named:
    /// listing each sender by its own prefix keeps one from stopping the others.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Object>> {
        let path = if prefix.is_empty() { None } else { Some(self.path(prefix.trim_end_matches('/'))?) };
        let mut objects = match self.direct_folder() {
            Some(folder) => local::list(folder, path.as_ref().map_or("", AsRef::as_ref)).await?,
            None => self
                .0
                .object
                .list(path.as_ref())
                .map_ok(Object::from)
                .try_collect::<Vec<_>>()
                .await
                .map_err(|err| self.fail_listing(prefix, &err))?,
        };
        objects.retain(|object| !is_folder_marker(object));
        objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    /// [`Store::list`] for what strangers fill: entries that cannot be used are named beside the others instead of
    /// failing the listing. An object store lists all or nothing, so there one bad key is all that is said of `prefix`.
    pub async fn survey(&self, prefix: &str) -> Result<Survey> {
        if let Some(folder) = self.direct_folder() {
            let path = if prefix.is_empty() { None } else { Some(self.path(prefix.trim_end_matches('/'))?) };
            let mut found = local::survey(folder, path.as_ref().map_or("", AsRef::as_ref)).await?;
            found.objects.retain(|object| !is_folder_marker(object));
            found.objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
            found.refused.sort_by_key(ToString::to_string);
            found.odd.sort();
            return Ok(found);
        }
        match self.list(prefix).await {
            Ok(objects) => Ok(Survey { objects, ..Survey::default() }),
            Err(error) if error.kind() == crate::error::Kind::Input => {
                Ok(Survey { refused: vec![error], ..Survey::default() })
            }
            Err(error) => Err(error),
        }
    }

    /// Size, etag and time of one object.
    pub async fn head(&self, key: &str) -> Result<Object> {
        self.head_at(&self.checked(key)?, key).await
    }

    async fn head_at(&self, path: &Path, key: &str) -> Result<Object> {
        self.0.object.head(path).await.map(Object::from).map_err(|err| self.fail(key, &err))
    }

    /// Whether there is such an object.
    pub async fn exists(&self, key: &str) -> Result<bool> {
        let path = self.checked(key)?;
        match self.0.object.head(&path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(err) => Err(self.fail(key, &err)),
        }
    }

    /// Deletes the object; one that is not there counts as deleted.
    pub async fn delete(&self, key: &str) -> Result<()> {
        let path = self.checked(key)?;
        match self.0.object.delete(&path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(err) => Err(self.fail(key, &err)),
        }
    }

    /// Copies within the store, on its own side, replacing what `to` held. The copy shares nothing with its source.
    pub async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let (source, target) = (self.checked(from)?, self.checked(to)?);
        if let Some(folder) = self.direct_folder() {
            return local::copy(folder, folder.join(from), to).await.map_err(|err| err.at(from));
        }
        self.0.object.copy(&source, &target).await.map_err(|err| self.fail(from, &err))
    }

    /// Lays a file of this machine under `to`, replacing what it held.
    pub async fn lay(&self, file: &FsPath, to: &str) -> Result<()> {
        if let Some(folder) = self.direct_folder() {
            self.checked(to)?;
            return local::copy(folder, file.to_path_buf(), to).await.map_err(|err| err.at(to));
        }
        let mut source = tokio::fs::File::open(file).await?;
        let mut writer = self.writer(to)?;
        match tokio::io::copy(&mut source, &mut writer).await {
            Ok(_) => writer.finish().await.map(drop),
            Err(err) => {
                writer.abort().await?;
                Err(Error::retry("upload failed").at(to).because(err))
            }
        }
    }

    /// Removes the folders above `key` that hold nothing any more, where the store has folders.
    pub async fn prune(&self, key: &str) -> Result<()> {
        self.checked(key)?;
        match self.direct_folder() {
            Some(folder) => local::prune(folder, key).await,
            None => Ok(()),
        }
    }

    /// A streaming upload that hashes what passes. Nothing is visible before it finishes.
    pub fn writer(&self, key: &str) -> Result<HashingWriter> {
        let path = self.checked(key)?;
        if let Some(folder) = self.direct_folder() {
            let target = folder.join(key);
            local::make_folders(folder, target.parent().unwrap_or(folder)).map_err(|err| err.at(key))?;
        }
        Ok(HashingWriter::new(self.clone(), key, path))
    }

    /// Fetches the object into a local file, hashing what passes.
    pub async fn download_to(&self, key: &str, to: &FsPath, limits: &Download) -> Result<Fetched> {
        let at = |err: std::io::Error| Error::from(err).at(to.display());
        let mut file = tokio::fs::File::create(to).await.map_err(at)?;
        transfer::download(self, key, &mut file, limits).await
    }

    /// [`Store::download_to`] into memory, for what is known to be small.
    pub async fn download(&self, key: &str, limits: &Download) -> Result<(Bytes, Fetched)> {
        transfer::held(self, key, limits).await
    }

    /// Leftovers of uploads that died, with the key each was for and its last modification. Only folders have them visible.
    pub async fn unfinished_uploads(&self) -> Result<Vec<(PathBuf, String, DateTime<Utc>)>> {
        match self.direct_folder() {
            Some(folder) => local::unfinished(folder).await,
            None => Ok(Vec::new()),
        }
    }

    async fn sync(&self, keys: Vec<String>, mode: u32) -> Result<()> {
        match self.direct_folder() {
            Some(folder) => local::sync(folder, keys, mode).await,
            None => Ok(()),
        }
    }

    fn direct_folder(&self) -> Option<&FsPath> {
        self.0.folder.as_deref().filter(|_| self.0.direct)
    }

    /// The path of a key that, in a folder, does not lead out of it through a symlink.
    fn checked(&self, key: &str) -> Result<Path> {
        let path = self.path(key)?;
        if let Some(folder) = self.direct_folder() {
            local::stays_inside(folder, key)?;
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests;
