//! Where SQL may make a decimal narrower: in the last select of a model alone. Whatever comes before it has room, so that
//! what does not fit is met where the row or group it belongs to can be named, and a sum of sums overflows nowhere else.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    self, DataType, ExactNumberInfo, Expr, Query, SelectItem, SetExpr, Spanned, TableFactor, Visit, Visitor,
};

use super::{clean, file, texts};

/// Digits of a decimal with room.
const WIDE: u64 = 38;

/// Casts to narrower decimals that are met, with their lines.
#[derive(Default)]
struct Narrow {
    found: Vec<(u64, String)>,
    /// Queries that are entered and not left.
    depth: usize,
    /// In the outermost of them it is allowed.
    is_last: bool,
}

impl Visitor for Narrow {
    type Break = ();

    fn pre_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _query: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Cast { data_type: DataType::Decimal(info) | DataType::Numeric(info), .. } = expr
            && !(self.is_last && self.depth == 0)
            && !matches!(info, ExactNumberInfo::PrecisionAndScale(WIDE, _))
        {
            self.found.push((expr.span().start.line, expr.to_string()));
        }
        ControlFlow::Continue(())
    }
}

/// The table whose columns a select hands through as they are; none where it makes anything of them.
fn handed_through(body: &SetExpr) -> Option<String> {
    let SetExpr::Select(select) = body else { return None };
    let [from] = select.from.as_slice() else { return None };
    let TableFactor::Table { name, .. } = &from.relation else { return None };
    let plain = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
            matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        }
        SelectItem::Wildcard(_) => true,
        _ => false,
    };
    (from.joins.is_empty() && select.projection.iter().all(plain)).then(|| name.to_string())
}

/// Casts to narrower decimals outside of the last select: the outermost, or the CTE that it hands through.
fn narrowed(sql: &str) -> Vec<(u64, String)> {
    let mut statements = DFParser::parse_sql(sql).expect("SQL that can be read");
    let Some(Statement::Statement(statement)) = statements.pop_front() else { panic!("a statement") };
    let ast::Statement::Query(query) = *statement else { panic!("a query") };
    let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
    let named = |name: &str| ctes.clone().find(|cte| cte.alias.name.value == name);
    let mut last = query.body.as_ref();
    while let Some(cte) = handed_through(last).as_deref().and_then(named) {
        last = cte.query.body.as_ref();
    }
    let mut all = Narrow::default();
    for cte in ctes.clone().filter(|cte| !std::ptr::eq(cte.query.body.as_ref(), last)) {
        assert!(cte.query.visit(&mut all).is_continue());
    }
    all.is_last = true;
    assert!(last.visit(&mut all).is_continue());
    all.found
}

#[test]
fn sums_have_room_until_the_last_cast() {
    let found = texts("sql", "sql")
        .into_iter()
        .flat_map(|(path, sql)| narrowed(&sql).into_iter().map(move |(line, cast)| format!("{path}:{line}: {cast}")));
    let found: Vec<String> = found.collect();
    clean(&found, "only the last select of a model casts to a decimal of fewer than 38 digits");
    // A macro is put into whatever calls it.
    let macros = file("src/models/functions/macros.rs");
    let narrow: Vec<&str> = macros.split("decimal(").skip(1).filter(|rest| !rest.starts_with("38, ")).collect();
    assert!(narrow.is_empty(), "a macro casts to a decimal of fewer than 38 digits: {narrow:#?}");
}

#[test]
fn a_planted_narrow_cast_is_found_and_the_last_select_is_free() {
    let told = |sql: &str| narrowed(sql).into_iter().map(|(line, _)| line).collect::<Vec<_>>();
    assert!(told("select cast(sum(x) as decimal(18,4)) as x from t").is_empty());
    assert!(told("with a as (select cast(x as decimal(38,4)) as x from t) select x from a").is_empty());
    // What is handed through is last, however often.
    let last = "with a as (select cast(x as decimal(18,4)) as x from t), b as (select x from a) select b.x as y from b";
    assert!(told(last).is_empty());
    let union = "select x from t union all select cast(x as decimal(9,2)) from u";
    assert!(told(union).is_empty());
    let before = "with a as (\n select cast(x as decimal(18,4)) as x from t\n)\nselect sum(x) as x from a";
    assert_eq!(told(before), [2]);
    assert_eq!(told("select x from (select cast(x as numeric(28,4)) as x from t) as t").len(), 1);
    assert_eq!(told("select x from t where x > (select max(cast(y as decimal(20,0))) from u)").len(), 1);
}
