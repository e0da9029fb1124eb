//! Opens a store from a URL. Credentials come from the environment and from nowhere else, and no
//! error, log or debug text may show one: what a store says is scrubbed of every known secret.

use std::path::Path as FsPath;
use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreScheme, RetryConfig};
use url::Url;

use super::at_hand::AtHand;
use super::failure::secrets_of;
use super::requests::Requests;
use super::{Retry, Store, local};
use crate::error::{Error, Result, with_causes};

/// One request may take this long before it is tried again, unless `*_TIMEOUT` says otherwise.
const REQUEST_TIMEOUT: &str = "120 seconds";

/// Opens `location`: a URL, or a folder relative to `root`.
pub(super) fn open(
    location: &str,
    root: &FsPath,
    create: bool,
    environment: &[(String, String)],
    retry: Retry,
) -> Result<Store> {
    let slip = location.split_once(":/").filter(|(scheme, rest)| scheme.len() > 1 && !rest.starts_with('/'));
    if let Some((scheme, _)) = slip {
        return Err(Error::config(format!("`{scheme}:/` is neither a folder nor a URL"))
            .hint(format!("write {scheme}://bucket/prefix")));
    }
    if !location.contains("://") {
        return local::open(&root.join(location), create, retry);
    }
    let url = Url::parse(location).map_err(|err| Error::config("not a URL and not a folder").because(err))?;
    if url.password().is_some() || url.query().is_some() {
        // The text itself is not shown: it may hold the credential.
        return Err(Error::config("the URL carries a password or a query")
            .hint("give credentials by the environment variables AWS_*, AZURE_* or GOOGLE_*"));
    }
    let expected = "expected a folder, or a URL that starts with s3://, gs://, az://, file:/// or memory:///";
    let (scheme, prefix) = ObjectStoreScheme::parse(&url)
        .map_err(|err| Error::config(format!("no such kind of store; {expected}")).because(err))?;
    let secrets = secrets_of(environment);
    let requests = Requests::default();
    let refused = |err: object_store::Error| {
        Error::config("the store cannot be opened")
            .hint("check the URL and the environment variables AWS_*, AZURE_* or GOOGLE_*")
            .because(secrets.scrub(&with_causes(err.to_string(), std::error::Error::source(&err))))
    };
    let object: Arc<dyn ObjectStore> = match scheme {
        ObjectStoreScheme::Local => {
            let folder =
                url.to_file_path().map_err(|()| Error::config(format!("{url} does not name a folder; {expected}")))?;
            return local::open(&folder, create, retry);
        }
        ObjectStoreScheme::Memory => Arc::new(object_store::memory::InMemory::new()),
        ObjectStoreScheme::AmazonS3 => {
            let mut builder = AmazonS3Builder::new()
                .with_retry(bounded(retry))
                .with_http_connector(requests.clone())
                .with_url(url.as_str());
            for (key, value) in settings(environment, "AWS_") {
                if let Ok(key) = key.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            Arc::new(builder.build().map_err(refused)?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let mut builder = GoogleCloudStorageBuilder::new()
                .with_retry(bounded(retry))
                .with_http_connector(requests.clone())
                .with_url(url.as_str());
            for (key, value) in settings(environment, "GOOGLE_") {
                if let Ok(key) = key.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            Arc::new(builder.build().map_err(refused)?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let mut builder = MicrosoftAzureBuilder::new()
                .with_retry(bounded(retry))
                .with_http_connector(requests.clone())
                .with_url(url.as_str());
            for (key, value) in settings(environment, "AZURE_") {
                if let Ok(key) = key.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            Arc::new(builder.build().map_err(refused)?)
        }
        _ => return Err(Error::config(format!("no such kind of store; {expected}"))),
    };
    // The clients' own debug texts show keys.
    let object: Arc<dyn ObjectStore> = Arc::new(super::quiet::Quiet(object));
    let object: Arc<dyn ObjectStore> =
        if prefix.as_ref().is_empty() { object } else { Arc::new(PrefixStore::new(object, prefix)) };
    Ok(Store::assemble(object, url.to_string(), None, retry, secrets, requests, AtHand::far_away()))
}

/// The builder's settings in the environment, the request timeout first so that it can be overridden.
fn settings<'a>(environment: &'a [(String, String)], start: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
    let timeout = ("timeout".to_string(), REQUEST_TIMEOUT.to_string());
    let own = environment.iter().filter(move |(key, _)| key.starts_with(start)).map(move |(key, value)| {
        let key = key.to_ascii_lowercase();
        // Settings of the HTTP client have no prefix of their own.
        let bare = key.strip_prefix(&start.to_ascii_lowercase()).unwrap_or(&key).to_string();
        (
            if matches!(bare.as_str(), "timeout" | "connect_timeout" | "proxy_url" | "allow_http") {
                bare
            } else {
                key
            },
            value.clone(),
        )
    });
    std::iter::once(timeout).chain(own)
}

/// The client's own retry: as often as `run.retries` says, and never longer than three minutes.
fn bounded(retry: Retry) -> RetryConfig {
    let mut config = RetryConfig { max_retries: retry.retries, ..RetryConfig::default() };
    config.backoff.init_backoff = retry.first_pause;
    config
}
