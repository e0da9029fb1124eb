//! What a feed's deliveries come to, said once: `feeds.<feed>_versions`, every version of the things that full
//! snapshots describe, and `feeds.<feed>_newest`, of every key the row that counts.
//!
//! Both are plain SQL over `feeds.<feed>`, written from the feed's contract; `tributary docs` shows it.

use datafusion::common::TableReference;
use datafusion::prelude::SessionContext;

use crate::contract::{Contract, Kind, Replaces};
use crate::error::Result;

/// A table made of a feed's deliveries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// Its name in the schema `feeds`.
    pub table: String,
    /// What a row is, for people.
    pub words: &'static str,
    /// The query.
    pub sql: String,
}

impl History {
    /// What the contract's kind of delivery needs: none where a later file replaces a period whole, or where rows say
    /// themselves until when they hold.
    pub fn of(contract: &Contract) -> Option<Self> {
        let newest = |order: &str| {
            Some(Self { table: format!("{}_newest", contract.name), words: NEWEST, sql: newest(contract, order) })
        };
        match contract.kind {
            Kind::Event if contract.replaces == Replaces::Key => {
                newest("_delivered_at desc, _input desc, _file desc, _line desc")
            }
            Kind::Event => None,
            Kind::Reference if contract.dated_by.is_some() => newest(LATEST_SNAPSHOT),
            Kind::Reference if contract.column("valid_to").is_some() => None,
            Kind::Reference => {
                Some(Self { table: format!("{}_versions", contract.name), words: VERSIONS, sql: versions(contract) })
            }
        }
    }

    /// Makes the table known to `context`, which knows the feed.
    pub(super) async fn register(&self, context: &SessionContext) -> Result<()> {
        let frame = context.sql(&self.sql).await?;
        context.register_table(TableReference::partial("feeds", self.table.as_str()), frame.into_view())?;
        Ok(())
    }
}

const NEWEST: &str = "Of every key the newest row, whichever delivery brought it.";

const VERSIONS: &str = "Every version with the days on which it held. In force on day d: valid_from <= d < valid_to. The \
    first version holds for all earlier days too; what a later snapshot of the same sender leaves out ends there. \
    superseded_from is the start of the next version, whether or not there was a gap: \
    valid_from <= d < superseded_from always finds exactly one.";

const LATEST_SNAPSHOT: &str = "_period_start desc, _delivered_at desc, _sender, _input, _file, _line";

fn newest(contract: &Contract, order: &str) -> String {
    let key = quoted(contract.key.iter().map(String::as_str)).join(", ");
    let columns = contract.columns.iter().map(|column| column.name.as_str());
    let dates = (contract.kind == Kind::Event).then_some("business_date");
    let columns = quoted(dates.into_iter().chain(columns)).join(", ");
    format!(
        "select {columns}, _sender, _file, _line, _input, _delivered_at
from (
    select
        *,
        row_number() over (
            partition by {key}
            order by {order}
        ) as _nth
    from feeds.{feed}
) as ranked
where _nth = 1
",
        feed = contract.name,
    )
}

fn versions(contract: &Contract) -> String {
    let own_start = |name: &str| contract.valid_from.as_deref() == Some(name);
    let key = quoted(contract.key.iter().map(String::as_str).filter(|name| !own_start(name)));
    let columns = contract.columns.iter().map(|column| column.name.as_str()).filter(|name| !own_start(name));
    let columns = quoted(columns).join(", ");
    let starts_on = match &contract.valid_from {
        Some(name) => format!("coalesce({name}, _period_start)"),
        None => "_period_start".to_string(),
    };
    let same = |left: &str, right: &str| {
        let pairs: Vec<String> = key.iter().map(|name| format!("{left}.{name} = {right}.{name}")).collect();
        pairs.join(" and ")
    };
    let absent_key = same("absences", "delivered");
    let key = key.join(", ");
    format!(
        "with delivered as (
    select *, {starts_on} as _starts_on
    from feeds.{feed}
),

snapshots as (
    select
        _sender,
        _period_start,
        lead(_period_start) over (partition by _sender order by _period_start) as next_snapshot_on
    from (select distinct _sender, _period_start from delivered) as days
),

appearances as (
    select
        _sender,
        {key},
        _period_start,
        lead(_period_start) over (partition by _sender, {key} order by _period_start) as next_seen_on
    from (select distinct _sender, {key}, _period_start from delivered) as days
),

absences as (
    select appearances.*, snapshots.next_snapshot_on as _absent_from
    from appearances
    inner join snapshots
        on snapshots._sender = appearances._sender and snapshots._period_start = appearances._period_start
    where snapshots.next_snapshot_on < coalesce(appearances.next_seen_on, date '9999-12-31')
),

ranked as (
    select
        delivered.*,
        absences._absent_from,
        row_number() over (
            partition by {delivered_key}, delivered._starts_on
            order by {order}
        ) as _nth
    from delivered
    left join absences
        on absences._sender = delivered._sender and absences._period_start = delivered._period_start
        and {absent_key}
),

numbered as (
    select
        *,
        row_number() over (partition by {key} order by _starts_on) as _version_no,
        lead(_starts_on) over (partition by {key} order by _starts_on) as _next_starts_on
    from ranked
    where _nth = 1 and _starts_on < coalesce(_absent_from, date '9999-12-31')
)

select
    {columns},
    case when _version_no = 1 then date '1900-01-01' else _starts_on end as valid_from,
    least(coalesce(_next_starts_on, date '9999-12-31'), coalesce(_absent_from, date '9999-12-31')) as valid_to,
    coalesce(_next_starts_on, date '9999-12-31') as superseded_from,
    _sender, _file, _line, _input
from numbered
",
        feed = contract.name,
        delivered_key = prefixed("delivered.", &key),
        order = prefixed("delivered.", LATEST_SNAPSHOT),
    )
}

/// Names as SQL takes them, whatever word they are.
fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(|name| format!("\"{name}\"")).collect()
}

/// `a, b desc` as `t.a, t.b desc`.
fn prefixed(prefix: &str, list: &str) -> String {
    list.split(", ").map(|name| format!("{prefix}{name}")).collect::<Vec<_>>().join(", ")
}
