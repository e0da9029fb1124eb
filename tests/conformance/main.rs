//! Public data sets, mapped in as any partner would be, must give the figures published for them.
//!
//! The data is not part of this repository: it is looked for in `../shared/data` beside the project, or where
//! `TRIBUTARY_CONFORMANCE_DATA` points. libtest cannot tell at run time that a test was not run, and a test that
//! passes without running would lie; so this binary has a harness of its own, which prints as libtest does.
//!
//! * `cdnow`: the customers by whom the lifetime value models are published
//! * `adventureworks`: a wholesaler and web shop in six currencies, with daily stock
//! * `online_retail`: 305 nights of a web shop, one after the other, with faults thrown in
//! * `rfm`: the scores and segments that the R package rfm documents

#![expect(clippy::format_push_string, reason = "texts of tests are short; clarity counts")]
#![expect(unreachable_pub, reason = "a test binary exports nothing; `pub` shows what the tests use of a module")]
#![expect(clippy::print_stdout, reason = "a test harness prints its results")]

mod harness;
mod lake;
mod project;
#[expect(dead_code, reason = "shared with the integration tests, which use the rest")]
#[path = "../it/support/mod.rs"]
mod support;

mod adventureworks;
mod cdnow;
mod online_retail;
mod rfm;

use std::process::ExitCode;

use harness::Test;

static TESTS: &[Test] = &[
    Test { name: "online_retail::nights", data: "online_retail", run: online_retail::nights },
    Test { name: "adventureworks::reseller_sales", data: "adventureworks", run: adventureworks::reseller_sales },
    Test { name: "adventureworks::internet_sales", data: "adventureworks", run: adventureworks::internet_sales },
    Test { name: "adventureworks::last_day_stock", data: "adventureworks", run: adventureworks::last_day_stock },
    Test { name: "adventureworks::published_cells", data: "adventureworks", run: adventureworks::published_cells },
    Test { name: "adventureworks::roll_forward", data: "adventureworks", run: adventureworks::roll_forward },
    Test { name: "adventureworks::negative_balances", data: "adventureworks", run: adventureworks::negative_balances },
    Test { name: "adventureworks::turnover", data: "adventureworks", run: adventureworks::turnover },
    Test { name: "adventureworks::quotas", data: "adventureworks", run: adventureworks::quotas },
    Test { name: "cdnow::lifetime_models", data: "cdnow", run: cdnow::lifetime_models },
    Test { name: "cdnow::raw_text", data: "cdnow", run: cdnow::raw_text },
    Test { name: "rfm::segments", data: "rfm", run: rfm::segments },
    Test { name: "online_retail::lifetime_models", data: "online_retail", run: online_retail::lifetime_models },
];

fn main() -> ExitCode {
    harness::main(TESTS)
}
