use chrono::TimeZone as _;

use super::*;

fn letter<'a>(subject: &'a str, text: &'a str) -> Letter<'a> {
    Letter {
        from: "tributary <tributary@demo.example>",
        reply_to: None,
        recipient: "wang@demo.example",
        hash: "0123456789abcdef0123456789abcdef",
        subject,
        text,
        html: "<p>渠道</p>",
        pictures: &[],
        attachments: &[],
        status: "alert",
        run_id: "nightly-2026-11-22-ab12",
        job: "nightly",
        as_of: NaiveDate::from_ymd_opt(2026, 11, 22).expect("date"),
        date: Utc.with_ymd_and_hms(2026, 11, 22, 23, 0, 0).single().expect("time"),
    }
}

/// Header lines with their continuations joined.
fn headers(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).expect("ascii");
    let head = text.split("\r\n\r\n").next().expect("head").replace("\r\n ", " ").replace("\r\n\t", " ");
    head.lines().map(str::to_string).collect()
}

#[test]
fn headers_let_mail_programs_thread_and_file_it() {
    let (id, bytes) = build(&letter("[预警] 华东", "你好")).expect("message");
    assert_eq!(id, "<nightly-2026-11-22-ab12.0123456789abcdef@demo.example>");
    let headers = headers(&bytes);
    for line in [
        "From: tributary <tributary@demo.example>".to_string(),
        "To: wang@demo.example".to_string(),
        "Date: Sun, 22 Nov 2026 23:00:00 +0000".to_string(),
        format!("Message-ID: {id}"),
        "References: <daily.nightly.2026-11-22@demo.example>".to_string(),
        "In-Reply-To: <daily.nightly.2026-11-22@demo.example>".to_string(),
        "List-Id: tributary <digest.tributary.demo.example>".to_string(),
        "Auto-Submitted: auto-generated".to_string(),
        "X-Auto-Response-Suppress: All".to_string(),
        "X-Tributary-Status: alert".to_string(),
    ] {
        assert!(headers.contains(&line), "{line}\n{headers:#?}");
    }
    let text = String::from_utf8(bytes).expect("ascii");
    assert!(text.contains("multipart/alternative"), "{text}");
    let plain = text.find("text/plain; charset=utf-8").expect("plain part");
    assert!(plain < text.find("text/html; charset=utf-8").expect("html part"), "the richest part comes last");
}

#[test]
fn a_domain_that_is_not_ascii_goes_as_servers_carry_it() {
    let letter = Letter { reply_to: Some("hilfe@büro.example"), recipient: "zhao.min@例子.cn", ..letter("s", "t") };
    let headers = headers(&build(&letter).expect("message").1);
    for line in ["To: zhao.min@xn--fsqu00a.cn", "Reply-To: hilfe@xn--bro-hoa.example"] {
        assert!(headers.iter().any(|header| header == line), "{line}\n{headers:#?}");
    }
}

#[test]
fn the_same_letter_gives_the_same_bytes() {
    let once = build(&letter("s", "t")).expect("message");
    assert_eq!(once, build(&letter("s", "t")).expect("message"));
    assert!(once.1.iter().all(u8::is_ascii));
}

#[test]
fn nothing_from_data_adds_a_header() {
    for evil in
        ["x\r\nBcc: all@evil.example", "x\nBcc: all@evil.example", "x\u{2028}Bcc: y", "=?utf-8?q?x=0D=0ABcc:_y?="]
    {
        let (_, bytes) = build(&Letter {
            from: "evil\r\nBcc: all@evil.example <tributary@demo.example>",
            status: evil,
            run_id: evil,
            job: evil,
            ..letter(evil, "t")
        })
        .expect("message");
        let headers = headers(&bytes);
        assert!(!headers.iter().any(|line| line.to_ascii_lowercase().starts_with("bcc:")), "{headers:#?}");
    }
    assert!(build(&Letter { recipient: "a@x.y\r\nBcc: b@x.y", ..letter("s", "t") }).is_err());
}

#[test]
fn pictures_stand_beside_the_page_that_shows_them() {
    let pictures = [("chart-1@tributary".to_string(), b"\x89PNG...".to_vec())];
    let (_, bytes) = build(&Letter { pictures: &pictures, ..letter("s", "t") }).expect("message");
    let mail = mailparse::parse_mail(&bytes).expect("a mail");
    assert_eq!(mail.ctype.mimetype, "multipart/alternative");
    assert_eq!(mail.subparts[0].ctype.mimetype, "text/plain");
    let related = &mail.subparts[1];
    assert_eq!(related.ctype.mimetype, "multipart/related");
    assert_eq!(related.subparts[0].ctype.mimetype, "text/html");
    let picture = &related.subparts[1];
    assert_eq!(picture.ctype.mimetype, "image/png");
    let id = picture.headers.iter().find(|header| header.get_key().eq_ignore_ascii_case("content-id"));
    assert_eq!(id.map(mailparse::MailHeader::get_value).as_deref(), Some("<chart-1@tributary>"));
    assert_eq!(picture.get_body_raw().expect("bytes"), b"\x89PNG...");
    let opened = crate::mail::parts::open(&bytes).expect("opened");
    assert_eq!(opened.pictures, pictures);
    assert!(opened.attachments.is_empty());
}
