//! The answer to a partner who has delivered: what was received, accepted and refused, the first reasons, and a
//! sheet with all of them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::address::{header_text, recipient_hash};
use crate::config::Config;
use crate::error::Result;
use crate::mail::message::{self, Attachment};
use crate::mail::words::Words;
use crate::mail::{refusals, render};
use crate::models::refused::Refusal;
use crate::state::record::{Input, InputStatus, OwedMail, RunRecord};

/// Files listed before the rest is counted.
const FILES_MAX: usize = 20;
/// Longest cell in the mail; the sheet has it whole.
const TEXT_CHARS: usize = 160;

/// What a reply is written from.
#[derive(Debug, Clone)]
pub struct Account<'a> {
    /// Settings: company, mail.
    pub config: &'a Config,
    /// The run that took the files in.
    pub run: &'a RunRecord,
    /// This instant.
    pub now: DateTime<Utc>,
    /// Folder name of the sender.
    pub sender: &'a str,
    /// Its name for people.
    pub title: &'a str,
    /// Whom to write to.
    pub contact: &'a str,
    /// Its files of this run.
    pub files: &'a [&'a Input],
    /// Refused rows of these files: rejected, or held back until what they name is known.
    pub refused: &'a [Refusal],
    /// The partner's own headers by feed and canonical column.
    pub headers: &'a BTreeMap<String, BTreeMap<String, String>>,
}

/// A reply, ready to be owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Address.
    pub recipient: String,
    /// Names this mail in keys: a contact may also get a digest, or replies for several senders.
    pub recipient_hash: String,
    /// Subject.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part.
    pub html: String,
    /// The whole message.
    pub message: Vec<u8>,
}

impl Reply {
    /// The entry for the commit, with the message kept in the lake under `body`.
    pub fn owed(&self, body: String, run_id: &str, owed_at: DateTime<Utc>) -> OwedMail {
        OwedMail {
            recipient: self.recipient.clone(),
            recipient_hash: self.recipient_hash.clone(),
            subject: self.subject.clone(),
            body,
            run_id: run_id.to_string(),
            owed_at,
        }
    }
}

/// Everything that the templates print.
#[derive(Debug, Serialize)]
pub(crate) struct View {
    lang: &'static str,
    subject: String,
    colour: &'static str,
    status_word: &'static str,
    company: String,
    title: String,
    day: String,
    lead: String,
    totals: Vec<(&'static str, String, &'static str)>,
    files: Vec<File>,
    more_files: String,
    rows: Vec<Row>,
    sheet: String,
    rule: &'static str,
    answer: String,
    run_id: String,
    t: BTreeMap<&'static str, &'static str>,
}

#[derive(Debug, Serialize)]
struct File {
    name: String,
    line: String,
    refused: bool,
    why: String,
}

#[derive(Debug, Serialize)]
struct Row {
    place: String,
    column: String,
    found: String,
    expected: String,
    advice: &'static str,
}

const AMBER: &str = "#a86510";
const GREEN: &str = "#2a8656";
const GREY: &str = "#7a8594";

/// Writes the reply.
pub fn reply(account: &Account<'_>) -> Result<Reply> {
    let company = &account.config.company;
    let words = Words::new(&company.locale, &company.base_currency).read_on(account.run.logical_date);
    let view = view(account, &words);
    let html = render::page("reply.html", include_str!("templates/reply.html"), &view, &words)?;
    let text = render::plain("reply.txt", include_str!("templates/reply.txt"), &view, &words)?;
    let mut attachments = Vec::new();
    if !account.refused.is_empty() {
        let headers = one_feed(account).and_then(|feed| account.headers.get(feed)).cloned().unwrap_or_default();
        attachments.push(Attachment {
            name: format!("refused_rows_{}.xlsx", account.run.logical_date),
            kind: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            bytes: refusals::xlsx(account.refused, &headers, &words, account.now)?,
        });
    }
    let hash = recipient_hash(&format!("{} {}", account.sender, account.contact));
    let letter = message::Letter {
        from: &account.config.mail.from,
        reply_to: company.head_office.first().map(String::as_str),
        recipient: account.contact,
        hash: &hash,
        subject: &view.subject,
        text: &text,
        html: &html,
        pictures: &[],
        attachments: &attachments,
        status: if account.is_clean() { "received" } else { "refused" },
        run_id: &account.run.run_id,
        job: &account.run.job,
        as_of: account.run.logical_date,
        date: account.now,
    };
    let (_, message) = message::build(&letter)?;
    Ok(Reply {
        recipient: account.contact.to_string(),
        recipient_hash: hash,
        subject: view.subject,
        text,
        html,
        message,
    })
}

