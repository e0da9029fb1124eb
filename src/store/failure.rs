//! What a store says when it fails: how bad that is, and its words with every known secret struck out.

use crate::error::{Error, Kind};
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
pub(super) fn kind_of(err: &object_store::Error) -> Kind {
    use object_store::Error as Store;
    match err {
        Store::NotFound { .. } | Store::InvalidPath { .. } => Kind::Input,
        Store::PermissionDenied { .. } | Store::Unauthenticated { .. } | Store::UnknownConfigurationKey { .. } => {
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
