//! A store laid over another one: what is written stays in the upper one, what is read comes from there first. So a night can
//! be computed aside, over everything that the lake has, and leave nothing in it.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// Two stores as one.
#[derive(Debug)]
pub(super) struct Overlay {
    upper: Arc<dyn ObjectStore>,
    lower: Arc<dyn ObjectStore>,
}

impl Overlay {
    /// `lower` seen through an empty store in memory.
    pub(super) fn over(lower: Arc<dyn ObjectStore>) -> Self {
        Self { upper: Arc::new(object_store::memory::InMemory::new()), lower }
    }

    /// Where an object is read from.
    async fn home(&self, location: &Path) -> Result<&Arc<dyn ObjectStore>> {
        match self.upper.head(location).await {
            Ok(_) => Ok(&self.upper),
            Err(Error::NotFound { .. }) => Ok(&self.lower),
            Err(err) => Err(err),
        }
    }
}

impl std::fmt::Display for Overlay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "aside of {}", self.lower)
    }
}

impl ObjectStore for Overlay {
    fn put_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Pin<Box<dyn Future<Output = Result<PutResult>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        self.upper.put_opts(location, payload, options)
    }

    fn put_multipart_opts<'a, 'b, 'c>(
        &'a self,
        location: &'b Path,
        options: PutMultipartOptions,
    ) -> Pin<Box<dyn Future<Output = Result<Box<dyn MultipartUpload>>> + Send + 'c>>
    where
        'a: 'c,
        'b: 'c,
        Self: 'c,
    {
        self.upper.put_multipart_opts(location, options)
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
        async move { self.home(location).await?.get_opts(location, options).await }.boxed()
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
        async move { self.home(location).await?.get_ranges(location, ranges).await }.boxed()
    }

    /// Only what was written aside can be deleted.
    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.upper.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.upper.list(prefix).chain(self.lower.list(prefix)).boxed()
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
        self.lower.list_with_delimiter(prefix)
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
        self.upper.copy_opts(from, to, options)
    }
}
