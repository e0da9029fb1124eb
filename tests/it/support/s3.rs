//! An S3 service inside the test process, with honest conditional writes; it also speaks as Google's storage does, whose
//! XML interface has the same bodies under other headers.
//!
//! Published fakes let several racers win a create, which would hide exactly the faults that the commit
//! log guards against. Here all state lies behind one mutex, so that a condition and its write are one step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use sha2::{Digest, Sha256};
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};

use super::http::{Request, Response, decode, elements, escape};

/// Name of the one bucket.
pub const BUCKET: &str = "company";
/// Access key id that requests must be signed with.
pub const ACCESS_KEY: &str = "AKIATRIBUTARYTEST";
/// Secret of that key, which must never come out again anywhere.
pub const SECRET_KEY: &str = "canary-secret-7d1f0c5e-must-never-be-printed";

/// A misbehaviour of the service, used up by the first request that it matches.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// Keys concerned: those that contain this text.
    pub key: String,
    /// Matching writes let through before.
    pub skip: usize,
}

/// What a [`Fault`] does to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The object is kept, the connection is closed without a reply.
    DropReply,
    /// The object is kept, the reply is 500.
    ErrorAfterWrite,
    /// Nothing is kept, the reply is 503.
    Unavailable,
}

#[derive(Debug, Clone)]
struct Object {
    body: Bytes,
    etag: String,
    modified: DateTime<Utc>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, BTreeMap<u32, Bytes>>,
    counts: BTreeMap<String, usize>,
    faults: Vec<Fault>,
    writes: i64,
    page: usize,
    google: bool,
}

/// The running service; it stops with the last handle.
#[derive(Clone)]
pub struct S3 {
    state: Arc<Mutex<State>>,
    endpoint: String,
    google: bool,
    _stop: Arc<tokio::sync::oneshot::Sender<()>>,
}

impl S3 {
    /// Starts the service on a free loopback port, on a thread of its own.
    pub fn start() -> Self {
        Self::start_as(false)
    }

    /// The same service, spoken to as Google's storage is.
    pub fn start_as_google() -> Self {
        Self::start_as(true)
    }

