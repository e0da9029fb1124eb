use chrono::{TimeZone as _, Utc};

use super::*;
use crate::config::Config;

use crate::mail::smtp_server::{AUTHORITY_PEM, Fault, SELF_PEM, Security, Sink};

fn owed(recipient: &str, run_id: &str) -> OwedMail {
    OwedMail {
        recipient: recipient.into(),
        recipient_hash: crate::address::recipient_hash(recipient),
        subject: "s".into(),
        body: "outbox/x".into(),
        run_id: run_id.into(),
        owed_at: Utc.with_ymd_and_hms(2026, 11, 23, 2, 0, 0).single().expect("time"),
    }
}

fn smtp(extra: &str) -> Mail {
    let text = format!("[mail]\ntransport = \"smtp\"\n{extra}");
    Config::parse(&text, Path::new("/x")).expect("config").mail
}

#[tokio::test]
async fn files_lie_by_date_and_recipient_and_never_replace_another_mail() {
    let folder = tempfile::tempdir().expect("folder");
    let transport = Transport::File(folder.path().to_path_buf());
    let send = async |owed: &OwedMail, text: &str| match transport.send(owed, text.as_bytes()).await {
        Outcome::Taken(path) => PathBuf::from(path).strip_prefix(folder.path()).expect("below").display().to_string(),
        other => panic!("{other:?}"),
    };
    let one = owed("wang@demo.example", "nightly-2026-11-22-ab12");
    assert_eq!(send(&one, "hello").await, "2026-11-22/wang@demo.example.eml");
    // The same message again is the same file; another run's message stands beside it.
    assert_eq!(send(&one, "hello").await, "2026-11-22/wang@demo.example.eml");
    let two = owed("wang@demo.example", "nightly-2026-11-22-cd34");
    assert_eq!(send(&two, "other").await, "2026-11-22/wang@demo.example--nightly-2026-11-22-cd34.eml");
    assert_eq!(std::fs::read_to_string(folder.path().join("2026-11-22/wang@demo.example.eml")).expect("file"), "hello");
    // Domains of as many letters are two files.
    assert_eq!(send(&owed("zhao@例子.cn", "x"), "x").await, "2026-11-23/zhao@xn--fsqu00a.cn.eml");
    assert_eq!(send(&owed("zhao@公司.cn", "x"), "y").await, "2026-11-23/zhao@xn--55qx5d.cn.eml");
    let odd = owed("../a/b@demo.example", "odd");
    assert_eq!(send(&odd, "x").await, "2026-11-23/_.._a_b@demo.example.eml");
    let names: Vec<_> = std::fs::read_dir(folder.path().join("2026-11-22")).expect("folder").collect();
    assert_eq!(names.len(), 2, "nothing is left aside: {names:?}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_tried_again_later() {
    let file = tempfile::NamedTempFile::new().expect("file");
    let transport = Transport::File(file.path().to_path_buf());
    assert!(matches!(transport.send(&owed("a@x.y", "r"), b"x").await, Outcome::Later(_)));
}

#[test]
fn clear_text_is_for_this_machine_only() {
    let none = |_: &str| None;
    for host in ["localhost", "127.0.0.1", "::1", "127.9.9.9"] {
        let mail = smtp(&format!("smtp_host = \"{host}\"\nsmtp_security = \"none\""));
        assert!(Transport::new(&mail, none).is_ok(), "{host}");
    }
    let text = "[mail]\ntransport = \"smtp\"\nsmtp_host = \"mail.example\"\nsmtp_security = \"none\"";
    let err = Config::parse(text, Path::new("/x")).expect_err("refused");
    assert!(err.to_string().contains("mail.example; that is for a server on this machine only"), "{err}");
    for security in ["starttls", "tls"] {
        let mail = smtp(&format!("smtp_host = \"mail.example\"\nsmtp_security = \"{security}\""));
        assert!(Transport::new(&mail, none).is_ok(), "{security}");
    }
}

#[test]
fn credentials_come_in_pairs_and_are_never_shown() {
    let mail = smtp("smtp_host = \"mail.example\"");
    let only_user = |name: &str| (name == USER_VARIABLE).then(|| "robot".to_string());
    let err = Transport::new(&mail, only_user).expect_err("refused");
    assert_eq!(err.to_string(), "TRIBUTARY_SMTP_USER is set but TRIBUTARY_SMTP_PASSWORD is not");
    let both = |_: &str| Some("canary-5c1f".to_string());
    let transport = Transport::new(&mail, both).expect("transport");
    assert!(!format!("{transport:?}").contains("canary-5c1f"), "{transport:?}");
}

/// One mail to a server that protects the connection in this way; `ca` is `mail.smtp_ca_file`.
async fn send_protected(security: Security, setting: &str, host: &str, ca: &str) -> (Outcome, usize) {
    let sink = Sink::start_with(Fault::None, security).await;
    let mail = smtp(&format!(
        "smtp_host = \"{host}\"\nsmtp_port = {}\nsmtp_security = \"{setting}\"\nsmtp_ca_file = \"{ca}\"\n\
         smtp_timeout_seconds = 10",
        sink.port()
    ));
    let transport = Transport::new(&mail, |_| Some("canary-90ee".to_string())).expect("transport");
    let message = b"Message-ID: <a@x>\r\nTo: wang@demo.example\r\n\r\nhello\r\n";
    let outcome = transport.send(&owed("wang@demo.example", "nightly-2026-11-22-ab12"), message).await;
    (outcome, sink.arrived().len())
}

#[tokio::test]
async fn mails_leave_through_tls_from_the_first_byte_and_by_starttls() {
    for (security, setting) in [(Security::Tls, "tls"), (Security::StartTls, "starttls")] {
        let (outcome, arrived) = send_protected(security, setting, "localhost", AUTHORITY_PEM).await;
        assert!(matches!(&outcome, Outcome::Taken(_)), "{setting}: {outcome:?}");
        assert_eq!(arrived, 1, "{setting}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_prove_who_it_is_gets_no_mail_and_no_password() {
    // An authority that nobody declared, and a name that the certificate does not have.
    for (host, ca) in [("localhost", ""), ("127.0.0.1", AUTHORITY_PEM)] {
        for (security, setting) in [(Security::Tls, "tls"), (Security::StartTls, "starttls")] {
            let (outcome, arrived) = send_protected(security, setting, host, ca).await;
            let Outcome::Unreachable(text) = outcome else { panic!("{setting} {host}: {outcome:?}") };
            assert!(text.contains("certificate"), "{text}");
            assert!(!text.contains("canary-90ee"), "{text}");
            assert_eq!(arrived, 0);
        }
    }
    // A server without TLS where TLS is asked for.
    let (outcome, arrived) = send_protected(Security::Clear, "starttls", "localhost", AUTHORITY_PEM).await;
    assert!(!matches!(outcome, Outcome::Taken(_)), "{outcome:?}");
    assert_eq!(arrived, 0);
}

/// The way to a server is tried as `doctor` does.
async fn advice(security: Security, setting: &str, host: &str, ca: &str) -> (String, String) {
    let sink = Sink::start_with(Fault::None, security).await;
    let mail = smtp(&format!(
        "smtp_host = \"{host}\"\nsmtp_port = {}\nsmtp_security = \"{setting}\"\nsmtp_ca_file = \"{ca}\"\n\
         smtp_timeout_seconds = 10",
        sink.port()
    ));
    let err = Transport::new(&mail, |_| None).expect("transport").check(None).await.expect_err("refused");
    (err.to_string(), err.advice().unwrap_or_default().to_string())
}

#[tokio::test]
async fn what_is_wrong_with_the_protection_is_said_once_with_the_setting_that_helps() {
    let (found, advised) = advice(Security::Tls, "tls", "localhost", "").await;
    assert_eq!(found.matches("UnknownIssuer").count(), 1, "{found}");
    assert_eq!(found.matches("onnection error").count(), 1, "{found}");
    assert!(advised.contains("mail.smtp_ca_file"), "{advised}");
    let (found, advised) = advice(Security::TlsOfAuthority, "tls", "localhost", SELF_PEM).await;
    assert!(found.contains("CaUsedAsEndEntity") && advised.contains("CA:FALSE"), "{found} / {advised}");
    let (found, advised) = advice(Security::Tls, "tls", "127.0.0.1", AUTHORITY_PEM).await;
    assert!(advised.contains("mail.smtp_host"), "{found} / {advised}");
    let (found, advised) = advice(Security::Clear, "tls", "localhost", AUTHORITY_PEM).await;
    assert!(advised.contains("\"starttls\""), "{found} / {advised}");
}

#[test]
fn an_authority_file_that_is_none_is_told_at_once() {
    let none = |_: &str| None;
    let with = |path: &str| {
        let mail = smtp(&format!("smtp_host = \"mail.example\"\nsmtp_ca_file = \"{path}\""));
        Transport::new(&mail, none).map(|_| ()).expect_err("refused").to_string()
    };
    assert!(with("/no/such/ca.pem").contains("mail.smtp_ca_file cannot be read"), "{}", with("/no/such/ca.pem"));
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    assert!(with(text).contains("mail.smtp_ca_file holds no certificate"), "{}", with(text));
}
