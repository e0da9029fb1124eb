//! Functions that are a short piece of SQL under a name: put in its place in the parsed statement, so that the engine
//! sees plain SQL, and the same text makes them known to any other tool.

use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::error::DataFusionError;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function as Call, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectNamePart, Statement as Inner,
    visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::{Body, Function, at_time_zone};

/// A piece of SQL with a name and places for values.
#[derive(Debug, Clone, Copy)]
pub struct Macro {
    /// How it is called.
    pub name: &'static str,
    /// The names of its values in the SQL.
    pub values: &'static [&'static str],
    /// The SQL.
    pub sql: &'static str,
    usage: &'static str,
    words: &'static str,
}

const ALL: &[Macro] = &[
    Macro {
        name: "ratio",
        values: &["part", "whole"],
        sql: "case when whole > 0 then cast(part as double) / cast(whole as double) end",
        usage: "ratio(part, whole) -> double",
        words: "One amount by another, as a fraction: a share, a rate, a mean. NULL where the other is not above 0.",
    },
    Macro {
        name: "growth",
        values: &["cur", "prior"],
        sql: "case when prior > 0 then cast(cur - prior as double) / cast(prior as double) end",
        usage: "growth(cur, prior) -> double",
        words: "The change against a prior period, as a fraction of it. NULL where growth_status says why.",
    },
    Macro {
        name: "growth_status",
        values: &["prior"],
        sql: "case when prior < 0 then 'negative_base' when prior > 0 then null else 'no_prior_period' end",
        usage: "growth_status(prior) -> text",
        words: "Why there is no growth against a prior period: no_prior_period where it is 0 or unknown, negative_base; \
                NULL where there is one.",
    },
    Macro {
        name: "comparable",
        values: &["running", "elapsed", "all_of_it"],
        sql: "coalesce(case when running then elapsed else all_of_it end, 0)",
        usage: "comparable(running, elapsed, all_of_it) -> amount",
        words: "What a period is compared with in an earlier one: while it runs what that one had after as many days, \
                then all of it. 0 where it had none.",
    },
    Macro {
        name: "per_unit",
        values: &["amount", "quantity"],
        sql: "case when quantity > 0 then cast(cast(amount as decimal(38, 8)) / quantity as decimal(38, 4)) end",
        usage: "per_unit(amount, quantity) -> decimal",
        words: "An amount over its units: the price of one. NULL where there are none.",
    },
    Macro {
        name: "within_reach",
        values: &["price", "usual", "reach"],
        sql: "greatest(least(price, cast(usual * cast(reach as decimal(38, 4)) as decimal(38, 4))), \
              cast(cast(usual as decimal(38, 8)) / cast(reach as decimal(38, 4)) as decimal(38, 4)))",
        usage: "within_reach(price, usual, reach) -> decimal",
        words: "A price, as at most so many times the usual one and at least as that part of it.",
    },
];

/// Each with its SQL understood once.
static KNOWN: LazyLock<Vec<(&'static Macro, Result<Expr, String>)>> = LazyLock::new(|| {
    let understood = |sql: &str| Parser::new(&GenericDialect {}).try_with_sql(sql)?.parse_expr();
    ALL.iter().map(|known| (known, understood(known.sql).map_err(|err| err.to_string()))).collect()
});

pub(super) fn functions() -> Vec<Function> {
    ALL.iter().map(|known| Function { usage: known.usage, words: known.words, body: Body::Macro(known) }).collect()
}

/// Puts the SQL of every call of a macro in its place, and our zones in that of the engine's.
pub fn expand(statement: &mut Statement) -> Result<(), DataFusionError> {
    let Statement::Statement(inner) = statement else { return Ok(()) };
    let inner: &mut Inner = inner;
    let outcome = visit_expressions_mut(inner, |expr| {
        if let Expr::AtTimeZone { timestamp, time_zone } = expr {
            *expr = at_time_zone::called(timestamp, time_zone);
            return ControlFlow::Continue(());
        }
        let Expr::Function(call) = &*expr else { return ControlFlow::Continue(()) };
        match expanded(call) {
            Ok(None) => {}
            Ok(Some(sql)) => *expr = sql,
            Err(words) => return ControlFlow::Break(DataFusionError::Plan(words)),
        }
        ControlFlow::Continue(())
    });
    match outcome {
        ControlFlow::Break(err) => Err(err),
        ControlFlow::Continue(()) => Ok(()),
    }
}

fn expanded(call: &Call) -> Result<Option<Expr>, String> {
    let [ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else { return Ok(None) };
    let Some((known, sql)) = KNOWN.iter().find(|(known, _)| known.name.eq_ignore_ascii_case(&name.value)) else {
        return Ok(None);
    };
    let Some(values) = given(call).filter(|values| values.len() == known.values.len()) else {
        return Err(format!("{name} is called as {}", known.usage));
    };
    let mut sql = sql.clone()?;
    let walked: ControlFlow<()> = visit_expressions_mut(&mut sql, |expr| {
        if let Expr::Identifier(place) = &*expr
            && let Some(at) = known.values.iter().position(|value| *value == place.value)
        {
            *expr = whole(values[at].clone());
        }
        ControlFlow::Continue(())
    });
    debug_assert!(walked.is_continue());
    Ok(Some(sql))
}

/// The values of a plain call.
fn given(call: &Call) -> Option<Vec<&Expr>> {
    let FunctionArguments::List(list) = &call.args else { return None };
    let plain = call.over.is_none() && call.filter.is_none() && list.duplicate_treatment.is_none();
    let values = list.args.iter().map(|value| match value {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Some(value),
        _ => None,
    });
    values.collect::<Option<Vec<_>>>().filter(|_| plain)
}

/// An expression as one value beside operators.
fn whole(expr: Expr) -> Expr {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) | Expr::Nested(_) | Expr::Function(_) => {
            expr
        }
        other => Expr::Nested(Box::new(other)),
    }
}
