//! Commands that explain: where a column comes from, what a run did, what everything is.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::args::{Cli, ReportArgs};
use super::inspect::run_named;
use super::run::company;
use super::{Console, Exit, mails};
use crate::error::{Error, Result};
use crate::models;
use crate::pipeline::{self, Company};
use crate::report::page::{Delivery, Lack, Surroundings};
use crate::report::{MailLine, docs, page};
use crate::sender::reference;
use crate::state::State;

/// Shows where a model or a column comes from.
pub(super) async fn lineage(cli: &Cli, target: &str, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let origin = models::lineage(&company.registry, &company.config, target).await?;
    let sources = origin.sources();
    let models = origin.tables().into_iter().filter_map(|name| company.registry.get(name));
    let files: Vec<(&str, &str)> = models.map(|model| (model.name.as_str(), model.path.as_str())).collect();
    if console.json() {
        let files: BTreeMap<&str, &str> = files.into_iter().collect();
        console.document(&json!({"origin": origin, "sources": sources, "files": files}))?;
        return Ok(Exit::Ok);
    }
    for line in origin.tree() {
        console.line(line)?;
    }
    if sources.len() > 1 {
        let list: Vec<String> = sources.into_iter().collect();
        console.line(format!("\ncomes from {}", list.join(", ")))?;
    }
    console.line("\nis made in")?;
    for (_, path) in files {
        console.line(format!("  {path}"))?;
    }
    Ok(Exit::Ok)
}

/// Describes everything in one document.
pub(super) fn docs(cli: &Cli, out: Option<&Path>, schema: bool, console: &Console) -> Result<Exit> {
    if schema {
        return write(out, &serde_json::to_string_pretty(&reference::schema())?, console);
    }
    let company = company(cli)?;
    let own = std::fs::read_to_string(&cli.config)?;
    let text = docs::markdown(&company.config, &own, &company.contracts, &company.registry)?;
    write(out, &text, console)
}

/// Writes the page of one run.
pub(super) async fn report(cli: &Cli, args: &ReportArgs, console: &Console) -> Result<Exit> {
    let company = company(cli)?;
    let state = pipeline::accounts(&company).await?;
    let run = run_named(&state, &args.run)?;
    let night = Seen::of(&company, &state, std::slice::from_ref(&run.run_id)).await?;
    let text = page::html(&night.surroundings(&company, &state, &[]), run)?;
    write(args.out.as_deref(), &text, console)
}

/// What a page of a run shows besides the commits.
pub(super) struct Seen {
    lacking: Vec<Lack>,
    deliveries: Vec<Delivery>,
    mails: BTreeMap<String, Vec<MailLine>>,
}

impl Seen {
    pub(super) async fn of(company: &Company, state: &State, runs: &[String]) -> Result<Self> {
        let lacking = pipeline::lacking(company, state).await?.into_iter().map(|lack| Lack {
            sender: lack.sender,
            feed: lack.feed,
            date: lack.business_date,
            due_by: lack.due_by,
            standing: lack.standing,
        });
        let mut mails: BTreeMap<String, Vec<MailLine>> = BTreeMap::new();
        for mail in state.owed.iter().filter(|mail| runs.contains(&mail.run_id)) {
            let (outcome, detail) = mails::outcome(company, mail).await?;
            let line = MailLine { recipient: mail.recipient.clone(), subject: mail.subject.clone(), outcome, detail };
            mails.entry(mail.run_id.clone()).or_default().push(line);
        }
        Ok(Self { lacking: lacking.collect(), deliveries: deliveries(company, state).await?, mails })
    }

    pub(super) fn surroundings<'a>(
        &'a self,
        company: &'a Company,
        state: &'a State,
        beside: &'a [(String, String)],
    ) -> Surroundings<'a> {
        Surroundings {
            config: &company.config,
            registry: &company.registry,
            senders: &company.senders,
            state,
            lacking: &self.lacking,
            deliveries: &self.deliveries,
            mails: &self.mails,
            beside,
        }
    }
}

/// What became of the files of every day, as the mart of that name has it; nothing where it is not published.
async fn deliveries(company: &Company, state: &State) -> Result<Vec<Delivery>> {
    const MART: &str = "deliveries";
    if !company.registry.is_mart(MART) || !state.partitions().any(|partition| partition.model == MART) {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select sender, feed, business_date, status, late_hours, warning, usual_rows_share from {MART} order by 1, 2, 3"
    );
    let batches = pipeline::questions(company, state, &sql).await?.ask(&sql).await?;
    let delivery = |row: &models::Row| {
        let text = |column: &str| row.get(column).and_then(Value::as_str).map(str::to_string);
        let number = |column: &str| row.get(column).and_then(Value::as_f64);
        Some(Delivery {
            sender: text("sender")?,
            feed: text("feed")?,
            date: text("business_date")?.parse().ok()?,
            status: text("status")?,
            late_hours: number("late_hours"),
            warning: text("warning"),
            usual_share: number("usual_rows_share"),
        })
    };
    Ok(models::outcome::rows(&batches)?.iter().filter_map(delivery).collect())
}

fn write(out: Option<&Path>, text: &str, console: &Console) -> Result<Exit> {
    match out {
        None => console.raw(text.as_bytes())?,
        Some(path) => {
            std::fs::write(path, text).map_err(|err| Error::from(err).at(path.display()))?;
            if console.json() {
                console.document(&json!({"file": path, "bytes": text.len()}))?;
            } else {
                console.line(format!("written to {}", path.display()))?;
            }
        }
    }
    Ok(Exit::Ok)
}
