//! Intake reads every fixture: only what is planted is refused, and what arrives is what was sold.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray, Decimal128Array, Int64Array, StringArray};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type};
use chrono::{DateTime, Utc};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::config::{Config, REFERENCE};
use crate::intake::{Outcome, RawFile, Spool, stage_file};
use crate::sha256::sha256_hex;

/// Stages every file below fixtures/inbox: outcome by key.
fn stage_all(out: &Path) -> BTreeMap<String, Outcome> {
    let contracts = Contracts::load(&root().join("jobs")).unwrap();
    let senders = Senders::load(&root().join("jobs"), &contracts).unwrap();
    let config = Config::parse(REFERENCE, root()).unwrap();
    let inbox = root().join("fixtures/inbox");
    files(&inbox)
        .into_iter()
        .enumerate()
        .map(|(number, (name, bytes))| {
            let key = name.to_str().unwrap().to_string();
            let (sender, feed) = senders.of_key(&key).unwrap();
            let raw = RawFile {
                sender: sender.name.clone(),
                feed: feed.feed.clone(),
                key: key.clone(),
                content: Spool::Disk(inbox.join(&name)),
                bytes: bytes.len() as u64,
                version: sha256_hex(&bytes),
                last_modified: DateTime::<Utc>::UNIX_EPOCH,
            };
            let folder = out.join(number.to_string());
            std::fs::create_dir_all(&folder).unwrap();
            let contract = contracts.get(&feed.feed).unwrap();
            let zone = config.company.time_zone;
            let staged = stage_file(&raw, feed, contract, &config.intake, zone, "CNY", &folder).unwrap();
            (key, staged)
        })
        .collect()
}

/// The files that a story's label names.
fn told(story: &str) -> BTreeSet<String> {
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(root().join("fixtures/labels.json")).unwrap()).unwrap();
    let labels = truth["labels"].as_array().unwrap().iter().filter(|label| label["story"] == story);
    labels.flat_map(|label| label["files"].as_array().unwrap()).map(|file| file.as_str().unwrap().into()).collect()
}

/// Lines, units, and net in ten-thousandths of the currency, by partner.
type Sums = BTreeMap<String, (usize, i64, i128)>;

/// Adds up one staged sales file.
fn add_up(staged: &Spool, sums: &mut Sums) {
    let Spool::Disk(path) = staged else { panic!("rows of a file on disk are on disk") };
    let file = std::fs::File::open(path).unwrap();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let partner: &StringArray = column("partner_id").as_string();
        let quantity: &Int64Array = column("quantity").as_primitive::<Int64Type>();
        let price: &Decimal128Array = column("unit_price").as_primitive::<Decimal128Type>();
        let discount: &Decimal128Array = column("discount_amount").as_primitive::<Decimal128Type>();
        let dates = column("business_date").as_primitive::<Date32Type>();
        assert_eq!(dates.null_count(), 0);
        for row in 0..batch.num_rows() {
            let sum = sums.entry(partner.value(row).into()).or_default();
            sum.0 += 1;
            sum.1 += quantity.value(row);
            sum.2 += i128::from(quantity.value(row)) * price.value(row) - discount.value(row);
        }
    }
}

#[test]
fn intake_takes_every_fixture_and_refuses_only_what_is_planted() {
    let temp = tempfile::tempdir().unwrap();
    let staged = stage_all(temp.path());
    let quarantined: BTreeSet<String> =
        staged.iter().filter(|(_, outcome)| outcome.quarantined.is_some()).map(|(key, _)| key.clone()).collect();
    let reasons: Vec<&String> = staged.values().filter_map(|outcome| outcome.quarantined.as_ref()).collect();
    assert_eq!(quarantined, told("broken_file"), "{reasons:?}");
    let spoilt: BTreeSet<String> = staged
        .iter()
        .filter(|(_, outcome)| outcome.quarantined.is_none() && outcome.rows_rejected > 0)
        .map(|(key, _)| key.clone())
        .collect();
    assert_eq!(spoilt, told("bad_rows"));
    for (key, outcome) in &staged {
        assert_eq!(outcome.rows_read, outcome.rows_clean + outcome.rows_rejected, "{key}");
        let expected = |warning: &String| warning.ends_with("total lines passed over");
        let fine = outcome.quarantined.is_some() || outcome.warnings.iter().all(expected);
        assert!(fine, "{key}: {:?}", outcome.warnings);
        let delivered = outcome.delivered_at.unwrap();
        assert!(key.contains(&delivered.format("_%Y%m%dT%H%M.").to_string()), "{key}: {delivered}");
    }
    for key in told("bad_rows") {
        let outcome = &staged[&key];
        assert_eq!(outcome.rows_rejected, 3, "{:?}", outcome.reasons);
        assert_eq!(outcome.reasons.len(), 3, "{:?}", outcome.reasons);
    }
    let month = &staged["retail/sales/sales_2026-02_20260228T1613.csv.gz"];
    assert_eq!((month.period_start, month.period_end), (Some(date(2026, 2, 1)), Some(date(2026, 2, 28))));
    arrived_is_sold(&staged);
}

/// Whatever a sender calls its columns, the sums are those of what was sold.
fn arrived_is_sold(staged: &BTreeMap<String, Outcome>) {
    let mut arrived = Sums::new();
    for (key, outcome) in staged.iter().filter(|(key, _)| key.contains("/sales/")) {
        if let Some(path) = outcome.staged.as_ref().filter(|_| !key.contains("_resend_")) {
            add_up(path, &mut arrived);
        }
    }
    let (world, core_customers) = world(&Options::fixture("unused"));
    let mut sold = Sums::new();
    for line in all_sales(&world, &core_customers) {
        let partner = &world.partners[usize::from(line.partner)].id;
        // The file of the franchise shops' last day never came.
        if partner.starts_with('F') && line.day == world.last_day() {
            continue;
        }
        let sum = sold.entry(partner.clone()).or_default();
        sum.0 += 1;
        sum.1 += line.quantity;
        sum.2 += i128::from(line.net()) * 100;
    }
    // Whose files are broken, spoilt or corrected: own shops, the media house, one distributor.
    let whole = |id: &String| !["D001", "D002", "S501", "L601", "L602", "C701", "P103"].contains(&id.as_str());
    arrived.retain(|id, _| whole(id));
    sold.retain(|id, _| whole(id));
    assert_eq!(arrived, sold);
}
