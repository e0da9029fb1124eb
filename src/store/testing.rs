//! For tests: an object store that fails on command. It wraps any other one, counts requests and
//! injects what networks and machines do: an error before anything happened, an error after it did,
//! a reply that never comes, a body cut short, and death at the n-th write, after which nothing
//! works any more. Production code never constructs it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart,
};
use rand::{RngExt, SeedableRng};

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and did nothing.
    ErrorBefore,
    /// It did its work; the reply says it failed.
    ErrorAfter,
    /// It did nothing and never answers.
    HangBefore,
    /// It did its work and never answers.
    HangAfter,
    /// A read gives only the first half of the bytes. A write with this fault is an [`Fault::ErrorBefore`].
    Truncate,
    /// The process dies before it does anything.
    AbortBefore,
    /// The process dies once it is done.
    AbortAfter,
}

/// Which requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Puts, parts, completions, copies and deletes.
    Write,
    /// Gets, heads and listings.
    Read,
}

#[derive(Debug, Default)]
struct Plan {
    counts: BTreeMap<Side, u64>,
    faults: BTreeMap<(Side, u64), Fault>,
    /// Only requests whose key contains this are counted and harmed.
    only: Option<String>,
    /// The write at which the process "dies", and whether that write still happens.
    kill: Option<(u64, bool)>,
    dead: bool,
    ignores_create: bool,
    etags_of_azure: bool,
    seeded: Option<(rand::rngs::StdRng, f64)>,
}

/// Handle on the faults of one or several [`FaultStore`]s; cloning shares plan and counts.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

impl Faults {
    /// No faults yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The `n`-th request of that side (from 1, from the beginning) suffers `fault`.
    #[must_use]
    pub fn at(self, side: Side, n: u64, fault: Fault) -> Self {
        self.plan(|plan| plan.faults.insert((side, n), fault));
        self
    }

    /// Counts and harms only requests whose key contains `part`.
    #[must_use]
    pub fn only(self, part: &str) -> Self {
        self.plan(|plan| plan.only = Some(part.to_string()));
        self
    }

    /// Dies at the `n`-th write: that write happens or not, its reply never counts, and every later
    /// request fails.
    #[must_use]
    pub fn kill_at_write(self, n: u64, write_happens: bool) -> Self {
        self.plan(|plan| plan.kill = Some((n, write_happens)));
        self
    }

    /// Every request fails with chance `share` (0 to 1), half of them after doing their work.
    #[must_use]
    pub fn seeded(self, seed: u64, share: f64) -> Self {
        self.plan(|plan| plan.seeded = Some((rand::rngs::StdRng::seed_from_u64(seed), share)));
        self
    }

    /// Like a store that claims S3 but ignores `If-None-Match`: creating a taken key replaces it.
    #[must_use]
    pub fn ignoring_create(self) -> Self {
        self.plan(|plan| plan.ignores_create = true);
        self
    }

    /// Like Azure: a listing has etags without the quotes of headers, and `If-Match` holds only in quotes.
    #[must_use]
    pub fn etags_of_azure(self) -> Self {
        self.plan(|plan| plan.etags_of_azure = true);
        self
    }

    /// Requests of that side so far.
    pub fn count(&self, side: Side) -> u64 {
        self.plan(|plan| plan.counts.get(&side).copied().unwrap_or_default())
    }

    /// Whether the kill has happened.
    pub fn is_dead(&self) -> bool {
        self.plan(|plan| plan.dead)
    }

    /// The store with these faults.
    pub fn around(&self, inner: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(FaultStore { inner, faults: self.clone() })
    }

