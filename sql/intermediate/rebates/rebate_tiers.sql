-- The tiers of every partner's rebate periods as amounts to reach: a tier that is set as a share of the target
-- becomes one (whole units are rounded up), so that the steps after this one know one kind of tier only.
-- Bands of money begin at the edge; of units, from 101 on, the band begins after 100.
with placed as (
    select
        periods.partner_id,
        periods.plan_id,
        periods.period,
        periods.metric,
        periods.tiers_by,
        periods.actual,
        periods.attainment,
        periods.growth,
        periods.history_is_complete,
        tiers.tier_no,
        tiers.from_value,
        tiers.rate,
        tiers.amount,
        tiers.cap,
        tiers.min_growth,
        case
            when periods.tiers_by = 'actual' then tiers.from_value
            when periods.target > 0 and periods.metric = 'units' then ceil(tiers.from_value * periods.target)
            when periods.target > 0 then tiers.from_value * periods.target
        end as exact_edge
    from rebate_periods as periods
    inner join stg_rebate_plans as tiers
        on tiers.plan_id = periods.plan_id
        and tiers.valid_from <= periods.period_end
        and tiers.valid_to >= periods.period_start
),

edged as (
    select *, cast(exact_edge as decimal(38,4)) as edge
    from placed
)

select
    partner_id,
    plan_id,
    period,
    tier_no,
    from_value,
    rate,
    amount,
    cap,
    min_growth,
    actual,
    cast(edge as decimal(18,4)) as edge,
    case when metric = 'units' then greatest(edge - 1, 0) else edge end as band_from,
    coalesce(actual >= edge, false) as is_reached,
    -- NULL where the growth that a tier asks for is not known: that neither grants nor denies it.
    min_growth is null or growth >= cast(min_growth as double) as is_qualified,
    case
        when not history_is_complete then null
        when tiers_by = 'attainment' then abs(attainment - cast(from_value as double))
        when edge > 0 then abs(cast(actual as double) / cast(edge as double) - 1)
    end as edge_gap
from edged
