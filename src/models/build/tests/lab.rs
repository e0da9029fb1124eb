//! A small company in memory, for tests of the build.

use std::sync::Arc;

use arrow::array::{Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Date32Type, Field, Schema, SchemaRef};
use chrono::{DateTime, NaiveDate};
use parquet::arrow::ArrowWriter;

use super::*;
use crate::config::Config;
use crate::models::Layer;
use crate::models::model::{Feed, FeedKind, Source};
use crate::models::month::Month;
use crate::models::types::ColumnType;
use crate::state::record::{Input, InputStatus};
use crate::store::Stores;
use crate::store::{FileRef, Home, Store, keys};

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Models as (layer, name, sql, sidecar).
pub(super) type Files<'a> = &'a [(Layer, &'a str, &'a str, &'a str)];

pub(super) const STAGING: (Layer, &str, &str, &str) = (
    Layer::Staging,
    "stg_sales",
    "select s.business_date, s.customer_id, s.sku, s.quantity, s.amount, coalesce(p.category, 'unknown') as category, \
     s._input from feeds.sales as s left join products_known as p on p.sku = s.sku",
    "grain = 'line'\nkey = ['business_date', 'customer_id', 'sku']\nmaterialised = 'partitioned'\n\
     [partition]\nby = 'business_date'\nunit = 'month'\n",
);

pub(super) const PRODUCTS: (Layer, &str, &str, &str) = (
    Layer::Staging,
    "products_known",
    "select sku, max_by(category, _period_start) as category from feeds.products group by sku",
    "key = ['sku']\nmaterialised = 'view'\n",
);

pub(super) const RECENT: (Layer, &str, &str, &str) = (
    Layer::Intermediate,
    "recent",
    "with days as (select business_date, sum(amount) as amount, sum(quantity) as units from stg_sales group by 1) \
     select d.business_date, sum(e.amount) as amount_30, sum(e.units) as units_30 from days as d \
     join days as e on e.business_date between d.business_date - 29 and d.business_date group by 1",
    "key = ['business_date']\nmaterialised = 'partitioned'\n\
     [partition]\nby = 'business_date'\nunit = 'month'\n[partition.lookback_days]\nstg_sales = 29\n",
);

pub(super) const TOTALS: (Layer, &str, &str, &str) = (
    Layer::Marts,
    "totals",
    "select s.category, sum(s.amount) as amount, \
     sum(s.amount) filter (where s.business_date > $as_of_date - $near_days) as near_amount, \
     cast(max(r.units_30) as bigint) as best_units \
     from stg_sales as s join recent as r on r.business_date = s.business_date group by s.category",
    "grain = 'category'\nkey = ['category']\nmaterialised = 'table'\n\
     [description]\nen = 'Totals'\nzh = '合计'\n\
     [[columns]]\nname = 'category'\ntype = 'text'\nen = 'Category'\nzh = '品类'\n\
     [[columns]]\nname = 'amount'\ntype = 'decimal(18,4)'\nunit = 'CNY'\nen = 'Amount'\nzh = '金额'\n\
     [[columns]]\nname = 'near_amount'\ntype = 'decimal(18,4)'\n\
     [[columns]]\nname = 'best_units'\ntype = 'bigint'\n\
     [[checks]]\nkind = 'unique'\ncolumns = ['category']\n",
);

pub(super) const BY_DAY: (Layer, &str, &str, &str) = (
    Layer::Marts,
    "by_day",
    "select business_date, count(*) as lines, sum(amount) as amount from stg_sales group by 1",
    "grain = 'day'\nkey = ['business_date']\nmaterialised = 'partitioned'\n\
     [partition]\nby = 'business_date'\nunit = 'month'\n\
     [[columns]]\nname = 'business_date'\ntype = 'date'\n\
     [[columns]]\nname = 'lines'\ntype = 'bigint'\n\
     [[columns]]\nname = 'amount'\ntype = 'decimal(18,4)'\n",
);

/// Days since the first sale, of which most have none; what was sold before the month is looked back for.
pub(super) const SERIES: (Layer, &str, &str, &str) = (
    Layer::Marts,
    "series",
    "with first as (select min(business_date) as first_day from stg_sales), \
     days as (select unnest(generate_series(greatest(first_day, $partition_from), $partition_to, interval '1 day')) \
     as day from first where first_day is not null) select cast(day as date) as business_date from days",
    "grain = 'day'\nkey = ['business_date']\nmaterialised = 'partitioned'\n\
     [partition]\nby = 'business_date'\nunit = 'month'\n[partition.lookback_days]\nstg_sales = 62\n\
     [[columns]]\nname = 'business_date'\ntype = 'date'\n",
);

pub(super) const COMPANY: Files<'static> = &[STAGING, PRODUCTS, RECENT, TOTALS, BY_DAY];

pub(super) fn registry(config: &Config, files: Files<'_>) -> (Registry, Vec<Error>) {
    let sources = files.iter().map(|(layer, name, sql, sidecar)| Source {
        layer: *layer,
        name: (*name).to_string(),
        path: format!("sql/{}/{name}", layer.folder()),
        sql: (*sql).to_string(),
        sidecar: (*sidecar).to_string(),
    });
    let feed = |name: &str, kind, dated_by: Option<&str>| {
        (name.to_string(), Feed { dated_by: dated_by.map(str::to_string), ..Feed::new(kind, schema(name)) })
    };
    let feeds = [
        feed("sales", FeedKind::Event, None),
        feed("products", FeedKind::Reference, None),
        feed("rates", FeedKind::Reference, Some("rate_date")),
    ];
    Registry::from_sources(config, feeds.into_iter().collect(), sources.collect()).unwrap()
}

fn schema(feed: &str) -> SchemaRef {
    let own: &[(&str, ColumnType)] = match feed {
        "sales" => &[
            ("customer_id", ColumnType::Text),
            ("sku", ColumnType::Text),
            ("quantity", ColumnType::Bigint),
            ("amount", ColumnType::Decimal(18, 4)),
            ("business_date", ColumnType::Date),
        ],
        "rates" => &[("rate_date", ColumnType::Date), ("rate", ColumnType::Bigint)],
        _ => &[("sku", ColumnType::Text), ("category", ColumnType::Text)],
    };
    let lineage = [
        ("_sender", ColumnType::Text),
        ("_file", ColumnType::Text),
        ("_line", ColumnType::Bigint),
        ("_input", ColumnType::Text),
        ("_delivered_at", ColumnType::Timestamp),
        ("_period_start", ColumnType::Date),
        ("_period_end", ColumnType::Date),
    ];
    let fields = own.iter().chain(&lineage).map(|(name, kind)| Field::new(*name, kind.arrow(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// One sale: date, customer, sku, quantity, amount in ten-thousandths.
pub(super) type Sale<'a> = (&'a str, &'a str, &'a str, i64, i128);

pub(super) struct Lab {
    pub(super) config: Config,
    pub(super) stores: Stores,
    pub(super) inputs: Vec<Input>,
    pub(super) previous: BTreeMap<(String, String), Partition>,
    pub(super) made: crate::models::plan::Written,
    pub(super) runs: u32,
    pub(super) models: Vec<String>,
    pub(super) system: BTreeMap<String, RecordBatch>,
}

impl Lab {
    pub(super) fn new() -> Self {
        let config = Config::parse("[engine]\nthreads = 2\n", std::path::Path::new(".")).unwrap();
        let stores = Stores::from_parts(Store::memory(), Store::memory(), Store::memory());
        Self {
            config,
            stores,
            inputs: Vec::new(),
            previous: BTreeMap::new(),
            made: BTreeMap::new(),
            runs: 0,
            models: vec!["*".to_string()],
            system: BTreeMap::new(),
        }
    }

    /// Takes in a file of sales; what `masks` names of older files of the sender does not count any more.
    pub(super) async fn sell(&mut self, sender: &str, rows: &[Sale<'_>], masks: Option<(NaiveDate, NaiveDate)>) {
        if let Some(range) = masks {
            for input in self.inputs.iter_mut().filter(|input| input.sender == sender && input.feed == "sales") {
                input.masked.push(range);
            }
        }
        let dates: Vec<NaiveDate> = rows.iter().map(|row| day(row.0)).collect();
        let days: Vec<i32> = dates.iter().map(|date| Date32Type::from_naive_date(*date)).collect();
        let columns: Vec<arrow::array::ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.2))),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.3))),
            Arc::new(
                Decimal128Array::from_iter_values(rows.iter().map(|row| row.4))
                    .with_data_type(DataType::Decimal128(18, 4)),
            ),
            Arc::new(Date32Array::from(days)),
        ];
        self.stage("sales", sender, columns, &dates, &format!("{rows:?}")).await;
    }

    /// Takes in a snapshot of rates, each of a date.
    pub(super) async fn quote(&mut self, snapshot: &str, rows: &[(&str, i64)]) {
        let days = rows.iter().map(|row| Date32Type::from_naive_date(day(row.0)));
        let columns: Vec<arrow::array::ArrayRef> = vec![
            Arc::new(Date32Array::from_iter_values(days)),
            Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))),
        ];
        let text = format!("{snapshot}{rows:?}");
        self.stage("rates", "head", columns, &vec![day(snapshot); rows.len()], &text).await;
        let mut contents: BTreeMap<String, String> = BTreeMap::new();
        for (date, rate) in rows {
            contents.entry(Month::of(day(date)).to_string()).or_default().push_str(&format!("{date}={rate} "));
        }
        self.inputs.last_mut().unwrap().contents = contents;
    }

    /// Takes in a snapshot of products: sku and category, valid from a date.
    pub(super) async fn launch(&mut self, from: &str, rows: &[(&str, &str)]) {
        let columns: Vec<arrow::array::ArrayRef> = vec![
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
            Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.1))),
        ];
        self.stage("products", "head", columns, &vec![day(from); rows.len()], &format!("{from}{rows:?}")).await;
    }

    async fn stage(
        &mut self,
        feed: &str,
        sender: &str,
        mut columns: Vec<arrow::array::ArrayRef>,
        dates: &[NaiveDate],
        text: &str,
    ) {
        let hash = crate::sha256::sha256_hex;
        let sha256 = hash(format!("{feed}{sender}{text}").as_bytes());
        let (first, last) = (*dates.iter().min().unwrap(), *dates.iter().max().unwrap());
        let count = dates.len();
        let same = |value: &str| Arc::new(StringArray::from(vec![value; count])) as arrow::array::ArrayRef;
        let date = |date| Arc::new(Date32Array::from(vec![Date32Type::from_naive_date(date); count])) as _;
        columns.extend([
            same(sender),
            same("file.csv"),
            Arc::new(Int64Array::from_iter_values(1..=i64::try_from(count).unwrap())) as _,
            same(&sha256),
            Arc::new(TimestampMicrosecondArray::from(vec![0; count]).with_timezone("UTC")) as _,
            date(first),
            date(last),
        ]);
        let batch = RecordBatch::try_new(schema(feed), columns).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let key = keys::staged(feed, sender, &sha256, "c1", "run");
        let file = FileRef {
            home: Home::Lake,
            key: key.clone(),
            sha256: hash(&bytes),
            rows: count as u64,
            bytes: bytes.len() as u64,
        };
        self.stores.lake.put(&key, bytes).await.unwrap();
        let mut months = BTreeMap::new();
        for date in dates {
            *months.entry(Month::of(*date).to_string()).or_default() += 1;
        }
        self.inputs.push(Input {
            sender: sender.to_string(),
            feed: feed.to_string(),
            sha256,
            key: "in/file.csv".to_string(),
            bytes: 1,
            etag: None,
            last_modified: DateTime::UNIX_EPOCH,
            resent_at: None,
            lost: false,
            by_cell: false,
            delivered_at: DateTime::UNIX_EPOCH,
            period_start: Some(first),
            period_end: Some(last),
            status: InputStatus::Active,
            reason: None,
            contract_fingerprint: "c1".to_string(),
            run_id: "run".to_string(),
            rows_read: count as u64,
            rows_clean: count as u64,
            rows_rejected: 0,
            warnings: Vec::new(),
            drift: Vec::new(),
            staged: Some(file),
            rejects: None,
            months,
            contents: BTreeMap::new(),
            first_date: Some(first),
            last_date: Some(last),
            named: None,
            marks: BTreeMap::new(),
            masked: Vec::new(),
            without: Vec::new(),
        });
    }

    /// Builds; what comes out may be reused by the next build.
    pub(super) async fn build(&mut self, registry: &Registry, as_of: &str, full_refresh: bool) -> Result<BuildOutcome> {
        self.runs += 1;
        let run_id = format!("run{}", self.runs);
        let outcome = build(self.plan(registry, as_of, &run_id, full_refresh), &|_| ()).await?;
        for partition in &outcome.partitions {
            self.previous.insert((partition.model.clone(), partition.partition.clone()), partition.clone());
        }
        Ok(outcome)
    }

    pub(super) fn plan<'a>(
        &'a self,
        registry: &'a Registry,
        as_of: &str,
        run_id: &'a str,
        full_refresh: bool,
    ) -> BuildPlan<'a> {
        BuildPlan {
            registry,
            config: &self.config,
            stores: &self.stores,
            as_of_date: day(as_of),
            run_id,
            models: &self.models,
            inputs: &self.inputs,
            system: self.system.clone(),
            previous: self.previous.clone(),
            made: &self.made,
            full_refresh,
        }
    }
}

/// The rows of a query as text.
pub(super) async fn ask(outcome: &BuildOutcome, sql: &str) -> Vec<String> {
    let rows = outcome.query(sql).await.unwrap();
    rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect()
}
