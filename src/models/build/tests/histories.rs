//! Incremental is full: random histories of a small company, night by night, each night beside a full refresh.
//!
//! A night brings arrivals, corrections, late files, files sent again or withdrawn, snapshots of references, changed
//! settings, settings tables and SQL, in any mixture, and often only another date. After each one every partition of
//! every model is what a full refresh makes of the same inputs: fingerprints, bytes of what lies in the lake, rows of
//! marts. `.ci/run` tries 200 of them, `TRIBUTARY_HISTORIES=10000 cargo test --lib histories` as many as it says, from
//! the seed `TRIBUTARY_HISTORIES_FROM`.

use arrow::array::{BooleanArray, StringArray};
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use futures::StreamExt;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::state::record::{Input, InputStatus};

/// Which feeds have arrived: read by a month that only asks whether one has.
const ARRIVED: (Layer, &str, &str, &str) = (
    Layer::Intermediate,
    "arrived",
    "select feed from system.feeds where arrived",
    "key = ['feed']\nmaterialised = 'table'\n",
);

/// What a row is worth by a settings table, and whether categories are known at all.
const JUDGED: (Layer, &str, &str, &str) = (
    Layer::Intermediate,
    "judged",
    "select s.business_date, s.category, sum(s.amount * b.weight) as worth, \
     max((select count(*) from arrived where feed = 'products')) as has_products \
     from stg_sales as s left join settings.bands as b on b.category = s.category group by 1, 2",
    "key = ['business_date', 'category']\nmaterialised = 'partitioned'\n\
     [partition]\nby = 'business_date'\nunit = 'month'\n\
     [[checks]]\nkind = 'unique'\ncolumns = ['business_date', 'category']\n\
     [[checks]]\nkind = 'not_null'\ncolumns = ['business_date', 'category']\n",
);

/// A view over a view, and a mart over both.
const KNOWN: (Layer, &str, &str, &str) = (
    Layer::Intermediate,
    "categories_known",
    "select distinct category from products_known where category is not null",
    "key = ['category']\nmaterialised = 'view'\n",
);

const WORTH: (Layer, &str, &str, &str) = (
    Layer::Marts,
    "worth",
    "select k.category, sum(j.worth) as worth, max(j.has_products) as has_products \
     from categories_known as k left join judged as j on j.category = k.category group by 1",
    "grain = 'category'\nkey = ['category']\nmaterialised = 'table'\n\
     [[columns]]\nname = 'category'\ntype = 'text'\n\
     [[columns]]\nname = 'worth'\ntype = 'decimal(18,4)'\n\
     [[columns]]\nname = 'has_products'\ntype = 'bigint'\n",
);

const SENDERS: [&str; 3] = ["p1", "p2", "p3"];
const SKUS: [&str; 4] = ["a", "b", "c", "z"];
const FIRST: &str = "2026-09-24";
/// Days of business that a history spans: over the end of a month.
const DAYS: u64 = 34;

