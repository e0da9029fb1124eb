use super::*;
use crate::models::session::{self, Limits};

fn context() -> SessionContext {
    session::open(Limits { memory_bytes: 1 << 26, spill_bytes: 0, threads: 2 }).unwrap()
}

fn statement(context: &SessionContext, sql: &str) -> Statement {
    query::parse(context, sql).unwrap()
}

fn chosen(sql: &str) -> Vec<String> {
    let context = context();
    let mut statement = statement(&context, sql);
    shared(query_of(&mut statement).unwrap(), &context)
}

#[test]
fn what_is_read_twice_and_works_is_computed_first() {
    let doubled = "with a as (select k, sum(v) as v from t group by k), b as (select a.k, c.v from a join a as c on a.k = c.k), \
                   d as (select k from b) select * from d union all select * from d";
    assert_eq!(chosen(doubled), ["a", "d"], "b is read once, and d by two readers");
    let looks = "with a as (select k from t where v > 1) select * from a union all select * from a";
    assert_eq!(chosen(looks), [] as [&str; 0], "a look at one table costs less than keeping it");
    let total =
        "with a as (select sum(v) as v from t) select * from t where v > (select v from a) and k < (select v from a)";
    assert_eq!(chosen(total), ["a"]);
    let own = "with t as (select distinct k from t), u as (select * from t) select * from u";
    assert_eq!(chosen(own), [] as [&str; 0], "inside its own text, t is the table");
    let hidden = "with a as (select distinct k from t) select * from (with a as (select 1 as k) select * from a) as x, a, a as b";
    assert_eq!(chosen(hidden), [] as [&str; 0], "a nested WITH may give a name another meaning");
    let again = "with recursive a as (select 1 as k union all select k + 1 from a where k < 3) select * from a, a as b";
    assert_eq!(chosen(again), [] as [&str; 0]);
}

#[tokio::test]
async fn the_rows_are_the_same_within_bounds_and_beyond() {
    let sql = "with t (k, v) as (values (1, 10), (2, 20), (2, 5), (3, null)), \
               sums as (select k, sum(v) as v from t group by k), \
               named (id, amount) as (select a.k, b.v from sums as a join sums as b on a.k = b.k) \
               select x.id, y.amount from named as x left join named as y on x.id = y.id + 1 \
               where x.id <= (select count(*) from sums) order by 1";
    let mut answers = Vec::new();
    for bytes in [1 << 20, 0] {
        let context = context();
        let statement = statement(&context, sql);
        let frame = plan(&context, &statement, &Parameters::default(), "sql/x.sql", sql, bytes).await.unwrap();
        let shown = format!("{}", frame.logical_plan().display_indent());
        assert_eq!(shown.contains("computed once: sums"), bytes > 0, "{shown}");
        let rows = frame.collect().await.unwrap();
        answers.push(arrow::util::pretty::pretty_format_batches(&rows).unwrap().to_string());
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].contains("| 2  | 10     |"), "{}", answers[0]);
}

#[tokio::test]
async fn what_goes_wrong_in_a_shared_part_is_told_with_its_place() {
    let context = context();
    let sql = "with a as (\n    select distinct missing from (values (1)) as t (k)\n)\nselect * from a, a as b";
    let statement = statement(&context, sql);
    let err = plan(&context, &statement, &Parameters::default(), "sql/x.sql", sql, 1 << 20).await.unwrap_err();
    assert!(err.one_line().contains("sql/x.sql:2:21"), "{}", err.one_line());
}
