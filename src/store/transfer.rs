//! Bytes on their way: uploads and downloads that take the SHA-256 while they pass.

use std::cmp::Ordering;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{GetOptions, GetRange};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::at_hand::SMALL_BYTES_MAX;
use super::{Object, Store, local};
use crate::error::{Error, Kind, Result};
use crate::sha256::{Sha256, hex, sha256_hex};

/// Size of one uploaded part; an object below it is one request.
const PART_BYTES: usize = 8 * 1024 * 1024;

/// A streaming upload. Goes straight into `parquet::arrow::AsyncArrowWriter`, which any `AsyncWrite`
/// does; take it back with `into_inner` and call [`HashingWriter::finish`].
///
/// Dropped without finishing, nothing becomes visible; [`HashingWriter::abort`] also frees the parts.
pub struct HashingWriter {
    store: Store,
    key: String,
    inner: BufWriter,
    hasher: Sha256,
    bytes: u64,
    phase: Phase,
    /// What has passed, as long as it is small enough to be kept at hand.
    kept: Option<Vec<u8>>,
}

/// How far an upload is. A failed or half-made closing request is never made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// A write failed: nothing is visible and nothing more may be asked but to abort.
    Broken,
    Closing,
    Closed,
    /// The closing request failed: the object may be visible or not.
    Failed,
}

impl std::fmt::Debug for HashingWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HashingWriter({}, {} bytes)", self.key, self.bytes)
    }
}

impl HashingWriter {
    pub(super) fn new(store: Store, key: &str, path: Path) -> Self {
        let inner = BufWriter::with_capacity(store.object(), path, PART_BYTES).with_max_concurrency(4);
        let kept = store.0.at_hand.keeps().then(Vec::new);
        Self { store, key: key.to_string(), inner, hasher: Sha256::new(), bytes: 0, phase: Phase::Open, kept }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the object visible, unless a Parquet writer has already closed it. Gives its SHA-256 in
    /// hex and its size in bytes.
    pub async fn finish(mut self) -> Result<(String, u64)> {
        self.shutdown().await.map_err(|err| self.fail(&err))?;
        let sha256 = hex(&self.hasher.finalize());
        if let Some(kept) = self.kept {
            self.store.keep_at_hand(&sha256, &kept.into());
        }
        Ok((sha256, self.bytes))
    }

    /// Gives the upload up: no object appears, and parts already uploaded are freed.
    pub async fn abort(mut self) -> Result<()> {
        if !matches!(self.phase, Phase::Open | Phase::Broken) {
            return self.store.delete(&self.key).await;
        }
        self.inner.abort().await.map_err(|err| self.store.fail(&self.key, &err))
    }

    fn fail(&self, err: &io::Error) -> Error {
        self.store.failed(Error::retry("upload failed").at(&self.key), err)
    }
}

impl AsyncWrite for HashingWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.phase != Phase::Open {
            return Poll::Ready(Err(io::Error::other("the upload takes no more bytes")));
        }
        let written = match ready!(Pin::new(&mut self.inner).poll_write(cx, buf)) {
            Ok(written) => written,
            Err(err) => {
                self.phase = Phase::Broken;
                return Poll::Ready(Err(err));
            }
        };
        self.hasher.update(&buf[..written]);
        self.bytes += written as u64;
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&buf[..written]);
        }
        if self.bytes > SMALL_BYTES_MAX as u64 {
            self.kept = None;
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.phase != Phase::Open {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.phase {
            Phase::Closed => return Poll::Ready(Ok(())),
            Phase::Broken | Phase::Failed => {
                return Poll::Ready(Err(io::Error::other("the upload has already failed")));
            }
            Phase::Open | Phase::Closing => self.phase = Phase::Closing,
        }
        let done = ready!(Pin::new(&mut self.inner).poll_shutdown(cx));
        self.phase = if done.is_ok() { Phase::Closed } else { Phase::Failed };
        Poll::Ready(done)
    }
}

/// Limits of one download.
#[derive(Debug, Clone)]
pub struct Download {
    /// A larger object is refused before anything is fetched.
    pub bytes_max: u64,
    /// Longest wait for the next bytes.
    pub stall: Duration,
    /// The etag of the listing: another one means that the object has changed since.
    pub etag: Option<String>,
}

impl Default for Download {
    fn default() -> Self {
        Self { bytes_max: u64::MAX, stall: Duration::from_mins(1), etag: None }
    }
}

impl Download {
    /// Refuses an object that is too large, or another one than was listed.
    fn admit(&self, found: &Object) -> Result<()> {
        if found.size > self.bytes_max {
            return Err(Error::input(format!("holds {} bytes; the limit is {}", found.size, self.bytes_max))
                .at(&found.key)
                .hint("raise intake.file_bytes_max in config.toml, or have the file split"));
        }
        if self.etag.is_some() && found.etag.is_some() && self.etag != found.etag {
            return Err(changed(&found.key));
        }
        Ok(())
    }
}

/// What a download brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// SHA-256 of the bytes, in hex.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
    /// Etag, where the store gives one.
    pub etag: Option<String>,
    /// Last modification, by the store's clock.
    pub last_modified: DateTime<Utc>,
}

