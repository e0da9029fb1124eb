//! What SQL alone cannot say, as documented functions: exact quantiles, the value beside an extreme, calendar steps,
//! columns that no contract knows yet.
//! A fitted model enters the same way (see [`Function`]), so that every mart stays one SQL file.

mod calendar;
mod beside;
mod extra;
mod quantile;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF};
use datafusion::prelude::SessionContext;

/// One function of ours: how the engine runs it, and what people read about it.
pub struct Function {
    /// How it is called.
    pub usage: &'static str,
    /// What it gives.
    pub words: &'static str,
    /// How it is run.
    pub body: Body,
}

/// The kinds of function.
pub enum Body {
    /// One value from the values of a row.
    Scalar(ScalarUDF),
    /// One value from many rows.
    Aggregate(AggregateUDF),
}

/// Every function of ours, in the order in which `tributary docs` shows them.
pub fn all() -> Vec<Function> {
    let mut functions = quantile::functions();
    functions.extend(beside::functions());
    functions.extend(calendar::functions());
    functions.extend(extra::functions());
    functions
}

/// Makes every function of ours known to `context`.
pub fn register(context: &SessionContext) {
    for function in all() {
        match function.body {
            Body::Scalar(scalar) => context.register_udf(scalar),
            Body::Aggregate(aggregate) => context.register_udaf(aggregate),
        }
    }
}

#[cfg(test)]
mod tests;
