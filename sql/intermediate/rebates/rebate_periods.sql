-- Who takes part in which rebate plan in which period, with what was bought or sold in it, the same a year before,
-- and the target. A partner takes part while it cooperates, under the channel it had when the period closed.
-- Only days on which the plan is in force count; a period that began before our history does is not judged.
with tiers as (
    select
        *,
        row_number() over (partition by plan_id order by tier_no) as place,
        min(valid_from) over (partition by plan_id) as starts_on,
        max(valid_to) over (partition by plan_id) as ends_on
    from stg_rebate_plans
),

plans as (
    select
        plan_id,
        scope,
        scope_id,
        period_type,
        basis,
        metric,
        method,
        coalesce(tiers_by, 'actual') as tiers_by,
        starts_on,
        ends_on
    from tiers
    where place = 1
),

period_names as (
    select distinct 'month' as period_type, month as period from kpi_months
    union all
    select distinct 'quarter' as period_type, quarter as period from kpi_months
    union all
    select distinct 'year' as period_type, period_year(month_start) as period from kpi_months
),

periods as (
    select
        period_type,
        period,
        period_start(period) as period_start,
        period_end(period) as period_end,
        least(period_end(period), $as_of_date) as closes_on,
        period_end(period) > $as_of_date as is_provisional
    from period_names
),

plan_periods as (
    select
        plans.*,
        periods.period,
        periods.period_start,
        periods.period_end,
        periods.closes_on,
        periods.is_provisional,
        greatest(periods.period_start, plans.starts_on) as counts_from,
        least(periods.closes_on, plans.ends_on) as counts_to
    from plans
    inner join periods
        on periods.period_type = plans.period_type
        and periods.closes_on >= plans.starts_on
        and periods.period_start <= plans.ends_on
),

entitled as (
    select
        plan_periods.*,
        stg_partners.partner_id,
        stg_partners.name as partner_name,
        stg_partners.channel_id,
        stg_partners.manager as partner_manager
    from plan_periods
    inner join stg_partners
        on stg_partners.valid_from <= plan_periods.closes_on
        and stg_partners.superseded_from > plan_periods.closes_on
    where (
            plan_periods.scope = 'total'
            or plan_periods.scope = 'channel' and plan_periods.scope_id = stg_partners.channel_id
            or plan_periods.scope = 'partner' and plan_periods.scope_id = stg_partners.partner_id
        )
        and coalesce(stg_partners.status, 'active') <> 'candidate'
        and coalesce(stg_partners.joined_on <= plan_periods.closes_on, true)
        and coalesce(stg_partners.ended_on >= plan_periods.period_start, coalesce(stg_partners.status, 'active') <> 'ended')
),

-- The same days of the year before: all of them once the period is over, the elapsed ones while it runs.
framed as (
    select
        *,
        add_months(counts_from, -12) as prior_from,
        least(
            add_months(period_end + 1, -12) - 1,
            case
                when counts_to = period_end then add_months(period_end + 1, -12) - 1
                else add_days(add_months(period_start, -12), counts_to - period_start)
            end
        ) as prior_to
    from entitled
),

days as (
    select flow, partner_id, business_date, sum(money) as money, sum(units) as units
    from partner_flows
    where business_date <= $as_of_date
    group by flow, partner_id, business_date
),

days_by_period as (
    select 'month' as period_type, cast(date_trunc('month', business_date) as date) as period_start, days.*
    from days
    union all
    select 'quarter' as period_type, cast(date_trunc('quarter', business_date) as date) as period_start, days.*
    from days
    union all
    select 'year' as period_type, cast(date_trunc('year', business_date) as date) as period_start, days.*
    from days
),

actuals as (
    select framed.plan_id, framed.partner_id, framed.period, sum(days.money) as money, sum(days.units) as units
    from framed
    inner join days_by_period as days
        on days.flow = framed.basis
        and days.partner_id = framed.partner_id
        and days.period_type = framed.period_type
        and days.period_start = framed.period_start
    where days.business_date between framed.counts_from and framed.counts_to
    group by framed.plan_id, framed.partner_id, framed.period
),

prior_actuals as (
    select framed.plan_id, framed.partner_id, framed.period, sum(days.money) as money, sum(days.units) as units
    from framed
    inner join days_by_period as days
        on days.flow = framed.basis
        and days.partner_id = framed.partner_id
        and days.period_type = framed.period_type
        and days.period_start = add_months(framed.period_start, -12)
    where days.business_date between framed.prior_from and framed.prior_to
    group by framed.plan_id, framed.partner_id, framed.period
),

-- From the first day on of which anything is known of the flow.
history as (
    select flow, min(business_date) as known_from
    from days
    group by flow
),

measured as (
    select
        framed.*,
        coalesce(history.known_from <= framed.counts_from, false) as history_is_complete,
        coalesce(history.known_from <= framed.prior_from, false) as prior_is_complete,
        coalesce(history.known_from > framed.prior_from and history.known_from <= framed.prior_to, false) as prior_is_part,
        cast(
            coalesce(case framed.metric when 'money' then actuals.money else actuals.units end, 0) as decimal(38,4)
        ) as actual,
        cast(
            coalesce(case framed.metric when 'money' then prior_actuals.money else prior_actuals.units end, 0)
            as decimal(38,4)
        ) as prior_actual,
        period_targets.target
    from framed
    left join history on history.flow = framed.basis
    left join actuals
        on actuals.plan_id = framed.plan_id
        and actuals.partner_id = framed.partner_id
        and actuals.period = framed.period
    left join prior_actuals
        on prior_actuals.plan_id = framed.plan_id
        and prior_actuals.partner_id = framed.partner_id
        and prior_actuals.period = framed.period
    left join period_targets
        on period_targets.scope = 'partner'
        and period_targets.scope_id = framed.partner_id
        and period_targets.period = framed.period
        and period_targets.metric = case
            when framed.basis = 'sell_out' and framed.metric = 'money' then 'net_sales'
            when framed.basis = 'sell_out' then 'units'
            when framed.metric = 'money' then 'sell_in_sales'
            else 'sell_in_units'
        end
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
        tiers_by,
        history_is_complete,
        cast(actual as decimal(18,4)) as actual,
        target,
        case when history_is_complete and target > 0 then cast(actual as double) / cast(target as double) end
            as attainment,
        case
            when not history_is_complete then 'incomplete_history'
            when coalesce(target, 0) <= 0 then 'no_target'
        end as attainment_status,
        case when prior_is_complete then cast(prior_actual as decimal(18,4)) end as prior_actual,
        case
            when history_is_complete and prior_is_complete and prior_actual > 0
                then round(cast(actual - prior_actual as double) / cast(prior_actual as double), 9)
        end as growth,
        case
            when not history_is_complete then 'incomplete_history'
            when prior_is_part then 'incomplete_history'
            when not prior_is_complete or prior_actual = 0 then 'no_prior_period'
            when prior_actual < 0 then 'negative_base'
        end as growth_status
    from measured
)

select
    partner_id, partner_name, partner_manager, channel_id, plan_id, period_type, period, period_start, period_end,
    closes_on, counts_from, counts_to, is_provisional, basis, metric, method, tiers_by, history_is_complete, actual,
    target, attainment, attainment_status, prior_actual, growth, growth_status
from final