    fn start_as(google: bool) -> Self {
        let state = Arc::new(Mutex::new(State { page: 1000, google, ..State::default() }));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        listener.set_nonblocking(true).expect("sockets can be made non-blocking");
        let endpoint = format!("http://{}", listener.local_addr().expect("a bound socket has an address"));
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("the listener is non-blocking");
                loop {
                    tokio::select! {
                        _ = &mut stopped => return,
                        accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                            tokio::spawn(serve(stream, Arc::clone(&shared)));
                        },
                    }
                }
            });
        });
        Self { state, endpoint, google, _stop: Arc::new(stop) }
    }

    /// `http://127.0.0.1:port`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What a URL of this service begins with.
    pub fn scheme(&self) -> &'static str {
        if self.google { "gs" } else { "s3" }
    }

    /// The environment that makes a process use this service.
    pub fn env(&self) -> Vec<(String, String)> {
        if self.google {
            let key = serde_json::json!({
                "private_key": SECRET_KEY, "private_key_id": "1", "client_email": "tributary@test.example",
                "disable_oauth": true, "gcs_base_url": self.endpoint,
            });
            return vec![
                ("GOOGLE_SERVICE_ACCOUNT_KEY".to_string(), key.to_string()),
                ("GOOGLE_ALLOW_HTTP".to_string(), "true".to_string()),
            ];
        }
        [
            ("AWS_ENDPOINT", self.endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ]
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .to_vec()
    }

    /// Lays an object into the bucket, past all counting and faults.
    pub fn put(&self, key: &str, body: impl Into<Bytes>) {
        self.lock().store(key, body.into());
    }

    /// Lays an object into the bucket as if it had been put there at `modified`.
    pub fn put_at(&self, key: &str, body: impl Into<Bytes>, modified: DateTime<Utc>) {
        let mut state = self.lock();
        state.store(key, body.into());
        state.objects.get_mut(key).expect("just stored").modified = modified;
    }

    /// The objects below a prefix, by the rest of their key.
    pub fn objects(&self, prefix: &str) -> BTreeMap<String, Bytes> {
        let state = self.lock();
        let below = state.objects.iter().filter_map(|(key, object)| Some((key.strip_prefix(prefix)?, object)));
        below.map(|(rest, object)| (rest.to_string(), object.body.clone())).collect()
    }

    /// Plans a fault.
    pub fn fail(&self, kind: FaultKind, key: &str, skip: usize) {
        self.lock().faults.push(Fault { kind, key: key.to_string(), skip });
    }

    /// Faults that have not struck yet.
    pub fn pending_faults(&self) -> usize {
        self.lock().faults.len()
    }

    /// Requests by method since the start.
    pub fn count(&self, method: &str) -> usize {
        self.lock().counts.get(method).copied().unwrap_or(0)
    }

    /// Keys per page of a listing.
    pub fn set_page(&self, keys: usize) {
        self.lock().page = keys;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Ok(Some(request)) = Request::read(&mut stream).await {
        let answer = state.lock().unwrap_or_else(std::sync::PoisonError::into_inner).handle(&request);
        let Some(mut response) = answer else { return };
        if request.method == "HEAD" {
            response.length = response.length.or(Some(response.body.len()));
            response.body.clear();
        }
        if response.write(&mut stream).await.is_err() {
            return;
        }
    }
}

fn error(status: u16, code: &str) -> Response {
    Response::xml(status, &format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"))
}

fn etag_of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hex = digest.iter().take(16).fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    format!("\"{hex}\"")
}

/// `bytes=3-9`, `bytes=3-`, `bytes=-4` of a body of `length`, as a half-open range.
fn byte_range(text: &str, length: usize) -> Option<std::ops::Range<usize>> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let range = match (first.parse::<usize>().ok(), last.parse::<usize>().ok()) {
        (Some(first), Some(last)) => first..(last + 1).min(length),
        (Some(first), None) => first..length,
        (None, Some(count)) => length.saturating_sub(count)..length,
        (None, None) => return None,
    };
    (range.start < range.end).then_some(range)
}

impl State {
    /// Answers a request; `None` closes the connection without a reply.
    fn handle(&mut self, request: &Request) -> Option<Response> {
        *self.counts.entry(request.method.clone()).or_default() += 1;
        let signed = format!("AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/");
        // Google's client sends no token where its key says that nobody asks for one, as here.
        if !self.google && !request.header("authorization").is_some_and(|value| value.starts_with(&signed)) {
            return Some(error(403, "AccessDenied"));
        }
        let path = request.path.trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        if bucket != BUCKET {
            return Some(error(404, "NoSuchBucket"));
        }
        let has = |name: &str| request.query.contains_key(name);
        match request.method.as_str() {
            "GET" if key.is_empty() => Some(self.list(request)),
            "GET" | "HEAD" => Some(self.get(request, key)),
            "POST" if has("delete") => Some(self.delete_many(request)),
            "POST" if has("uploads") => Some(self.start_upload(key)),
            "PUT" if has("uploadId") => Some(self.put_part(request)),
            "PUT" => self.faulty(key, |state| state.put(request, key)),
            "POST" if has("uploadId") => self.faulty(key, |state| state.finish_upload(request, key)),
            "DELETE" if has("uploadId") => {
                self.uploads.remove(&request.query["uploadId"]);
                Some(Response::status(204))
            }
            "DELETE" => {
                self.objects.remove(key);
                Some(Response::status(204))
            }
            _ => Some(error(405, "MethodNotAllowed")),
        }
    }

