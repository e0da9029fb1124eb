//! One error type. Its kind says what happens next; the words say what was found and what to do.
//!
//! Bad partner data is never an `Err`: a rejected row or a quarantined file is a value
//! ([`crate::intake`]), counted and reported. An `Err` ends the run, or the step it names.

use std::fmt;

/// What a caller does about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Passing: the same call may succeed later (network, throttling, a busy store).
    Retry,
    /// What came in from outside cannot be used (a partner's file, a damaged object).
    Input,
    /// The operator or analyst must change a setting, a job, a model or an argument.
    Config,
    /// A model failed on the rows that it read.
    Data,
    /// A check with severity `error` failed: nothing is published.
    Checks,
    /// Another runner holds the lake, or this one lost it.
    Fenced,
    /// A fault in tributary itself.
    Bug,
}

/// Result with the crate's own error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, where, and what to do about it. Text is lower case without a full stop.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    path: Option<String>,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` with its message.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), path: None, hint: None, source: None }
    }
    /// A passing failure.
    pub fn retry(message: impl Into<String>) -> Self {
        Self::new(Kind::Retry, message)
    }
    /// Unusable input.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message)
    }
    /// A wrong setting, job, model or argument.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }
    /// Rows on which a model fails.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(Kind::Data, message)
    }
    /// A failed check of severity `error`.
    pub fn checks(message: impl Into<String>) -> Self {
        Self::new(Kind::Checks, message)
    }
    /// The lake belongs to another runner.
    pub fn fenced(message: impl Into<String>) -> Self {
        Self::new(Kind::Fenced, message)
    }
    /// A fault of our own.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Kind::Bug, message)
    }
    /// One error about all `problems` found in `place`, each on a line of its own; none where there are none.
    pub fn together(place: &str, mut problems: Vec<Self>) -> Option<Self> {
        if problems.len() < 2 {
            return problems.pop();
        }
        let mut text = format!("{} problems in {place}", problems.len());
        for problem in &problems {
            text.push_str("\n  ");
            text.push_str(&problem.one_line());
            if let Some(hint) = problem.advice() {
                text.push_str(&format!(" ({hint})"));
            }
        }
        Some(Self::config(text))
    }
    /// Names the file, key or setting that is concerned.
    #[must_use]
    pub fn at(mut self, path: impl fmt::Display) -> Self {
        self.path.get_or_insert_with(|| path.to_string());
        self
    }
    /// Says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert_with(|| hint.into());
        self
    }
    /// Keeps the cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
    /// The same in words, for whoever tells it once more.
    #[must_use]
    pub fn retold(&self) -> Self {
        Self {
            kind: self.kind,
            message: with_causes(self.message.clone(), std::error::Error::source(self)),
            path: self.path.clone(),
            hint: self.advice().map(str::to_string),
            source: None,
        }
    }
    /// What a caller does about it.
    pub fn kind(&self) -> Kind {
        self.kind
    }
    /// What was found and what to do about it, with its causes but without its place.
    pub fn message(&self) -> String {
        let text = with_causes(self.message.clone(), std::error::Error::source(self));
        match self.advice() {
            Some(hint) => format!("{text}; {hint}"),
            None => text,
        }
    }
    /// The file, key or setting that is concerned.
    pub fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
    /// What to do: as whoever made the error says, else what the machine's own trouble asks for.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref().or_else(|| std::error::Error::source(self).and_then(remedy))
    }
    /// The whole chain in one line: message, place, causes.
    pub fn one_line(&self) -> String {
        with_causes(self.to_string(), std::error::Error::source(self))
    }
    /// The causes, outermost first. What has been said by then is not said again: many errors repeat their source.
    pub fn causes(&self) -> Vec<String> {
        causes(&self.to_string(), std::error::Error::source(self))
    }
}

type Cause<'a> = Option<&'a (dyn std::error::Error + 'static)>;

fn causes(told: &str, mut cause: Cause<'_>) -> Vec<String> {
    let (mut told, mut causes) = (told.to_string(), Vec::new());
    while let Some(err) = cause {
        let said = err.to_string();
        if !told.contains(&said) {
            told.push_str(&said);
            causes.push(said);
        }
        cause = err.source();
    }
    causes
}

/// A text and the causes behind it, each said once.
pub(crate) fn with_causes(mut text: String, cause: Cause<'_>) -> String {
    for cause in causes(&text, cause) {
        text.push_str(": ");
        text.push_str(&cause);
    }
    text
}

/// What to do about trouble of the machine that an error has behind it.
pub(crate) fn remedy(err: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    use std::io::ErrorKind;
    /// The system's number for a process that has too many files open.
    const TOO_MANY_OPEN: i32 = 24;
    let mut cause = Some(err);
    while let Some(err) = cause {
        if let Some(err) = err.downcast_ref::<std::io::Error>() {
            return match err.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Some(
                    "make room on that disk (`df -h` shows which is full; `tributary clean` may help), then run again",
                ),
                ErrorKind::ReadOnlyFilesystem => Some("mount that disk so that it can be written, then run again"),
                ErrorKind::PermissionDenied => {
                    Some("let the account that runs tributary read and write there, then run again")
                }
                _ if err.raw_os_error() == Some(TOO_MANY_OPEN) => {
                    Some("let the process have more open files (`ulimit -n`), then run again")
                }
                _ => None,
            };
        }
        cause = err.source();
    }
    None
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{path}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|err| err as &(dyn std::error::Error + 'static))
    }
}

impl From<object_store::Error> for Error {
    fn from(err: object_store::Error) -> Self {
        use object_store::Error as Store;
        let kind = match &err {
            Store::NotFound { .. } | Store::InvalidPath { .. } => Kind::Input,
            Store::PermissionDenied { .. } | Store::Unauthenticated { .. } | Store::UnknownConfigurationKey { .. } => {
                Kind::Config
            }
            _ => Kind::Retry,
        };
        Self::new(kind, "object store request failed").because(err)
    }
}

impl From<datafusion::error::DataFusionError> for Error {
    fn from(err: datafusion::error::DataFusionError) -> Self {
        use datafusion::error::DataFusionError as Engine;
        let kind = match err.find_root() {
            Engine::ObjectStore(_) | Engine::IoError(_) => Kind::Retry,
            Engine::ResourcesExhausted(_) | Engine::Plan(_) | Engine::SchemaError(..) | Engine::SQL(..) => Kind::Config,
            _ => Kind::Bug,
        };
        Self::new(kind, "query failed").because(err)
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(err: arrow::error::ArrowError) -> Self {
        Self::bug("columnar operation failed").because(err)
    }
}

impl From<parquet::errors::ParquetError> for Error {
    fn from(err: parquet::errors::ParquetError) -> Self {
        Self::input("parquet file cannot be read or written").because(err)
    }
}

impl From<std::io::Error> for Error {
    fn from(err: std::io::Error) -> Self {
        Self::retry("file operation failed").because(err)
    }
}

impl From<serde_json::Error> for Error {
    fn from(err: serde_json::Error) -> Self {
        Self::bug("json cannot be read or written").because(err)
    }
}

/// The name most like `word`, if any is near enough to be a slip of the hand.
pub fn closest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::jaro_winkler(word, name), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

/// An error about a name that is not known, with the nearest one or the list.
pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    let error = Error::config(format!("{what} `{name}`, which is not known"));
    match closest(name, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint(format!("known are: {}", known.join(", "))),
    }
}
