//! Tells a dead-man switch (healthchecks.io and its like) that a run began and how it ended, so that
//! somebody hears when none ever begins. A ping that fails is logged and changes nothing.

use std::time::Duration;

use object_store::ClientOptions;
use object_store::client::{HttpClient, HttpConnector as _, HttpRequest, HttpRequestBody, ReqwestConnector};

use crate::error::{Error, Result};

/// A ping may take this long in all.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The switch; without an address it does nothing.
#[derive(Debug, Clone, Default)]
pub struct Ping {
    target: Option<(String, HttpClient)>,
}

impl Ping {
    /// The switch at `serve.ping_url` (http or https); none when empty.
    pub fn new(url: &str) -> Result<Self> {
        let url = url.trim().trim_end_matches('/');
        if url.is_empty() {
            return Ok(Self::default());
        }
        let refuse = |why: &str| {
            Error::config(format!("serve.ping_url is \"{url}\": {why}"))
                .hint("give the address that the switch names, such as https://hc-ping.com/<uuid>")
        };
        let parsed = url::Url::parse(url).map_err(|err| refuse(&err.to_string()))?;
        if !matches!(parsed.scheme(), "http" | "https") || parsed.host().is_none() {
            return Err(refuse("expected http:// or https:// and a host"));
        }
        let options = ClientOptions::new().with_allow_http(true).with_timeout(TIMEOUT).with_connect_timeout(TIMEOUT);
        let client = ReqwestConnector::default().connect(&options)?;
        Ok(Self { target: Some((url.to_string(), client)) })
    }

    /// A run begins.
    pub async fn start(&self) {
        self.get("start").await;
    }

    /// A run ended with this exit code; the switch counts 0 as success.
    pub async fn exit(&self, code: u8) {
        self.get(&code.to_string()).await;
    }

    /// A run failed without an exit code: an error or a panic.
    pub async fn fail(&self) {
        self.get("fail").await;
    }

    async fn get(&self, what: &str) {
        let Some((url, client)) = &self.target else { return };
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        match format!("{url}/{what}").parse() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(_) => return,
        }
        // The address is a secret of a kind: who knows it can ping. It is not logged.
        match tokio::time::timeout(TIMEOUT, client.execute(request)).await {
            Ok(Ok(reply)) if reply.status().is_success() => {}
            Ok(Ok(reply)) => tracing::warn!(what, status = reply.status().as_u16(), "ping was refused"),
            Ok(Err(err)) => tracing::warn!(what, kind = ?err.kind(), "ping did not arrive"),
            Err(_) => tracing::warn!(what, "ping was not answered in time"),
        }
    }
}
