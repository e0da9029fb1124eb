use std::path::Path;

use super::*;
use crate::models::model::FeedKind;
use crate::models::system;

fn config() -> Config {
    Config::parse("", Path::new(".")).unwrap()
}

fn source(layer: Layer, name: &str, sql: &str) -> Source {
    Source {
        layer,
        name: name.to_string(),
        path: format!("sql/{}/{name}", layer.folder()),
        sql: sql.to_string(),
        sidecar: "materialised = 'view'\n".to_string(),
    }
}

fn read(sources: Vec<Source>) -> (Registry, Vec<String>) {
    let feed = Feed::new(FeedKind::Event, system::schema("feeds").unwrap());
    let feeds = BTreeMap::from([("sales".to_string(), feed)]);
    let (registry, problems) = Registry::from_sources(&config(), feeds, sources).unwrap();
    let told = problems.iter().map(|err| format!("{} ({})", err.one_line(), err.advice().unwrap_or_default()));
    (registry, told.collect())
}

#[test]
fn models_are_ordered_by_what_they_read() {
    let (registry, problems) = read(vec![
        source(Layer::Alerts, "late", "select * from totals"),
        source(Layer::Intermediate, "lines", "with s as (select * from stg_sales) select * from s"),
        source(Layer::Staging, "stg_sales", "select *, $near_days as n from feeds.sales"),
        source(
            Layer::Intermediate,
            "totals",
            "select * from lines join settings.rfm_cells on true join system.runs on true",
        ),
    ]);
    assert_eq!(problems, [] as [&str; 0]);
    assert_eq!(registry.order(), ["stg_sales", "lines", "totals", "late"]);
    let totals = registry.get("totals").unwrap();
    assert_eq!(totals.reads.settings.iter().collect::<Vec<_>>(), ["rfm_cells"]);
    assert_eq!(totals.reads.system.iter().collect::<Vec<_>>(), ["runs"]);
    assert_eq!(registry.get("stg_sales").unwrap().reads.parameters.iter().collect::<Vec<_>>(), ["near_days"]);
    assert_eq!(registry.select(&["lines".to_string()]).unwrap(), ["stg_sales", "lines"]);
    assert_eq!(registry.select(&["stg_sales+".to_string()]).unwrap().len(), 4);
    assert_eq!(registry.select(&["*".to_string()]).unwrap().len(), 4);
    let err = registry.select(&["totls".to_string()]).unwrap_err();
    assert_eq!(
        (err.to_string().as_str(), err.advice()),
        ("no model matches \"totls\"", Some("did you mean `totals`?"))
    );
}

#[test]
fn unknown_names_are_placed_and_explained() {
    let (_, problems) = read(vec![
        source(Layer::Staging, "stg_sales", "select *\nfrom feeds.sale"),
        source(Layer::Intermediate, "a", "select $nera_days\nfrom\n    stg_sale"),
        source(Layer::Intermediate, "b", "select * from sales"),
        source(Layer::Intermediate, "c", "select * from settings.rfm_cell join system.run on true"),
        source(Layer::Intermediate, "d", "select * from other.place"),
    ]);
    assert_eq!(
        problems,
        [
            "sql/staging/stg_sales.sql:2:6: unknown feed `feeds.sale` (did you mean `feeds.sales`?)",
            "sql/intermediate/a.sql:1:8: unknown parameter `$nera_days` (did you mean `$near_days`?)",
            "sql/intermediate/a.sql:3:5: unknown table `stg_sale` (did you mean `stg_sales`?)",
            "sql/intermediate/b.sql:1:15: unknown table `sales` (did you mean `feeds.sales`?)",
            "sql/intermediate/c.sql:1:15: unknown settings table `settings.rfm_cell` (did you mean `settings.rfm_cells`?)",
            "sql/intermediate/c.sql:1:38: unknown system table `system.run` (did you mean `system.runs`?)",
            "sql/intermediate/d.sql:1:15: unknown table `other.place` (a table is a model, feeds.<feed>, \
             system.<table> or settings.<table>)",
        ]
    );
}

#[test]
fn circles_layers_and_names_are_checked() {
    let (_, problems) = read(vec![
        source(Layer::Staging, "a", "select * from b"),
        source(Layer::Staging, "b", "select * from c"),
        source(Layer::Staging, "c", "select * from b"),
        source(Layer::Staging, "up", "select * from top"),
        source(Layer::Intermediate, "top", "select 1 as x"),
        source(Layer::Intermediate, "a", "select 1 as x"),
        source(Layer::Marts, "m", "select 1 as x"),
    ]);
    assert_eq!(
        problems,
        [
            "sql/intermediate/a.sql: model `a` exists already in sql/staging/a.sql (model names are unique over all \
             layers: rename one)",
            "sql/marts/m.toml: a mart declares its columns (list [[columns]] with name, type, unit, en and zh, in the order \
             of the select)",
            "sql/marts/m.toml: a mart cannot be a view: readers need a file (say materialised = \"table\" or \
             \"partitioned\")",
            "sql/staging/up.sql: a model in staging reads `top` in intermediate (staging reads only staging, and nobody \
             reads alerts: move one of the two)",
            "sql/staging/b.sql: models read each other in a circle: b reads c reads b (move what they share into a model of \
             its own)",
        ]
    );
}

