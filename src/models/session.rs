//! The query engine, built in one place: what it may use, which functions it knows, and that it never reads the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, MemorySchemaProvider,
};
use datafusion::common::tree_node::TreeNode;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::Optimizer;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::functions;
use crate::config::Config;
use crate::error::Result;

/// What a session may use.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Memory of all running queries together, before they spill.
    pub memory_bytes: usize,
    /// Disk that spilled data may fill.
    pub spill_bytes: u64,
    /// Query threads.
    pub threads: usize,
}

impl Limits {
    /// As configured.
    pub fn of(config: &Config) -> Self {
        Self {
            memory_bytes: config.engine.memory_bytes,
            spill_bytes: config.engine.spill_bytes,
            threads: config.threads(),
        }
    }
}

/// Functions whose value depends on when or how often they are called: a mart may not depend on that.
const BANNED: [&str; 6] = ["now", "current_date", "current_time", "random", "uuid", "version"];

/// Opens an engine that knows our functions and the empty schemas `feeds`, `system` and `settings`.
pub fn open(limits: Limits) -> Result<SessionContext> {
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.threads.max(1))
        .with_information_schema(false)
        .with_extension(Arc::new(Planned::default()));
    let options = config.options_mut();
    options.sql_parser.default_null_ordering = "nulls_last".to_string();
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.collect_spans = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.execution.parquet.schema_force_view_types = false;
    options.execution.parquet.pushdown_filters = true;
    options.execution.time_zone = Some("UTC".to_string());
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory_bytes)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_max_temp_directory_size(limits.spill_bytes))
        .build_arc()?;
    let state =
        SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features().build();
    let context = SessionContext::new_with_state(state);
    for name in BANNED {
        context.deregister_udf(name);
    }
    functions::register(&context);
    fork(&context)
}

/// A session with the same functions, limits, memory and stores, but without any table.
pub fn fork(base: &SessionContext) -> Result<SessionContext> {
    let catalog = MemoryCatalogProvider::new();
    for schema in ["public", "feeds", "system", "settings"] {
        catalog.register_schema(schema, Arc::new(MemorySchemaProvider::new()))?;
    }
    let catalogs = MemoryCatalogProviderList::new();
    catalogs.register_catalog("datafusion".to_string(), Arc::new(catalog));
    let mut state = base.state();
    state.register_catalog_list(Arc::new(catalogs));
    Ok(SessionContext::new_with_state(state))
}

/// As [`fork`], for a step that reads about so many rows.
pub(super) fn fork_for(base: &SessionContext, rows: u64) -> Result<SessionContext> {
    let context = fork(base)?;
    if rows < FEW_ROWS {
        expect_few(&context);
    }
    Ok(context)
}

/// Few rows are worked through on one thread, because handing them around would cost more than it gains; and by plans that
/// are made with less thought, because what a rule that is left out would save is less than walking through the plan for it.
pub(super) fn expect_few(context: &SessionContext) {
    for rule in ASKED_OF_MANY {
        context.remove_optimizer_rule(rule);
    }
    let state = context.state_ref();
    let mut state = state.write();
    state.config_mut().options_mut().execution.target_partitions = 1;
    let rules = state.physical_optimizers().iter().filter(|rule| !ASKED_OF_MANY.contains(&rule.name()));
    let rules = rules.cloned().collect();
    *state = SessionStateBuilder::new_from_existing(state.clone()).with_physical_optimizer_rules(rules).build();
}

/// Rules that change how fast a plan runs and never what it gives.
const ASKED_OF_MANY: [&str; 17] = [
    // of statements
    "common_sub_expression_eliminate",
    "eliminate_duplicated_expr",
    "extract_leaf_expressions",
    "optimize_unions",
    "push_down_leaf_projections",
    "push_down_limit",
    "unions_to_filter",
    // of what runs
    "FilterPushdown",
    "HashJoinBuffering",
    "LimitAggregation",
    "LimitPushPastWindows",
    "LimitPushdown",
    "LimitedDistinctAggregation",
    "PushdownSort",
    "TopKRepartition",
    "WindowTopN",
    "aggregate_statistics",
];

/// The session that makes `plan` run. A recursive plan asks all rules: after fewer of them, or only one pass, the columns of
/// its steps may not fit each other.
pub(super) fn fit_for(state: SessionState, plan: &LogicalPlan) -> Result<SessionState, DataFusionError> {
    if plan.exists(|node| Ok(matches!(node, LogicalPlan::RecursiveQuery(_))))? {
        let rules = Optimizer::new().rules;
        return Ok(SessionStateBuilder::new_from_existing(state).with_optimizer_rules(rules).build());
    }
    Ok(state)
}

/// Fewer rows than these are not shared among threads, and what is made of them fits into memory.
pub(super) const FEW_ROWS: u64 = 250_000;

/// How many statements were planned by a session and all its forks.
#[derive(Debug, Default)]
struct Planned(AtomicU64);

/// Notes that `state` plans one more statement.
pub(super) fn plans_one(state: &SessionState) {
    if let Some(planned) = state.config().get_extension::<Planned>() {
        planned.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// How many statements `base` and its forks have planned.
pub(super) fn planned(base: &SessionContext) -> u64 {
    let planned = base.state_ref().read().config().get_extension::<Planned>();
    planned.map_or(0, |planned| planned.0.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_that_is_left_out_is_one_of_the_engine() {
        let limits = Limits { memory_bytes: 1 << 20, spill_bytes: 1 << 20, threads: 2 };
        let many = open(limits).unwrap();
        let names = |context: &SessionContext| -> Vec<String> {
            let state = context.state();
            let rules = state.optimizers().iter().map(|rule| rule.name().to_string());
            rules.chain(state.physical_optimizers().iter().map(|rule| rule.name().to_string())).collect()
        };
        let all = names(&many);
        for rule in ASKED_OF_MANY {
            assert!(all.iter().any(|known| known == rule), "the engine has no rule `{rule}` any more");
        }
        let few = fork_for(&many, 10).unwrap();
        let left = names(&few);
        assert!(left.iter().all(|rule| !ASKED_OF_MANY.contains(&rule.as_str())), "{left:?}");
        assert_eq!(names(&many), all, "a fork changed the session it comes from");
    }
}
