//! Questions to steps of a night.

use super::lab::{COMPANY, Lab, registry};
use super::*;
use crate::models::ask::Questions;

const SOLD: (Layer, &str, &str, &str) = (
    Layer::Intermediate,
    "sold",
    "select sku, sum(quantity) as units from stg_sales group by 1",
    "key = ['sku']\nmaterialised = 'view'\n",
);

/// A step that was added after the last night, and a view of it.
const NEW: (Layer, &str, &str, &str) =
    (Layer::Intermediate, "new_step", "select sku from products_known", "key = ['sku']\nmaterialised = 'table'\n");
const NEW_VIEW: (Layer, &str, &str, &str) =
    (Layer::Intermediate, "new_view", "select sku from new_step", "key = ['sku']\nmaterialised = 'view'\n");

#[tokio::test]
async fn a_step_without_a_row_is_empty_and_one_that_was_never_built_is_none() {
    let mut lab = Lab::new();
    lab.launch("2026-01-01", &[("a", "toys")]).await;
    let built = company(&lab);
    lab.build(&built, "2026-11-22", false).await.unwrap();
    let files: Vec<_> = COMPANY.iter().copied().chain([SOLD, NEW, NEW_VIEW]).collect();
    let (now, problems) = registry(&lab.config, &files);
    assert!(problems.is_empty(), "{problems:?}");
    lab.models = ["totals", "sold", "new_view"].map(str::to_string).to_vec();
    let steps = Questions::steps(lab.plan(&now, "2026-11-22", "asked", false)).await.unwrap();
    // no sale ever came, so that the staged sales have no month
    let rows = |batches: Vec<arrow::record_batch::RecordBatch>| {
        batches.iter().map(arrow::record_batch::RecordBatch::num_rows).sum::<usize>()
    };
    assert_eq!(rows(steps.ask("select * from sold").await.unwrap()), 0);
    assert_eq!(rows(steps.ask("select * from products_known").await.unwrap()), 1);
    let columns = steps.columns("sold").await.unwrap();
    assert_eq!(
        columns,
        [("sku", "text"), ("units", "bigint")].map(|(name, kind)| (name.to_string(), kind.to_string()))
    );
    for lost in ["new_step", "new_view"] {
        let err = steps.ask(&format!("select * from {lost}")).await.unwrap_err().to_string();
        assert!(err.contains(&format!("there is no table `{lost}`")), "{err}");
    }
}
