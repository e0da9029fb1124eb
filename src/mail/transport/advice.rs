//! What to do about a conversation with a mail server that failed: which setting it is about, said by what the server or
//! the protection of the connection said.

use super::{PASSWORD_VARIABLE, USER_VARIABLE};

/// Where in the conversation it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Before any mail: connecting, encrypting, logging in.
    Enter,
    /// At the sender.
    Sender,
    /// At the recipient, or later.
    Recipient,
}

/// What `text` asks for, where that is known.
pub(super) fn of(step: Step, code: Option<u16>, text: &str) -> Option<String> {
    let says = |word: &str| text.contains(word);
    let protection = [
        ("UnknownIssuer", "name the certificate of the authority behind that server in mail.smtp_ca_file (a PEM file)"),
        (
            "CaUsedAsEndEntity",
            "the server shows the certificate of an authority (CA:TRUE) as its own: give it one that is signed by that \
             authority, or one made with CA:FALSE, and keep the authority in mail.smtp_ca_file",
        ),
        ("NotValidForName", "write the name that is in the server's certificate as mail.smtp_host"),
        ("certificate expired", "have the server's certificate renewed"),
        (
            "InvalidContentType",
            "the server begins in clear: mail.smtp_security is to be \"starttls\" on that port, or the port another (465)",
        ),
        ("STARTTLS", "that server wants the connection protected: mail.smtp_security is to be \"starttls\""),
        ("Must issue", "that server wants the connection protected: mail.smtp_security is to be \"starttls\""),
    ];
    if let Some((_, advice)) = protection.iter().find(|(word, _)| says(word)) {
        return Some((*advice).to_string());
    }
    match (step, code) {
        (_, Some(530 | 534 | 535 | 538)) => Some(format!("look at {USER_VARIABLE} and {PASSWORD_VARIABLE}")),
        (Step::Sender, Some(500..600)) => Some("look at mail.from: may that account send from there?".to_string()),
        _ => None,
    }
}

/// A text in which a library says the same thing again and again, each thing said once.
pub(super) fn once(text: &str) -> String {
    let mut said: Vec<&str> = Vec::new();
    for part in text.split(": ") {
        if !said.contains(&part) {
            said.push(part);
        }
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_cause_is_said_once() {
        for (text, told) in [
            (
                "Connection error: Connection error: invalid peer certificate: UnknownIssuer: Connection error: \
                 invalid peer certificate: UnknownIssuer: invalid peer certificate: UnknownIssuer",
                "Connection error: invalid peer certificate: UnknownIssuer",
            ),
            (
                "permanent error (550): 5.1.1 no such user here: 5.1.1 no such user here",
                "permanent error (550): 5.1.1 no such user here",
            ),
            ("network error: timed out", "network error: timed out"),
        ] {
            assert_eq!(once(text), told);
        }
    }
}