    fn plan<T>(&self, work: impl FnOnce(&mut Plan) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts one request and says what happens to it.
    fn next(&self, side: Side, key: &str) -> Next {
        self.plan(|plan| {
            if plan.dead {
                return Next::Dead;
            }
            if plan.only.as_ref().is_some_and(|only| !key.contains(only.as_str())) {
                return Next::Fine;
            }
            let count = plan.counts.entry(side).or_default();
            *count += 1;
            let count = *count;
            if let (Side::Write, Some((n, happens))) = (side, plan.kill)
                && count >= n
            {
                plan.dead = true;
                return if happens { Next::Harm(Fault::ErrorAfter) } else { Next::Harm(Fault::ErrorBefore) };
            }
            if let Some(fault) = plan.faults.get(&(side, count)) {
                return Next::Harm(*fault);
            }
            if let Some((rng, share)) = &mut plan.seeded
                && rng.random_bool(*share)
            {
                let after = rng.random_bool(0.5);
                return Next::Harm(if after { Fault::ErrorAfter } else { Fault::ErrorBefore });
            }
            Next::Fine
        })
    }
}

enum Next {
    Fine,
    Harm(Fault),
    Dead,
}

fn injected(what: &'static str) -> Error {
    Error::Generic { store: "fault", source: what.into() }
}

/// Runs `work` under the fault that is due.
async fn suffer<T: Send>(next: Next, work: BoxFuture<'_, Result<T>>) -> Result<T> {
    match next {
        Next::Fine => work.await,
        Next::Dead => Err(injected("killed")),
        Next::Harm(Fault::ErrorBefore | Fault::Truncate) => Err(injected("failed before")),
        Next::Harm(Fault::ErrorAfter) => {
            work.await?;
            Err(injected("failed after"))
        }
        Next::Harm(Fault::AbortBefore) => std::process::abort(),
        Next::Harm(Fault::AbortAfter) => {
            work.await?;
            std::process::abort()
        }
        Next::Harm(Fault::HangBefore) => futures::future::pending().await,
        Next::Harm(Fault::HangAfter) => {
            work.await?;
            futures::future::pending().await
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct FaultStore {
    inner: Arc<dyn ObjectStore>,
    faults: Faults,
}

impl std::fmt::Display for FaultStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FaultStore({})", self.inner)
    }
}

// The trait's async methods, written out: async-trait is not among our dependencies.
impl ObjectStore for FaultStore {
    fn put_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        payload: PutPayload,
        mut opts: PutOptions,
    ) -> Pin<Box<dyn Future<Output = Result<PutResult>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        let next = self.faults.next(Side::Write, location.as_ref());
        if self.faults.plan(|plan| plan.ignores_create) {
            opts.mode = PutMode::Overwrite;
        }
        suffer(next, self.inner.put_opts(location, payload, opts)).boxed()
    }

