//! What a store says when it fails: how bad that is, and its words with every known secret struck out.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use crate::error::Kind;

/// The values of environment variables that grant access, kept only to strike them out of texts.
#[derive(Clone, Default)]
pub(super) struct Secrets(Arc<Vec<SecretString>>);

impl Secrets {
    pub(super) fn of(environment: &[(String, String)]) -> Self {
        let grants = |key: &str| {
            ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|start| key.starts_with(start))
                && ["SECRET", "TOKEN", "KEY", "SAS", "PASSWORD"].iter().any(|word| key.contains(word))
        };
        Self(Arc::new(
            environment
                .iter()
                .filter(|(key, value)| grants(&key.to_ascii_uppercase()) && value.len() >= 6)
                .map(|(_, value)| SecretString::from(value.clone()))
                .collect(),
        ))
    }

    /// The text with every known secret struck out.
    pub(super) fn scrub(&self, text: &str) -> String {
        self.0.iter().fold(text.to_string(), |text, secret| text.replace(secret.expose_secret(), "***"))
    }
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

/// An error and its causes in one line, each said once.
pub(super) fn chain(err: &dyn std::error::Error) -> String {
    let mut line = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        let said = err.to_string();
        if !line.contains(&said) {
            line.push_str(": ");
            line.push_str(&said);
        }
        cause = err.source();
    }
    line
}