/// Fetches the object into `to`, in one request. What breaks off goes on from where it stood, as long as the content is the
/// same.
pub(super) async fn download(
    store: &Store,
    key: &str,
    to: &mut (impl AsyncWrite + Unpin),
    limits: &Download,
) -> Result<Fetched> {
    let path = store.checked(key)?;
    let retry = store.retry();
    let mut coming = Coming { store, path, key, limits, to, hasher: Sha256::new(), at: 0, whole: None };
    let mut attempt = 0;
    let found = loop {
        let before = coming.at;
        let error = match coming.go_on().await {
            Ok(found) => break found,
            Err(error) => error,
        };
        // As long as something comes, patience begins anew.
        attempt = if coming.at > before { 1 } else { attempt + 1 };
        if error.kind() != Kind::Retry || attempt > retry.retries {
            return Err(error);
        }
        tracing::debug!(key, attempt, at = coming.at, error = %error.one_line(), "what broke off is asked for again");
        tokio::time::sleep(retry.pause(attempt)).await;
    };
    coming.to.flush().await?;
    // An answer of an object store is of one version. A file in a folder may be written while it is read.
    if store.local_root().is_some() && store.head_at(&coming.path, key).await? != found {
        return Err(changed(key));
    }
    Ok(Fetched {
        sha256: hex(&coming.hasher.finalize()),
        bytes: found.size,
        etag: found.etag,
        last_modified: found.last_modified,
    })
}

/// A download on its way.
struct Coming<'a, W> {
    store: &'a Store,
    path: Path,
    key: &'a str,
    limits: &'a Download,
    to: &'a mut W,
    hasher: Sha256,
    /// Bytes that have arrived.
    at: u64,
    /// What the first answer is of, and its etag as a header holds it.
    whole: Option<(Object, Option<String>)>,
}

impl<W: AsyncWrite + Unpin> Coming<'_, W> {
    /// Asks for what is still lacking and takes what comes of it. Says what the object is once all of it is there.
    async fn go_on(&mut self) -> Result<Object> {
        let (key, stall) = (self.key, self.limits.stall);
        let stalled = |_| Error::retry(format!("nothing arrived for {} s", stall.as_secs_f64())).at(key);
        let mut options = GetOptions::default();
        if let Some((_, etag)) = &self.whole {
            options.range = Some(GetRange::Offset(self.at));
            options.if_match.clone_from(etag);
        }
        let object = self.store.object();
        let answer = match tokio::time::timeout(stall, object.get_opts(&self.path, options)).await.map_err(stalled)? {
            Ok(answer) => answer,
            Err(object_store::Error::Precondition { .. }) => return Err(changed(key)),
            Err(err) => return Err(self.store.fail(key, &err)),
        };
        let found = Object::from(answer.meta.clone());
        match &self.whole {
            None => {
                self.limits.admit(&found)?;
                self.whole = Some((found.clone(), answer.meta.e_tag.clone()));
            }
            Some((first, _)) if *first != found => return Err(changed(key)),
            Some(_) => {}
        }
        let mut stream = answer.into_stream();
        while self.at < found.size {
            let Some(chunk) = tokio::time::timeout(stall, stream.next()).await.map_err(stalled)? else { break };
            let chunk = chunk.map_err(|err| self.store.fail(key, &err))?;
            self.hasher.update(&chunk);
            self.to.write_all(&chunk).await?;
            self.at += chunk.len() as u64;
        }
        match self.at.cmp(&found.size) {
            Ordering::Equal => Ok(found),
            Ordering::Less => Err(Error::retry(format!("{} bytes arrived of {}", self.at, found.size)).at(key)),
            Ordering::Greater => Err(changed(key)),
        }
    }
}

/// The object in memory, for what is known to be small.
pub(super) async fn held(store: &Store, key: &str, limits: &Download) -> Result<(Bytes, Fetched)> {
    let Some(root) = store.direct_folder() else {
        let mut bytes = Vec::new();
        let fetched = download(store, key, &mut bytes, limits).await?;
        return Ok((bytes.into(), fetched));
    };
    store.checked(key)?;
    // The steps of a download in one go: of a small file, handing each to another thread costs more than the step. What
    // a larger one is given is the time of four waits.
    let (path, name, wanted) = (root.join(key), key.to_string(), limits.clone());
    let read = local::blocking(move || {
        let (bytes, before, after) = local::read(&path, &name, &|found| wanted.admit(found))?;
        let sha256 = sha256_hex(&bytes);
        Ok((bytes, sha256, before, after))
    });
    let patience = limits.stall * 4;
    let stalled = |_| Error::retry(format!("nothing arrived for {} s", patience.as_secs_f64())).at(key);
    let (bytes, sha256, before, after) = tokio::time::timeout(patience, read).await.map_err(stalled)??;
    if after != before || bytes.len() as u64 != before.size {
        return Err(changed(key));
    }
    let fetched = Fetched { sha256, bytes: before.size, etag: before.etag, last_modified: before.last_modified };
    Ok((bytes.into(), fetched))
}

/// A file that changes under our hands is not taken; the next run lists it anew.
fn changed(key: &str) -> Error {
    Error::input("the object changed while it was fetched").at(key).hint("it is taken by the next run once it is whole")
}

#[cfg(test)]
mod tests;
