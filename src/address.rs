//! Mail addresses and header text: everything that comes from data is judged here before the mail
//! crate sees it, which panics on a line break in a display name and takes `a@b` for an address.

use std::borrow::Cow;
use std::str::FromStr;

use lettre::Address;
use lettre::message::{Mailbox, Mailboxes};

use crate::error::{Error, Result};
use crate::sha256::sha256_hex;

/// Longest address that mail servers must take (RFC 5321).
const ADDRESS_BYTES_MAX: usize = 254;

/// Refuses what is not a plain `name@host.domain` address.
pub fn validate_address(text: &str) -> Result<()> {
    parse_address(text).map(drop)
}

/// Refuses a sender that is neither `name@host.domain` nor `Name <name@host.domain>`.
pub fn validate_sender(text: &str) -> Result<()> {
    parse_sender(text).map(drop)
}

/// The address as every mail server carries it: a domain in other letters than ASCII by its other name (RFC 5891).
pub(crate) fn carried(text: &str) -> Cow<'_, str> {
    match text.rsplit_once('@') {
        Some((local, domain)) if !domain.is_ascii() => match url::Host::parse(domain) {
            Ok(url::Host::Domain(ascii)) => format!("{local}@{ascii}").into(),
            _ => text.into(),
        },
        _ => text.into(),
    }
}

/// The address in the mail crate's own type, as servers carry it.
pub(crate) fn parse_address(text: &str) -> Result<Address> {
    let written = header_text(text);
    let refuse = |why: &str| {
        Err(Error::config(format!("\"{written}\" is not a mail address: {why}")).hint("write it as name@host.domain"))
    };
    let ascii = carried(text);
    let text = ascii.as_ref();
    if text.len() > ADDRESS_BYTES_MAX {
        return refuse("longer than 254 bytes");
    }
    if !text.is_ascii() {
        return refuse("only ASCII before the @, and a domain that there can be, is carried by every mail server");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return refuse("it holds white space or control characters");
    }
    let Some((local, domain)) = text.rsplit_once('@') else { return refuse("there is no @") };
    if local.is_empty() || local.contains(['@', '<', '>', '"', ',', ';', '(', ')']) {
        return refuse("the part before the @ is empty or quoted");
    }
    if domain != "localhost" && !domain.trim_matches('.').contains('.') {
        return refuse("the part after the @ has no dot");
    }
    match Address::from_str(text) {
        // What the mail crate takes for an address (a domain in brackets) and cannot read in its own header makes no mail.
        Ok(address) if address.to_string().parse::<Mailboxes>().is_err() => refuse("no mail header can hold it"),
        Ok(address) => Ok(address),
        Err(err) => refuse(&err.to_string()),
    }
}

/// A sender with an optional display name, cleared of control characters.
pub(crate) fn parse_sender(text: &str) -> Result<Mailbox> {
    let (name, address) = match text.trim().strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => (header_text(name.trim().trim_matches('"')), address),
        None => (String::new(), text.trim()),
    };
    Ok(Mailbox::new((!name.is_empty()).then_some(name), parse_address(address)?))
}

/// `text` as it may stand in a header: one line, no control characters, no surrounding white space.
pub(crate) fn header_text(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() || is_line_end(c) { ' ' } else { c }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Unicode's own line and paragraph ends, and marks that turn the reading direction.
fn is_line_end(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Names a recipient in keys without showing the address: 32 hex digits, the same whatever the case.
pub fn recipient_hash(address: &str) -> String {
    sha256_hex(address.trim().to_ascii_lowercase().as_bytes())[..32].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_pass() {
        for good in ["wang.li@demo.example", "a+b@x.y", "root@localhost", "O'Hara@mail.example.cn"] {
            assert!(validate_address(good).is_ok(), "{good}");
        }
        let bad = [
            "",
            "nobody",
            "a@b",
            "@x.y",
            "a b@x.y",
            "a@x.y\r\nBcc: all@x.y",
            "a@x.y>",
            "a@b@x.y",
            "王@例子.公司",
            "a@x..y",
            "\"q\"@x.y",
            "a,b@x.y",
            "a@.",
            "x@[127.0.0.1]",
            "x@[10.0.0.1.2]",
        ];
        for text in bad {
            let err = validate_address(text).expect_err(text);
            assert!(err.to_string().contains("is not a mail address"), "{err}");
            assert!(!err.to_string().contains('\n'), "{err:?}");
        }
    }

    #[test]
    fn a_domain_in_other_letters_has_another_name() {
        for (written, known) in [
            ("zhao.min@例子.cn", "zhao.min@xn--fsqu00a.cn"),
            ("a@BÜRO.example", "a@xn--bro-hoa.example"),
            ("a@例子。cn", "a@xn--fsqu00a.cn"),
            ("a@Plain.example", "a@Plain.example"),
        ] {
            assert_eq!(parse_address(written).expect(written).to_string(), known);
        }
        for bad in ["赵@例子.cn", "a@例子", "a@例 子.cn", "a@\u{200d}.cn", "@例子.cn"] {
            let err = validate_address(bad).expect_err(bad).to_string();
            assert!(err.contains(bad), "said as it is written: {err}");
        }
    }

    #[test]
    fn a_sender_may_have_a_name_and_no_line_break_survives() {
        let sender = parse_sender("渠道\r\nBcc: all@x.y <t@demo.example>").expect("valid");
        assert_eq!(sender.name.as_deref(), Some("渠道 Bcc: all@x.y"));
        assert_eq!(sender.email.to_string(), "t@demo.example");
        assert!(parse_sender("t@demo.example").expect("valid").name.is_none());
        assert!(validate_sender("tributary").is_err());
    }

    #[test]
    fn the_hash_ignores_case_and_hides_the_address() {
        assert_eq!(recipient_hash("A@x.y"), recipient_hash("a@X.y"));
        assert_ne!(recipient_hash("a@x.y"), recipient_hash("b@x.y"));
        assert_eq!(recipient_hash("a@x.y").len(), 32);
    }

    #[test]
    fn header_text_is_one_clean_line() {
        assert_eq!(header_text(" a\r\n\tb\u{0}c\u{2028}d\u{202e}e "), "a b c d e");
    }
}
