-- What each partner has earned in each rebate period by the terms of its plan, not rounded.
--   marginal       every band pays its own rate, and a reached tier its fixed amount beside it
--   retrospective  the highest tier reached pays its rate on everything
--   single         the highest tier reached pays its amount (or its rate on everything)
-- A tier that asks for growth counts only where that growth was shown; without it the band is paid as the tier below.
-- The cap of the highest tier reached limits the whole.
with periods as (
    select * from rebate_periods
),

qualified as (
    select
        *,
        lead(band_from) over (partition by partner_id, plan_id, period order by edge, tier_no) as next_band_from
    from rebate_tiers
    where is_qualified
        and edge is not null
),

bands as (
    select
        *,
        greatest(least(actual, coalesce(next_band_from, actual)) - band_from, 0) as band,
        row_number() over (partition by partner_id, plan_id, period order by edge desc, tier_no desc) as place
    from qualified
    where is_reached
),

band_rebates as (
    select
        *,
        cast(band * coalesce(rate, 0) as decimal(38,10)) + cast(coalesce(amount, 0) as decimal(38,10)) as band_rebate,
        cast(actual * coalesce(rate, 0) as decimal(38,10)) + cast(coalesce(amount, 0) as decimal(38,10))
            as whole_rebate
    from bands
),

by_bands as (
    select partner_id, plan_id, period, sum(band_rebate) as band_rebate
    from band_rebates
    group by partner_id, plan_id, period
),

reached as (
    select partner_id, plan_id, period, tier_no, cap, whole_rebate
    from band_rebates
    where place = 1
),

-- The next edge ahead, and a tier that was reached but not earned for want of growth.
ahead as (
    select
        partner_id,
        plan_id,
        period,
        min(edge) filter (where not is_reached) as next_edge,
        bool_or(is_reached and not is_qualified) as growth_is_short
    from rebate_tiers
    group by partner_id, plan_id, period
),

earned as (
    select
        periods.*,
        reached.tier_no,
        reached.cap,
        ahead.next_edge,
        coalesce(ahead.growth_is_short, false) as growth_is_short,
        case
            when not periods.history_is_complete then 'incomplete_history'
            when periods.tiers_by = 'attainment' and periods.attainment is null then 'no_target'
        end as rebate_status,
        case
            when reached.tier_no is null then cast(0 as decimal(38,10))
            when periods.method = 'marginal' then by_bands.band_rebate
            else reached.whole_rebate
        end as uncapped
    from periods
    left join by_bands
        on by_bands.partner_id = periods.partner_id
        and by_bands.plan_id = periods.plan_id
        and by_bands.period = periods.period
    left join reached
        on reached.partner_id = periods.partner_id
        and reached.plan_id = periods.plan_id
        and reached.period = periods.period
    left join ahead
        on ahead.partner_id = periods.partner_id
        and ahead.plan_id = periods.plan_id
        and ahead.period = periods.period
),

final as (
    select
        partner_id,
        partner_name,
        partner_manager,
        channel_id,
        plan_id,
        period_type,
        period,
        period_start,
        period_end,
        closes_on,
        counts_from,
        counts_to,
        provisional,
        basis,
        metric,
        method,
        actual,
        target,
        attainment,
        attainment_status,
        prior_actual,
        growth,
        growth_status,
        case when rebate_status is null then tier_no end as tier_no,
        case
            when rebate_status is not null then rebate_status
            when growth_is_short and tier_no is null then 'growth_not_shown'
            when tier_no is null then 'below_first_tier'
        end as tier_status,
        growth_is_short,
        case when rebate_status is null then cast(next_edge - actual as decimal(18,4)) end as missing_to_next_tier,
        case
            when rebate_status is not null then rebate_status
            when next_edge is null then 'highest_tier'
        end as missing_to_next_tier_status,
        case when rebate_status is null then coalesce(uncapped > cap, false) end as is_capped,
        case when rebate_status is null then least(uncapped, coalesce(cast(cap as decimal(38,10)), uncapped)) end
            as rebate,
        rebate_status
    from earned
)

select
    partner_id, partner_name, partner_manager, channel_id, plan_id, period_type, period, period_start, period_end,
    closes_on, counts_from, counts_to, provisional, basis, metric, method, actual, target, attainment,
    attainment_status, prior_actual, growth, growth_status, tier_no, tier_status, growth_is_short,
    missing_to_next_tier, missing_to_next_tier_status, is_capped, rebate, rebate_status
from final
