-- The target of every month, quarter and year: as delivered; else the sum of the shorter periods, where each of
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
)

select scope, scope_id, metric, period, cast(target as decimal(18,4)) as target
from delivered
union all
select scope, scope_id, metric, period, cast(target as decimal(18,4)) as target
from made_quarters
union all
select scope, scope_id, metric, period, cast(target as decimal(18,4)) as target
from made_years
