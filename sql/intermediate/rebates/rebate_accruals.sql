-- What each partner has earned in each rebate period by the terms of its plan, not rounded.
--   marginal       every band pays its own rate, and a reached tier its fixed amount beside it
--   retrospective  the highest tier reached pays its rate on everything
--   single         the highest tier reached pays its amount (or its rate on everything)
-- A tier that asks for growth counts only where that growth was shown; without it the band is paid as the tier below.
-- Where growth is not known both readings are computed: without these tiers, and with them.
-- The cap of the highest tier reached limits the whole.
with periods as (
    select * from rebate_periods
),

readings as (
    select false as is_growth_granted, * from rebate_tiers where is_qualified
    union all
    select true as is_growth_granted, * from rebate_tiers where coalesce(is_qualified, true)
),

qualified as (
    select
        *,
        lead(band_from) over (
            partition by is_growth_granted, partner_id, plan_id, period order by edge, tier_no
        ) as next_band_from
    from readings
    where edge is not null
),

bands as (
    select
        *,
        greatest(least(actual, coalesce(next_band_from, actual)) - band_from, 0) as band,
        row_number() over (
            partition by is_growth_granted, partner_id, plan_id, period order by edge desc, tier_no desc
        ) as place
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
    select is_growth_granted, partner_id, plan_id, period, sum(band_rebate) as band_rebate
    from band_rebates
    group by is_growth_granted, partner_id, plan_id, period
),

reached as (
    select is_growth_granted, partner_id, plan_id, period, tier_no, cap, whole_rebate
    from band_rebates
    where place = 1
),

uncapped as (
    select
        reached.is_growth_granted,
        reached.partner_id,
        reached.plan_id,
        reached.period,
        reached.tier_no,
        reached.cap,
        case when periods.method = 'marginal' then by_bands.band_rebate else reached.whole_rebate end as rebate
    from reached
    inner join periods
        on periods.partner_id = reached.partner_id
        and periods.plan_id = reached.plan_id
        and periods.period = reached.period
    inner join by_bands
        on by_bands.is_growth_granted = reached.is_growth_granted
        and by_bands.partner_id = reached.partner_id
        and by_bands.plan_id = reached.plan_id
        and by_bands.period = reached.period
),

capped as (
    select *, least(rebate, coalesce(cast(cap as decimal(38,10)), rebate)) as capped_rebate
    from uncapped
),

-- The next edge ahead, and a tier that was reached but not earned for want of growth.
ahead as (
    select
        partner_id,
        plan_id,
        period,
        min(edge) filter (where not is_reached) as next_edge,
        bool_or(is_reached and not is_qualified) as is_growth_short,
        bool_or(is_reached and is_qualified is null) as growth_is_open
    from rebate_tiers
    group by partner_id, plan_id, period
),

earned as (
    select
        periods.*,
        shown.tier_no,
        shown.cap,
        ahead.next_edge,
        coalesce(ahead.is_growth_short, false) as is_growth_short,
        coalesce(ahead.growth_is_open, false) as growth_is_open,
        case
            when not periods.history_is_complete then 'incomplete_history'
            when periods.tiers_by = 'attainment' and periods.attainment is null then 'no_target'
        end as rebate_status,
        shown.rebate as uncapped,
        coalesce(shown.capped_rebate, cast(0 as decimal(38,10))) as rebate,
        granted.tier_no as granted_tier_no,
        coalesce(granted.capped_rebate, cast(0 as decimal(38,10))) as granted_rebate
    from periods
    left join capped as shown
        on not shown.is_growth_granted
        and shown.partner_id = periods.partner_id
        and shown.plan_id = periods.plan_id
        and shown.period = periods.period
    left join capped as granted
        on granted.is_growth_granted
        and granted.partner_id = periods.partner_id
        and granted.plan_id = periods.plan_id
        and granted.period = periods.period
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
        is_provisional,
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
            when growth_is_open and tier_no is null then 'growth_unknown'
            when is_growth_short and tier_no is null then 'growth_not_shown'
            when tier_no is null then 'below_first_tier'
        end as tier_status,
        case when is_growth_short then true when not growth_is_open then false end as is_growth_short,
        case when rebate_status is null then cast(next_edge - actual as decimal(18,4)) end as missing_to_next_tier,
        case
            when rebate_status is not null then rebate_status
            when next_edge is null then 'highest_tier'
        end as missing_to_next_tier_status,
        case when rebate_status is null then coalesce(uncapped > cap, false) end as is_capped,
        case when rebate_status is null then rebate end as rebate,
        rebate_status,
        -- It matters only where the amounts differ.
        rebate_status is null and growth_is_open and granted_rebate is distinct from rebate as growth_is_unknown,
        case when rebate_status is null then granted_tier_no end as tier_no_with_growth,
        case when rebate_status is null then granted_rebate end as rebate_with_growth
    from earned
)

select
    partner_id, partner_name, partner_manager, channel_id, plan_id, period_type, period, period_start, period_end,
    closes_on, counts_from, counts_to, is_provisional, basis, metric, method, actual, target, attainment,
    attainment_status, prior_actual, growth, growth_status, tier_no, tier_status, is_growth_short,
    missing_to_next_tier, missing_to_next_tier_status, is_capped, rebate, rebate_status, growth_is_unknown,
    tier_no_with_growth, rebate_with_growth
from final