/// A company whose SQL and settings change from night to night.
struct History {
    dice: ChaCha8Rng,
    lab: Lab,
    /// What is written in SQL and settings: each choice one of a few.
    fallback: usize,
    window: usize,
    near_days: usize,
    weight: usize,
    night: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        let dice = ChaCha8Rng::seed_from_u64(seed);
        Self { dice, lab: Lab::new(), fallback: 0, window: 0, near_days: 0, weight: 0, night: 10 }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.dice.random_range(0..sides)
    }

    /// One of several.
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.dice.random_range(0..of.len())]
    }

    /// Some file that came before.
    fn input(&mut self) -> &mut Input {
        let at = self.dice.random_range(0..self.lab.inputs.len());
        &mut self.lab.inputs[at]
    }

    fn date(&mut self, until: u64) -> NaiveDate {
        day(FIRST) + Days::new(self.roll(until.max(1)))
    }

    /// What happens until the next night.
    async fn live(&mut self) {
        self.night = (self.night + 1 + self.roll(12)).min(DAYS);
        for _ in 0..self.roll(4) {
            match self.roll(10) {
                0..=3 => {
                    let date = self.date(self.night);
                    self.sell(date, false).await;
                }
                // Something that was sent before is sent anew, as it should have been.
                4 => {
                    let date = self.date(self.night);
                    self.sell(date, true).await;
                }
                5 => {
                    let again = Days::new(self.night);
                    self.input().resent_at = Some(chrono::DateTime::UNIX_EPOCH + again);
                }
                6 => {
                    let input = self.input();
                    input.status = match input.status {
                        InputStatus::Active => InputStatus::Superseded,
                        _ => InputStatus::Active,
                    };
                }
                7 => {
                    let from = self.date(DAYS).to_string();
                    let category = self.one(&["books", "games", "toys"]);
                    let sku = self.one(&SKUS);
                    self.lab.launch(&from, &[("a", "toys"), (sku, category)]).await;
                }
                8 => match self.roll(2) {
                    0 => self.near_days = self.one(&[0, 1, 2]),
                    _ => self.weight = self.one(&[0, 1, 2]),
                },
                _ => match self.roll(2) {
                    0 => self.fallback = self.one(&[0, 1]),
                    _ => self.window = self.one(&[0, 1]),
                },
            }
        }
    }

    async fn sell(&mut self, date: NaiveDate, corrects: bool) {
        let sender = self.one(&SENDERS);
        let days = 1 + self.roll(3);
        let mut rows = Vec::new();
        for _ in 0..=self.roll(4) {
            let on = (date + Days::new(self.roll(days))).to_string();
            let customer = format!("c{}", self.roll(4));
            let sku = self.one(&SKUS);
            let units = i64::try_from(self.roll(9)).unwrap() - 2;
            let amount = i128::from(self.roll(90_000)) - 10_000;
            rows.push((on, customer, sku, units, amount));
        }
        let rows: Vec<lab::Sale<'_>> =
            rows.iter().map(|row| (row.0.as_str(), row.1.as_str(), row.2, row.3, row.4)).collect();
        let masks = corrects.then_some((date, date + Days::new(days - 1)));
        self.lab.sell(sender, &rows, masks).await;
    }

    /// SQL and settings as they are tonight.
    fn company(&mut self) -> Registry {
        let near_days = [5, 20, 60][self.near_days];
        let weight = [1, 2, 3][self.weight];
        let text = format!(
            "[engine]\nthreads = 2\n[settings]\nnear_days = {near_days}\n\
             [[tables.bands]]\ncategory = 'toys'\nweight = {weight}\n[[tables.bands]]\ncategory = 'books'\nweight = 1\n"
        );
        self.lab.config = Config::parse(&text, std::path::Path::new(".")).unwrap();
        let staging = STAGING.2.replace("'unknown'", ["'unknown'", "'none'"][self.fallback]);
        let (sql, sidecar) = match self.window {
            0 => (RECENT.2.to_string(), RECENT.3.to_string()),
            _ => (RECENT.2.replace("- 29", "- 9"), RECENT.3.replace("= 29", "= 9")),
        };
        let files = [
            (STAGING.0, STAGING.1, staging.as_str(), STAGING.3),
            PRODUCTS,
            (RECENT.0, RECENT.1, sql.as_str(), sidecar.as_str()),
            TOTALS,
            BY_DAY,
            ARRIVED,
            JUDGED,
            KNOWN,
            WORTH,
        ];
        let (registry, problems) = registry(&self.lab.config, &files);
        assert!(problems.is_empty(), "{problems:?}");
        let arrived = |feed: &str| self.lab.inputs.iter().any(|input| input.feed == feed);
        let feeds = ["products", "sales"];
        let truth = BooleanArray::from(feeds.map(arrived).to_vec());
        let columns: [(&str, arrow::array::ArrayRef); 2] =
            [("feed", std::sync::Arc::new(StringArray::from(feeds.to_vec()))), ("arrived", std::sync::Arc::new(truth))];
        self.lab.system = BTreeMap::from([("feeds".to_string(), RecordBatch::try_from_iter(columns).unwrap())]);
        registry
    }

    /// Each partition by its place: fingerprint, and bytes or rows. That a month went since the night before is said
    /// once, by the night that finds it gone, so it is no content.
    async fn content(&self, outcome: &BuildOutcome) -> BTreeMap<(String, String), (String, String)> {
        let mut all = BTreeMap::new();
        let gone = |partition: &&Partition| partition.file.is_none() && partition.fingerprint.is_empty();
        for partition in outcome.partitions.iter().filter(|partition| !gone(partition)) {
            let content = match &partition.file {
                None => "empty".to_string(),
                Some(file) if file.home == Home::Lake => file.sha256.clone(),
                Some(file) => {
                    let bytes = self.lab.stores.marts.get(&file.key).await.unwrap();
                    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
                    let rows: Vec<RecordBatch> = reader.collect::<Result<_, _>>().unwrap();
                    pretty_format_batches(&rows).unwrap().to_string()
                }
            };
            let place = (partition.model.clone(), partition.partition.clone());
            all.insert(place, (partition.fingerprint.clone(), content));
        }
        all
    }
}

/// One history; gives how many partitions its nights reused.
async fn history(seed: u64) -> u64 {
    let mut history = History::new(seed);
    let mut reused = 0;
    history.lab.launch(FIRST, &[("a", "toys"), ("b", "books")]).await;
    for _ in 0..3 {
        let date = history.date(10);
        history.sell(date, false).await;
    }
    for night in 0..3 {
        if night > 0 {
            history.live().await;
        }
        let registry = history.company();
        let as_of = (day(FIRST) + Days::new(history.night)).to_string();
        let incremental = history.lab.build(&registry, &as_of, false).await.unwrap();
        reused += incremental.reused;
        let before = history.lab.previous.clone();
        let full = history.lab.build(&registry, &as_of, true).await.unwrap();
        history.lab.previous = before;
        let (one, other) = (history.content(&incremental).await, history.content(&full).await);
        for (place, content) in &other {
            assert_eq!(one.get(place), Some(content), "seed {seed}, night {night}: {place:?}");
        }
        let more: Vec<_> = one.keys().filter(|place| !other.contains_key(*place)).collect();
        assert!(more.is_empty(), "seed {seed}, night {night}: only in the night that built what was new: {more:?}");
    }
    reused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn incremental_is_full() {
    let wanted = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number of histories"))
    };
    let (count, from) = (wanted("TRIBUTARY_HISTORIES", 40), wanted("TRIBUTARY_HISTORIES_FROM", 0));
    let seeds = futures::stream::iter(from..from + count);
    let reused: u64 = seeds
        .map(|seed| async move { tokio::spawn(history(seed)).await.unwrap_or_else(|err| panic!("seed {seed}: {err}")) })
        .buffer_unordered(2)
        .fold(0, |sum, reused| async move { sum + reused })
        .await;
    assert!(reused > count, "hardly anything was reused: {reused} partitions in {count} histories");
}
