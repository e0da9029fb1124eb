//! What SQL alone cannot say, as documented functions: exact quantiles, calendar steps, ages.
//! A fitted model enters the same way, so that every mart stays one SQL file.

use datafusion::prelude::SessionContext;

/// Makes every function of ours known to `context`.
pub fn register(context: &SessionContext) {
    let _known = context;
}