/// A fault is about one model: that and its readers are left out, by way of steps and checks; everybody else stays.
#[test]
fn a_fault_leaves_out_its_model_and_all_that_read_it() {
    let mut checked = source(Layer::Intermediate, "checked", "select 1 as x");
    checked.sidecar.push_str("[[checks]]\nkind = 'relationship'\ncolumn = 'x'\nto = 'broken.x'\n");
    let sources = vec![
        source(Layer::Staging, "fine", "select 1 as x"),
        source(Layer::Intermediate, "reader", "select * from fine"),
        source(Layer::Staging, "broken", "selekt 1"),
        source(Layer::Intermediate, "step", "select * from broken"),
        source(Layer::Marts, "mart", "select * from step"),
        source(Layer::Alerts, "alert", "select * from step"),
        checked,
        source(Layer::Intermediate, "round", "select * from trip"),
        source(Layer::Intermediate, "trip", "select * from round"),
        source(Layer::Intermediate, "beside", "select * from round"),
    ];
    let (registry, mut problems) = Registry::from_sources(&config(), BTreeMap::new(), sources).unwrap();
    // Of a mart that declares no columns one fault is its own.
    problems.push(Error::config("neither a model nor its sidecar").at("sql/staging/fine.sql.bak"));
    let registry = registry.sound(problems);
    assert_eq!(registry.names().collect::<Vec<_>>(), ["fine", "reader"]);
    assert_eq!(registry.order(), ["fine", "reader"]);
    let left_out: Vec<_> = registry.left_out().collect();
    assert_eq!(
        left_out,
        [
            ("alert", "broken"),
            ("beside", "round"),
            ("broken", "broken"),
            ("checked", "broken"),
            ("mart", "broken"),
            ("round", "round"),
            ("step", "broken"),
            ("trip", "round"),
        ]
    );
    assert!(registry.is_mart("mart") && !registry.is_mart("step"), "what it was it still is");
    let about: Vec<_> = registry.faults().iter().map(|fault| fault.model.as_deref()).collect();
    assert_eq!(about, [Some("broken"), Some("mart"), Some("mart"), Some("round"), None]);
}

#[test]
fn partitioned_models_do_not_know_the_date() {
    let mut model =
        source(Layer::Staging, "s", "select business_date from feeds.sales where business_date < $as_of_date");
    model.sidecar = "materialised = 'partitioned'\n[partition]\nby = 'business_date'\nunit = 'month'\n\
                     [partition.lookback_days]\nother = 3\n"
        .to_string();
    let (_, problems) = read(vec![model]);
    assert_eq!(
        problems,
        [
            "sql/staging/s.sql: a partitioned model must not name $as_of_date (its partitions would change with every \
             run; the runner itself cuts off rows after the as-of date, and $partition_from and $partition_to are the \
             days of the month it builds)",
            "sql/staging/s.toml: lookback_days names `other`, which the SQL does not read ()",
        ]
    );
}

#[test]
fn only_partitioned_models_have_a_partition() {
    let model =
        source(Layer::Staging, "s", "select business_date from feeds.sales where business_date < $partition_to");
    let (_, problems) = read(vec![model]);
    assert_eq!(
        problems,
        ["sql/staging/s.sql: only a partitioned model may name $partition_to (what is built whole ends with \
          $as_of_date)"]
    );
}

#[test]
fn sql_that_cannot_be_read_is_underlined() {
    let (_, problems) = read(vec![
        source(Layer::Staging, "s", "select 1 as x\nfrom feeds.sales\nwhere where x"),
        source(Layer::Staging, "t", "select 1 as x; select 2 as y"),
        source(Layer::Staging, "u", "insert into x values (1)"),
    ]);
    assert_eq!(
        problems[0],
        "sql/staging/s.sql:3:13: expected: end of statement, found: x\n    where where x\n                ^ ()"
    );
    assert!(problems[1].contains("only supports a single SQL statement"), "{}", problems[1]);
    assert_eq!(problems[2], "sql/staging/u.sql: a model is one query; this is another kind of statement ()");
}