impl Account<'_> {
    /// Nothing to be corrected.
    pub fn is_clean(&self) -> bool {
        self.refused.is_empty() && self.files.iter().all(|file| file.status != InputStatus::Quarantined)
    }

    fn held_back(&self, file: Option<&str>) -> u64 {
        let of_file = |row: &&Refusal| file.is_none_or(|key| row.file == key);
        self.refused.iter().filter(of_file).filter(|row| row.outcome == "held_back").count() as u64
    }
}

/// The feed, where all refused rows are of one: only then a header means one thing.
fn one_feed<'a>(account: &Account<'a>) -> Option<&'a str> {
    let first = account.refused.first()?;
    account.refused.iter().all(|row| row.feed == first.feed).then_some(first.feed.as_str())
}

fn view(account: &Account<'_>, words: &Words) -> View {
    let read: u64 = account.files.iter().map(|file| file.rows_read).sum();
    let held = account.held_back(None);
    let clean: u64 = account.files.iter().map(|file| file.rows_clean).sum::<u64>().saturating_sub(held);
    let refused = read.saturating_sub(clean + held);
    let (files, day) = (account.files.len(), account.run.logical_date);
    let clear = account.is_clean();
    let (title, company) = (header_text(account.title), header_text(&account.config.company.name));
    let status_word =
        if clear { words.pick("已收到", "RECEIVED") } else { words.pick("请更正", "PLEASE CORRECT") };
    let open = refused + held;
    let subject = match (clear, open) {
        (true, _) => words.pick(
            format!("{title}：{files} 个文件，{read} 行全部接收 · {}", day.format("%m-%d")),
            format!("{title}: {files} files, all {read} rows accepted · {}", day.format("%m-%d")),
        ),
        (false, 0) => words.pick(
            format!("{title}：有文件未能读取 · {}", day.format("%m-%d")),
            format!("{title}: a file could not be read · {}", day.format("%m-%d")),
        ),
        (false, open) => words.pick(
            format!("{title}：{open} 行未计入，{clean} 行已接收 · {}", day.format("%m-%d")),
            format!("{title}: {open} rows do not count yet, {clean} accepted · {}", day.format("%m-%d")),
        ),
    };
    let whole = account.files.iter().filter(|file| file.status == InputStatus::Quarantined).count();
    let mut lead = if clear {
        words.pick(
            format!("我们收到了 {files} 个文件，{read} 行全部接收，无需处理。"),
            format!("We received {files} files and accepted all {read} rows. Nothing needs to be done."),
        )
    } else {
        words.pick(
            format!("我们收到了 {files} 个文件，共 {read} 行：接收 {clean} 行，拒收 {refused} 行，暂缓 {held} 行。"),
            format!(
                "We received {files} files with {read} rows: {clean} accepted, {refused} refused, {held} held back."
            ),
        )
    };
    if whole > 0 {
        lead.push_str(
            &words.pick(format!("其中 {whole} 个文件整个未能接收。"), format!(" Files refused whole: {whole}.")),
        );
    }
    let rows: Vec<Row> =
        account.refused.iter().take(account.config.mail.reply_rows_max).map(|row| shown(account, row, words)).collect();
    let sheet = match account.refused.len() {
        0 => String::new(),
        all if all > rows.len() => words.pick(
            format!("以上为前 {} 行，附件列出全部 {all} 行。", rows.len()),
            format!("These are the first {}; the sheet attached lists all {all} rows.", rows.len()),
        ),
        _ => words
            .pick("附件列出同样的内容，便于逐行更正。".to_string(), "The sheet attached lists the same.".to_string()),
    };
    let more = files.saturating_sub(FILES_MAX);
    View {
        lang: words.pick("zh-CN", "en"),
        subject: header_text(&format!("[{status_word}] {subject}")),
        colour: if clear { GREEN } else { AMBER },
        status_word,
        company,
        title,
        day: format!("{} {}", words.date(day), words.weekday(day)),
        lead,
        totals: vec![
            (words.pick("接收", "accepted"), clean.to_string(), GREEN),
            (words.pick("拒收", "refused"), refused.to_string(), if refused > 0 { AMBER } else { GREY }),
            (words.pick("暂缓", "held back"), held.to_string(), if held > 0 { AMBER } else { GREY }),
        ],
        files: files_shown(account, words),
        more_files: if more == 0 {
            String::new()
        } else {
            words.pick(format!("……还有 {more} 个文件"), format!("… and {more} more files"))
        },
        rows,
        sheet,
        rule: if clear {
            ""
        } else {
            words.pick(
                "更正后请重新发送整个文件：同一期间的新文件会整体替换旧文件。",
                "Correct the rows and send the whole file again: a new file of the same period takes the place of the old one.",
            )
        },
        answer: match account.config.company.head_office.first() {
            Some(address) => words.pick(
                format!("本邮件由系统自动发送。有疑问请回复本邮件（{address}）。"),
                format!("This mail was written by a machine. Answers reach a person: {address}."),
            ),
            None => words.pick("本邮件由系统自动发送。", "This mail was written by a machine.").to_string(),
        },
        run_id: header_text(&account.run.run_id),
        t: labels(words),
    }
}