    /// Runs a write under the fault that is planned for it, if any.
    fn faulty(&mut self, key: &str, write: impl FnOnce(&mut Self) -> Response) -> Option<Response> {
        let mut due = None;
        for (at, fault) in self.faults.iter_mut().enumerate().filter(|(_, fault)| key.contains(&fault.key)) {
            if fault.skip == 0 {
                due = Some(at);
                break;
            }
            fault.skip -= 1;
        }
        match due.map(|at| self.faults.remove(at).kind) {
            None => Some(write(self)),
            Some(FaultKind::Unavailable) => Some(error(503, "SlowDown")),
            Some(FaultKind::DropReply) => {
                write(self);
                None
            }
            Some(FaultKind::ErrorAfterWrite) => {
                write(self);
                Some(error(500, "InternalError"))
            }
        }
    }

    fn store(&mut self, key: &str, body: Bytes) -> String {
        self.writes += 1;
        // Whole seconds, as S3 reports them, counted by writes: later writes are never older.
        let modified = Utc.timestamp_opt(1_790_000_000 + self.writes, 0).single().expect("a valid instant");
        let etag = etag_of(&body);
        self.objects.insert(key.to_string(), Object { body, etag: etag.clone(), modified });
        etag
    }

    /// The refusal of a conditional write whose condition does not hold.
    fn refused(&self, request: &Request, key: &str) -> Option<Response> {
        let there = self.objects.get(key);
        let create = if self.google {
            request.header("x-goog-if-generation-match") == Some("0")
        } else {
            request.header("if-none-match") == Some("*")
        };
        if create && there.is_some() {
            return Some(error(412, "PreconditionFailed"));
        }
        let wanted = request.header("if-match")?;
        match there {
            Some(object) if object.etag == wanted => None,
            Some(_) => Some(error(412, "PreconditionFailed")),
            None => Some(error(404, "NoSuchKey")),
        }
    }

    fn put(&mut self, request: &Request, key: &str) -> Response {
        if let Some(refusal) = self.refused(request, key) {
            return refusal;
        }
        let source = if self.google { "x-goog-copy-source" } else { "x-amz-copy-source" };
        let Some(source) = request.header(source) else {
            let etag = self.store(key, request.body.clone().into());
            return Response::status(200).with("ETag", etag).with("x-goog-generation", self.writes.to_string());
        };
        let source = decode(source.trim_start_matches('/'));
        let found = source.split_once('/').and_then(|(_, from)| self.objects.get(from)).map(|from| from.body.clone());
        let Some(body) = found else { return error(404, "NoSuchKey") };
        let etag = escape(&self.store(key, body));
        Response::xml(200, &format!("<CopyObjectResult><ETag>{etag}</ETag></CopyObjectResult>"))
    }

    fn get(&self, request: &Request, key: &str) -> Response {
        let Some(object) = self.objects.get(key) else { return error(404, "NoSuchKey") };
        if request.header("if-match").is_some_and(|wanted| wanted != object.etag && wanted != "*") {
            return error(412, "PreconditionFailed");
        }
        if request.header("if-none-match").is_some_and(|known| known == object.etag) {
            return Response::status(304);
        }
        let described = Response::status(200)
            .with("ETag", object.etag.clone())
            .with("Last-Modified", object.modified.format("%a, %d %b %Y %H:%M:%S GMT").to_string());
        let length = object.body.len();
        let Some(text) = request.header("range") else { return Response { body: object.body.to_vec(), ..described } };
        let Some(range) = byte_range(text, length) else { return error(416, "InvalidRange") };
        let place = format!("bytes {}-{}/{length}", range.start, range.end - 1);
        Response { status: 206, body: object.body[range].to_vec(), ..described }.with("Content-Range", place)
    }

