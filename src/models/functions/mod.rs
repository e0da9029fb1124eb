//! What SQL alone cannot say, or would say again and again, as documented functions: growth and shares, exact quantiles,
//! the value beside an extreme, calendar steps, fitted models, what a day should have brought, the replay of a member's
//! tier, columns that no contract knows yet. So every mart stays one SQL file.

mod at_time_zone;
mod calendar;
mod beside;
mod extra;
mod quantile;
pub mod season;
mod rows;
mod lifetime;
pub mod macros;
mod tier;

use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};
use datafusion::prelude::SessionContext;

use macros::Macro;

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
    /// One value for every row from the rows of its window.
    Window(WindowUDF),
    /// A piece of SQL, put in the place of its name before anything is planned.
    Macro(&'static Macro),
}

/// Every function of ours, in the order in which `tributary docs` shows them.
pub fn all() -> Vec<Function> {
    let mut functions = macros::functions();
    functions.extend(quantile::functions());
    functions.extend(beside::functions());
    functions.extend(calendar::functions());
    functions.extend(at_time_zone::functions());
    functions.extend(season::functions());
    functions.extend(rows::functions());
    functions.extend(lifetime::functions());
    functions.extend(tier::functions());
    functions.extend(extra::functions());
    functions
}

/// Makes every function of ours known to `context`.
pub fn register(context: &SessionContext) {
    for function in all() {
        match function.body {
            Body::Scalar(scalar) => context.register_udf(scalar),
            Body::Aggregate(aggregate) => context.register_udaf(aggregate),
            Body::Window(window) => context.register_udwf(window),
            Body::Macro(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