fn labels(words: &Words) -> BTreeMap<&'static str, &'static str> {
    let pairs = [
        ("files", "文件", "Files"),
        ("rows", "需要更正的行", "Rows to correct"),
        ("found", "实际", "found"),
        ("expected", "期望", "expected"),
    ];
    pairs.into_iter().map(|(key, zh, en)| (key, words.pick(zh, en))).collect()
}

/// Files refused whole first, then those with refused rows.
fn files_shown(account: &Account<'_>, words: &Words) -> Vec<File> {
    let mut files: Vec<&&Input> = account.files.iter().collect();
    let rank = |file: &Input| (file.status != InputStatus::Quarantined, file.rows_rejected == 0);
    files.sort_by(|a, b| (rank(a), &a.key).cmp(&(rank(b), &b.key)));
    let shown = files.into_iter().take(FILES_MAX).map(|file| {
        let whole = file.status == InputStatus::Quarantined;
        let held = account.held_back(Some(&file.key));
        let (clean, rejected) = (file.rows_clean.saturating_sub(held), file.rows_rejected);
        File {
            name: short(file.key.rsplit('/').next().unwrap_or(&file.key)),
            line: if whole {
                words.pick("整个文件未能接收".to_string(), "refused whole".to_string())
            } else if rejected + held == 0 {
                words.pick(format!("{clean} 行全部接收"), format!("all {clean} rows accepted"))
            } else {
                words.pick(
                    format!("接收 {clean}，拒收 {rejected}，暂缓 {held}"),
                    format!("{clean} accepted, {rejected} refused, {held} held back"),
                )
            },
            refused: whole || rejected + held > 0,
            why: file.reason.as_deref().map(short).unwrap_or_default(),
        }
    });
    shown.collect()
}

fn shown(account: &Account<'_>, row: &Refusal, words: &Words) -> Row {
    let file = row.file.rsplit('/').next().unwrap_or(&row.file);
    let line = row.line.map(|line| words.pick(format!("第 {line} 行"), format!("line {line}"))).unwrap_or_default();
    let own = account.headers.get(&row.feed).and_then(|headers| headers.get(&row.column));
    Row {
        place: format!("{} · {line}", short(file)),
        column: own.unwrap_or(&row.column).clone(),
        found: short(&row.found),
        expected: short(&refusals::expectation(&row.expected, words)),
        advice: refusals::advice(&row.reason, words),
    }
}

/// One clean line of bearable length.
fn short(text: &str) -> String {
    let text = header_text(text);
    if text.chars().count() <= TEXT_CHARS {
        return text;
    }
    let cut: String = text.chars().take(TEXT_CHARS - 1).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests;