    fn put_multipart_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        opts: PutMultipartOptions,
    ) -> Pin<Box<dyn Future<Output = Result<Box<dyn MultipartUpload>>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        async move {
            let next = self.faults.next(Side::Write, location.as_ref());
            let inner = suffer(next, self.inner.put_multipart_opts(location, opts)).await?;
            let upload = FaultUpload { inner, key: location.to_string(), faults: self.faults.clone() };
            Ok(Box::new(upload) as Box<dyn MultipartUpload>)
        }
        .boxed()
    }

    fn get_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        options: GetOptions,
    ) -> Pin<Box<dyn Future<Output = Result<GetResult>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        async move {
            if self.faults.plan(|plan| plan.etags_of_azure) {
                return azure(&self.inner, location, options).await;
            }
            match self.faults.next(Side::Read, location.as_ref()) {
                Next::Harm(Fault::Truncate) => {
                    let mut found = self.inner.get_opts(location, options).await?;
                    let half = (found.range.end - found.range.start) / 2;
                    let short = found.range.start..found.range.start + half;
                    let again = GetOptions { range: Some(GetRange::Bounded(short)), ..GetOptions::default() };
                    let body = if half == 0 {
                        futures::stream::empty().boxed()
                    } else {
                        self.inner.get_opts(location, again).await?.into_stream()
                    };
                    found.payload = GetResultPayload::Stream(body);
                    Ok(found)
                }
                next => suffer(next, self.inner.get_opts(location, options)).await,
            }
        }
        .boxed()
    }

    fn get_ranges<'a, 'b, 'd, 'c>(
        &'a self,
        location: &'b Path,
        ranges: &'d [Range<u64>],
    ) -> Pin<Box<dyn Future<Output = Result<Vec<bytes::Bytes>>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        'd: 'c,
        Self: 'c,
    {
        let next = self.faults.next(Side::Read, location.as_ref());
        suffer(next, self.inner.get_ranges(location, ranges)).boxed()
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let (inner, faults) = (Arc::clone(&self.inner), self.faults.clone());
        locations
            .then(move |location| {
                let (inner, faults) = (Arc::clone(&inner), faults.clone());
                async move {
                    let location = location?;
                    let next = faults.next(Side::Write, location.as_ref());
                    let one = futures::stream::once(futures::future::ready(Ok(location.clone()))).boxed();
                    let work = async move {
                        match inner.delete_stream(one).next().await {
                            Some(deleted) => deleted,
                            None => Ok(location),
                        }
                    };
                    suffer(next, work.boxed()).await
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let key = prefix.map(ToString::to_string).unwrap_or_default();
        match self.faults.next(Side::Read, &key) {
            Next::Fine => self.inner.list(prefix),
            Next::Harm(Fault::Truncate) => self.inner.list(prefix).take(1).chain(broken()).boxed(),
            Next::Harm(Fault::HangBefore | Fault::HangAfter) => futures::stream::pending().boxed(),
            Next::Harm(_) | Next::Dead => broken(),
        }
    }

    fn list_with_delimiter<'a, 'b, 'c>(
        &'a self,
        prefix: Option<&'b Path>,
    ) -> Pin<Box<dyn Future<Output = Result<ListResult>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        let next = self.faults.next(Side::Read, &prefix.map(ToString::to_string).unwrap_or_default());
        suffer(next, self.inner.list_with_delimiter(prefix)).boxed()
    }

    fn copy_opts<'a, 'b, 'd, 'c>(
        &'a self,
        from: &'b Path,
        to: &'d Path,
        options: CopyOptions,
    ) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        'd: 'c,
        Self: 'c,
    {
        let next = self.faults.next(Side::Write, to.as_ref());
        suffer(next, self.inner.copy_opts(from, to, options)).boxed()
    }
}

/// A read as Azure answers it: etags of headers are quoted, and a condition that is not never holds.
async fn azure(inner: &Arc<dyn ObjectStore>, location: &Path, mut options: GetOptions) -> Result<GetResult> {
    if let Some(wanted) = options.if_match.take() {
        let bare = wanted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        options.if_match = Some(bare.unwrap_or("never").to_string());
    }
    let mut found = inner.get_opts(location, options).await?;
    found.meta.e_tag = found.meta.e_tag.map(|etag| format!("\"{etag}\""));
    Ok(found)
}

fn broken() -> BoxStream<'static, Result<ObjectMeta>> {
    futures::stream::once(futures::future::ready(Err(injected("listing failed")))).boxed()
}

#[derive(Debug)]
struct FaultUpload {
    inner: Box<dyn MultipartUpload>,
    key: String,
    faults: Faults,
}

impl MultipartUpload for FaultUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let next = self.faults.next(Side::Write, &self.key);
        suffer(next, self.inner.put_part(data)).boxed()
    }

    fn complete<'a, 'c>(&'a mut self) -> Pin<Box<dyn Future<Output = Result<PutResult>> + Send + 'c>>
    where
        'a: 'c,
        Self: 'c,
    {
        let next = self.faults.next(Side::Write, &self.key);
        suffer(next, self.inner.complete()).boxed()
    }

    fn abort<'a, 'c>(&'a mut self) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'c>>
    where
        'a: 'c,
        Self: 'c,
    {
        let next = self.faults.next(Side::Write, &self.key);
        suffer(next, self.inner.abort()).boxed()
    }
}