    fn list(&self, request: &Request) -> Response {
        let text = |name: &str| request.query.get(name).map_or("", String::as_str);
        let (prefix, delimiter) = (text("prefix"), text("delimiter"));
        let after = text("continuation-token").max(text("start-after"));
        let page = text("max-keys").parse::<usize>().unwrap_or(self.page).min(self.page);
        // One entry per key, or per common prefix; the token of a page is its last entry.
        let mut entries: BTreeMap<String, Option<&Object>> = BTreeMap::new();
        for (key, object) in self.objects.iter().filter(|(key, _)| key.starts_with(prefix)) {
            let folder = (!delimiter.is_empty()).then(|| key[prefix.len()..].find(delimiter)).flatten();
            match folder {
                Some(at) => entries.insert(key[..prefix.len() + at + delimiter.len()].to_string(), None),
                None => entries.insert(key.clone(), Some(object)),
            };
        }
        let mut rest = entries.iter().filter(|(name, _)| name.as_str() > after);
        let mut xml = String::from("<ListBucketResult>");
        let mut last = String::new();
        for (name, object) in rest.by_ref().take(page) {
            last.clone_from(name);
            let key = escape(name);
            xml.push_str(&match object {
                None => format!("<CommonPrefixes><Prefix>{key}</Prefix></CommonPrefixes>"),
                Some(object) => format!(
                    "<Contents><Key>{key}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
                    object.modified.to_rfc3339_opts(SecondsFormat::Millis, true),
                    escape(&object.etag),
                    object.body.len()
                ),
            });
        }
        let more = rest.next().is_some();
        if more {
            xml.push_str(&format!("<NextContinuationToken>{}</NextContinuationToken>", escape(&last)));
        }
        xml.push_str(&format!("<IsTruncated>{more}</IsTruncated></ListBucketResult>"));
        Response::xml(200, &xml)
    }

    fn delete_many(&mut self, request: &Request) -> Response {
        let mut xml = String::from("<DeleteResult>");
        for key in elements(&String::from_utf8_lossy(&request.body), "Key") {
            self.objects.remove(&key);
            xml.push_str(&format!("<Deleted><Key>{}</Key></Deleted>", escape(&key)));
        }
        xml.push_str("</DeleteResult>");
        Response::xml(200, &xml)
    }

    fn start_upload(&mut self, key: &str) -> Response {
        self.writes += 1;
        let id = format!("upload-{}", self.writes);
        self.uploads.insert(id.clone(), BTreeMap::new());
        let xml = format!(
            "<InitiateMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{}</Key><UploadId>{id}</UploadId></InitiateMultipartUploadResult>",
            escape(key)
        );
        Response::xml(200, &xml)
    }

    fn put_part(&mut self, request: &Request) -> Response {
        let number = request.query.get("partNumber").and_then(|text| text.parse().ok());
        let (Some(parts), Some(number)) = (self.uploads.get_mut(&request.query["uploadId"]), number) else {
            return error(404, "NoSuchUpload");
        };
        let body = Bytes::from(request.body.clone());
        let etag = etag_of(&body);
        parts.insert(number, body);
        Response::status(200).with("ETag", etag)
    }

    fn finish_upload(&mut self, request: &Request, key: &str) -> Response {
        if let Some(refusal) = self.refused(request, key) {
            return refusal;
        }
        let Some(parts) = self.uploads.remove(&request.query["uploadId"]) else { return error(404, "NoSuchUpload") };
        let text = String::from_utf8_lossy(&request.body).into_owned();
        let wanted: Vec<u32> = elements(&text, "PartNumber").iter().filter_map(|number| number.parse().ok()).collect();
        let body: Option<Vec<&Bytes>> = wanted.iter().map(|number| parts.get(number)).collect();
        let Some(body) = body else { return error(400, "InvalidPart") };
        let body: Vec<u8> = body.into_iter().flat_map(|part| part.iter().copied()).collect();
        let etag = escape(&self.store(key, body.into()));
        let xml = format!(
            "<CompleteMultipartUploadResult><Bucket>{BUCKET}</Bucket><Key>{}</Key><ETag>{etag}</ETag></CompleteMultipartUploadResult>",
            escape(key)
        );
        Response::xml(200, &xml)
    }
}
