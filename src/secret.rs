//! Secrets are kept only to be struck out: whatever a store or a mail server says is shown without them, also where
//! the other side quotes them in base64, in hex or percent-encoded.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use regex::{Captures, Regex};
use secrecy::{ExposeSecret, SecretString};

/// What stands where a secret stood.
const STRUCK: &str = "***";
/// A secret shorter than this would strike out ordinary words.
const SECRET_BYTES_MIN: usize = 6;

/// Values that grant access; never shown, not even for debugging.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(Arc<Vec<SecretString>>);

impl Secrets {
    /// Takes all values that are long enough to be told from words.
    pub(crate) fn new(values: impl IntoIterator<Item = String>) -> Self {
        let long = values.into_iter().filter(|value| value.len() >= SECRET_BYTES_MIN);
        Self(Arc::new(long.map(SecretString::from).collect()))
    }

    /// The text with every secret struck out.
    pub(crate) fn scrub(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_string();
        }
        let plain = self.0.iter().fold(text.to_string(), |text, secret| text.replace(secret.expose_secret(), STRUCK));
        static RUN: OnceLock<Regex> = OnceLock::new();
        let run = RUN.get_or_init(|| Regex::new(r"[A-Za-z0-9+/_%.~-]{8,}").expect("a constant pattern"));
        let strike = |found: &Captures| {
            if self.is_in(&found[0]) { STRUCK.to_string() } else { found[0].to_string() }
        };
        run.replace_all(&plain, strike).into_owned()
    }

    /// Whether a run of letters and digits holds a secret in some encoding.
    fn is_in(&self, run: &str) -> bool {
        let core = run.trim_matches('.');
        let readings =
            [STANDARD_NO_PAD.decode(core).ok(), URL_SAFE_NO_PAD.decode(core).ok(), from_hex(core), from_percent(core)];
        readings.into_iter().flatten().any(|bytes| {
            self.0.iter().any(|secret| {
                let secret = secret.expose_secret().as_bytes();
                bytes.windows(secret.len()).any(|part| part == secret)
            })
        })
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect())
}

fn from_percent(text: &str) -> Option<Vec<u8>> {
    text.contains('%').then(|| {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            let pair = tail.get(..2).filter(|_| *first == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
            let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
            bytes.push(byte.unwrap_or(*first));
            rest = if byte.is_some() { &tail[2..] } else { tail };
        }
        bytes
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_secret_is_struck_out_in_every_encoding() {
        let secrets = Secrets::new(["robot@shop".to_string(), "canary 0x1/ü".to_string(), "ab".to_string()]);
        let login = STANDARD_NO_PAD.encode("\0robot@shop\0canary 0x1/ü");
        let url = URL_SAFE_NO_PAD.encode("xx canary 0x1/ü");
        let hex: String = "canary 0x1/ü".bytes().map(|byte| format!("{byte:02x}")).collect();
        for said in [
            format!("535 5.7.8 bad credentials AUTH PLAIN {login}"),
            format!("535 AUTH LOGIN {login}=="),
            format!("<{url}>"),
            format!("token={hex}."),
            "pass%3Dcanary%200x1%2F%C3%BC".to_string(),
            "you said canary 0x1/ü".to_string(),
        ] {
            let shown = secrets.scrub(&said);
            assert!(shown.contains(STRUCK), "{said}: {shown}");
            for secret in [&login, &url, &hex, "canary 0x1/ü", "canary%20"] {
                assert!(!shown.contains(secret), "{said}: {shown}");
            }
        }
        let honest = "550 5.1.1 mailbox unavailable: wang@demo.example nightly-2026-11-22-ab12";
        assert_eq!(secrets.scrub(honest), honest);
    }
}
