-- The target of every month, quarter and year, and how much of it is due by the as-of date: the elapsed days' part of a
-- running period, all of a closed one. One that began before our history did is not judged.
-- As delivered; else the sum of the shorter periods, where each of
-- them has one. A part of them would pass for the whole and flatter whoever is measured by it.
with delivered as (
    select scope, scope_id, metric, period, period_start(period) as starts_on, target
    from stg_targets
),

months as (
    select scope, scope_id, metric, period_quarter(starts_on) as quarter, target
    from delivered
    where period = period_month(starts_on)
),

summed_quarters as (
    select scope, scope_id, metric, quarter as period, sum(target) as target
    from months
    group by scope, scope_id, metric, quarter
    having count(*) = 3
),

made_quarters as (
    select summed.scope, summed.scope_id, summed.metric, summed.period, summed.target
    from summed_quarters as summed
    left join delivered
        on delivered.scope = summed.scope
        and delivered.scope_id = summed.scope_id
        and delivered.metric = summed.metric
        and delivered.period = summed.period
    where delivered.period is null
),

quarters as (
    select scope, scope_id, metric, period_year(starts_on) as year, target
    from delivered
    where period = period_quarter(starts_on)
    union all
    select scope, scope_id, metric, period_year(period_start(period)) as year, target
    from made_quarters
),

summed_years as (
    select scope, scope_id, metric, year as period, sum(target) as target
    from quarters
    group by scope, scope_id, metric, year
    having count(*) = 4
),

made_years as (
    select summed.scope, summed.scope_id, summed.metric, summed.period, summed.target
    from summed_years as summed
    left join delivered
        on delivered.scope = summed.scope
        and delivered.scope_id = summed.scope_id
        and delivered.metric = summed.metric
        and delivered.period = summed.period
    where delivered.period is null
),

together as (
    select scope, scope_id, metric, period, target from delivered
    union all
    select scope, scope_id, metric, period, target from made_quarters
    union all
    select scope, scope_id, metric, period, target from made_years
),

history as (
    select min(first_day) as known_from
    from sales_history
),

framed as (
    select
        together.*,
        coalesce(history.known_from <= period_start(together.period), false) as history_is_complete,
        period_end(together.period) - period_start(together.period) + 1 as period_days,
        greatest(least($as_of_date, period_end(together.period)) - period_start(together.period) + 1, 0) as elapsed_days
    from together
    cross join history
)

select
    scope,
    scope_id,
    metric,
    period,
    cast(target as decimal(18,4)) as target,
    cast(
        case when history_is_complete then cast(target as decimal(38,8)) * elapsed_days / period_days end
        as decimal(18,4)
    ) as target_due,
    case when not history_is_complete then 'incomplete_history' end as target_due_status
from framed
