//! What a store says when it fails: how bad that is, and its words with every known secret struck out.

use super::Store;
use crate::error::{Error, Kind, remedy, with_causes};
use crate::secret::Secrets;

/// The values of environment variables that grant access.
pub(super) fn secrets_of(environment: &[(String, String)]) -> Secrets {
    let grants = |key: &str| {
        ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|start| key.starts_with(start))
            && ["SECRET", "TOKEN", "KEY", "SAS", "PASSWORD"].iter().any(|word| key.contains(word))
    };
    let granting = environment.iter().filter(|(key, _)| grants(&key.to_ascii_uppercase()));
    Secrets::new(granting.map(|(_, value)| value.clone()))
}

/// What a caller does about a store's error.
fn kind_of(err: &object_store::Error) -> Kind {
    use object_store::Error as Said;
    match err {
        Said::NotFound { .. } | Said::InvalidPath { .. } => Kind::Input,
        Said::PermissionDenied { .. } | Said::Unauthenticated { .. } | Said::UnknownConfigurationKey { .. } => {
            Kind::Config
        }
        _ => Kind::Retry,
    }
}

/// An object that is not what was written.
pub(super) fn altered(key: &str, found: &str, expected: &str) -> Error {
    Error::input(format!("its bytes hash to {found}; expected {expected}"))
        .at(key)
        .hint("the object was damaged or changed after it was written; restore it from a copy")
}

impl Store {
    /// What came of a request, by the key that it was about.
    pub(super) fn fail(&self, key: &str, err: &object_store::Error) -> Error {
        let kind = kind_of(err);
        let message = match err {
            object_store::Error::NotFound { .. } => "there is no such object",
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                "the store refuses access"
            }
            _ => "object store request failed",
        };
        self.failed(Error::new(kind, message).at(key), err)
    }

    /// `error` with what the store said as its cause, and what to do where the machine is in trouble.
    pub(super) fn failed(&self, error: Error, said: &(dyn std::error::Error + 'static)) -> Error {
        let error = match remedy(said) {
            Some(remedy) => error.hint(remedy),
            None => error,
        };
        error.because(self.0.secrets.scrub(&with_causes(said.to_string(), said.source())))
    }

    pub(super) fn fail_listing(&self, prefix: &str, err: &object_store::Error) -> Error {
        let shown = if prefix.is_empty() { self.0.place.as_str() } else { prefix };
        match err {
            object_store::Error::InvalidPath { source } => {
                Error::input(format!("cannot be listed: {source}")).at(shown).hint("rename or remove that object")
            }
            _ => self.fail(shown, err),
        }
    }
}
