//! Bytes on their way: uploads and downloads that take the SHA-256 while they pass.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta};
use tokio::io::{AsyncWrite, AsyncWriteExt};

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
        Self { store, key: key.to_string(), inner, hasher: Sha256::new(), bytes: 0, phase: Phase::Open }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes the object visible, unless a Parquet writer has already closed it. Gives its SHA-256 in
    /// hex and its size in bytes.
    pub async fn finish(mut self) -> Result<(String, u64)> {
        self.shutdown().await.map_err(|err| self.fail(&err))?;
        Ok((hex(&self.hasher.finalize()), self.bytes))
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
    /// Bytes asked for at once.
    pub part_bytes: u64,
    /// Longest wait for the next bytes.
    pub stall: Duration,
    /// The etag of the listing: another one means that the object has changed since.
    pub etag: Option<String>,
}

impl Default for Download {
    fn default() -> Self {
        Self { bytes_max: u64::MAX, part_bytes: 8 * 1024 * 1024, stall: Duration::from_mins(1), etag: None }
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

/// Fetches the object into `to`, part by part.
pub(super) async fn download(
    store: &Store,
    key: &str,
    to: &mut (impl AsyncWrite + Unpin),
    limits: &Download,
) -> Result<Fetched> {
    let path = store.checked(key)?;
    let before = store.head_at(&path, key).await?;
    limits.admit(&before)?;
    let mut hasher = Sha256::new();
    let mut at = 0;
    while at < before.size {
        let end = before.size.min(at + limits.part_bytes.max(1));
        let part = part(store, &path, key, at..end, before.etag.as_ref(), limits.stall).await?;
        hasher.update(&part);
        to.write_all(&part).await?;
        at = end;
    }
    to.flush().await?;
    let after = store.head_at(&path, key).await?;
    if after != before {
        return Err(changed(key));
    }
    Ok(Fetched {
        sha256: hex(&hasher.finalize()),
        bytes: before.size,
        etag: before.etag,
        last_modified: before.last_modified,
    })
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
    // a larger one is given is the time of four parts.
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

/// One range, tried again when it fails in passing.
async fn part(
    store: &Store,
    path: &Path,
    key: &str,
    range: std::ops::Range<u64>,
    etag: Option<&String>,
    stall: Duration,
) -> Result<Bytes> {
    let retry = store.retry();
    let mut attempt = 0;
    loop {
        let error = match part_once(store, path, key, range.clone(), etag, stall).await {
            Err(error) if error.kind() == Kind::Retry && attempt < retry.retries => error,
            done => return done,
        };
        attempt += 1;
        tracing::debug!(key, attempt, error = %error.one_line(), "part is fetched again");
        tokio::time::sleep(retry.pause(attempt)).await;
    }
}

async fn part_once(
    store: &Store,
    path: &Path,
    key: &str,
    range: std::ops::Range<u64>,
    etag: Option<&String>,
    stall: Duration,
) -> Result<Bytes> {
    let stalled = |_| Error::retry(format!("nothing arrived for {} s", stall.as_secs_f64())).at(key);
    let options =
        GetOptions { range: Some(GetRange::Bounded(range.clone())), if_match: etag.cloned(), ..GetOptions::default() };
    let object = store.object();
    let found = match tokio::time::timeout(stall, object.get_opts(path, options)).await.map_err(stalled)? {
        Ok(found) => found,
        Err(object_store::Error::Precondition { .. }) => {
            return Err(Error::input("the object changed while it was fetched").at(key));
        }
        Err(err) => return Err(store.fail(key, &err)),
    };
    let whole: ObjectMeta = found.meta.clone();
    let wanted = range.end - range.start;
    let mut bytes = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
    let mut stream = found.into_stream();
    while let Some(chunk) = tokio::time::timeout(stall, stream.next()).await.map_err(stalled)? {
        bytes.extend_from_slice(&chunk.map_err(|err| store.fail(key, &err))?);
    }
    if bytes.len() as u64 != wanted {
        let (got, size) = (bytes.len(), whole.size);
        return Err(Error::retry(format!("{got} bytes arrived of {wanted} (object of {size} bytes)")).at(key));
    }
    Ok(bytes.into())
}