#[test]
fn files_come_in_pairs() {
    let folder = tempfile::tempdir().unwrap();
    let staging = folder.path().join("sql/staging");
    std::fs::create_dir_all(&staging).unwrap();
    for (name, text) in [("a.sql", "select 1 as x"), ("b.toml", ""), ("c.txt", ""), ("README.md", "")] {
        std::fs::write(staging.join(name), text).unwrap();
    }
    let config = Config::parse("", folder.path()).unwrap();
    let mut problems = Vec::new();
    assert!(sources(&config.folders.sql, &mut problems).unwrap().is_empty());
    let mut told: Vec<String> = problems.iter().map(Error::one_line).collect();
    told.sort();
    assert_eq!(
        told,
        [
            "sql/staging/a.sql: model without a sidecar",
            "sql/staging/b.toml: sidecar without a model",
            "sql/staging/c.txt: neither a model nor its sidecar",
        ]
    );
    let both = Error::together("the models", problems).unwrap();
    assert!(both.to_string().starts_with("3 problems in the models\n  "), "{both}");
}

#[test]
fn some_models_are_read_with_what_they_read_and_wait_for_no_other() {
    let sources = || {
        vec![
            source(Layer::Staging, "stg", "select 1 as n"),
            source(Layer::Intermediate, "step", "select n from stg"),
            source(Layer::Marts, "broken", "selec"),
            source(Layer::Alerts, "other", "select n from nowhere"),
        ]
    };
    let some = |wanted: &str| {
        let wanted = BTreeSet::from([wanted.to_string(), "no_model".to_string()]);
        Registry::understand(&config(), BTreeMap::new(), sources(), Some(wanted)).unwrap()
    };
    let (registry, problems) = some("step");
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(registry.order(), ["stg", "step"]);
    assert_eq!(some("other").1.len(), 1);
    let (all, problems) = Registry::from_sources(&config(), BTreeMap::new(), sources()).unwrap();
    assert_eq!((all.order().len(), problems.len()), (3, 4), "{problems:?}");
}

#[tokio::test]
async fn a_mart_says_of_amounts_and_counts_over_what_they_add_up() {
    let mart = |additive: &str| {
        let sidecar = format!(
            "materialised = 'table'\nkey = ['day', 'shop']\n\
             [[columns]]\nname = 'day'\ntype = 'date'\n\
             [[columns]]\nname = 'shop'\ntype = 'text'\n\
             [[columns]]\nname = 'buyers'\ntype = 'bigint'\n{additive}\
             [[columns]]\nname = 'share'\ntype = 'double'\n"
        );
        let sql = "select date '2026-11-22' as day, 'a' as shop, 1 as buyers, ratio(1, 2) as share";
        read(vec![Source { sidecar, ..source(Layer::Marts, "shops", sql) }])
    };
    let checked = async |additive: &str| {
        let (registry, problems) = mart(additive);
        assert_eq!(problems, [] as [&str; 0]);
        let checked = crate::models::check(&registry, &config()).await.unwrap();
        checked.problems.iter().chain(&checked.unsaid).map(Error::one_line).collect::<Vec<_>>()
    };
    assert_eq!(checked("").await, ["sql/marts/shops.toml: `buyers` does not say over what it adds up"]);
    for said in ["true", "false", "['day']"] {
        assert_eq!(checked(&format!("additive = {said}\n")).await, [] as [&str; 0]);
    }
    let (_, problems) = mart("additive = ['region']\n");
    assert_eq!(problems, ["sql/marts/shops.toml: `buyers` adds up over `region`, which is not in the key ()"]);
}

#[test]
fn a_reference_names_the_whole_key_of_a_mart() {
    let mart = |name: &str, sidecar: &str| Source {
        sidecar: sidecar.to_string(),
        ..source(Layer::Marts, name, "select 'a' as id, date '2026-11-22' as day")
    };
    let columns = "[[columns]]\nname = 'id'\ntype = 'text'\n[[columns]]\nname = 'day'\ntype = 'date'\n";
    let of = |key: &str| format!("key = [{key}]\nmaterialised = 'table'\n{columns}");
    let facts = |to: &str| of("'id'").replace("type = 'text'\n", &format!("type = 'text'\nreferences = {to}\n"));
    let told = |to: &str| {
        let dimensions =
            [mart("dim_id", &of("'id'")), mart("dim_day", &of("'day'")), mart("pairs", &of("'id', 'day'"))];
        let (_, problems) = read(dimensions.into_iter().chain([mart("facts", &facts(to))]).collect());
        problems.join(" ")
    };
    assert_eq!(told("'dim_id.id'"), "");
    assert_eq!(told("{ to = 'dim_id.id', besides = ['all'] }"), "");
    let start = "sql/marts/facts.toml: `id` references";
    assert_eq!(told("'dim_if.id'"), format!("{start} `dim_if.id`, which is no model (did you mean `dim_id`?)"));
    assert_eq!(told("'pairs.id'"), format!("{start} `pairs.id`, which is not the whole key of a mart ()"));
    assert_eq!(told("'dim_id.name'"), format!("{start} `dim_id.name`, which is not the whole key of a mart ()"));
    assert_eq!(told("'dim_day.day'"), format!("{start} `dim_day.day`, which is of type date and not text ()"));
    assert!(told("'dim_id'").contains("`references` is \"dim_id\"; expected \"mart.column\""), "{}", told("'dim_id'"));
}
