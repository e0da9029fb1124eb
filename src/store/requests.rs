//! Counts what is asked of a store over the network: each request is paid for and each takes its way there and back, so a
//! run says how many it made. Counted where requests leave, so that pages of a listing, parts of an upload and tries
//! again are in it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

/// The requests of one store. Cloning shares the count.
#[derive(Debug, Clone, Default)]
pub(super) struct Requests(Arc<AtomicU64>);

impl Requests {
    /// How many have been made.
    pub(super) fn made(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl HttpConnector for Requests {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Counted { inner, requests: self.clone() }))
    }
}

/// A client that counts what it sends.
#[derive(Debug)]
struct Counted {
    inner: HttpClient,
    requests: Requests,
}

// The trait's async method, written out: async-trait is not among our dependencies.
impl HttpService for Counted {
    fn call<'a, 'c>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>
    where
        'a: 'c,
        Self: 'c,
    {
        self.requests.0.fetch_add(1, Ordering::Relaxed);
        // Never the query: what grants access may stand there.
        tracing::trace!(method = %request.method(), path = request.uri().path(), "request");
        Box::pin(self.inner.execute(request))
    }
}
