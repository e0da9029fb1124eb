-- Rebates of every partner, plan and period, a row a period: what was earned by the plan's tiers (rebate_accruals), what
-- conflicts propose to keep back, what is due, what was paid, and what is open. The lines behind it are in rebate_lines.
-- Only the sum due is rounded, once. A deduction is a proposal for a person to decide on; and where the growth that a
-- tier asks for is not known, both amounts are shown and neither is final.
-- Where it comes from: who takes part in which period, with what was bought or sold, is rebate_periods; the plan's tiers
-- as amounts to reach and which are reached, rebate_tiers; how near to the next one, rebate_attainment.
with accruals as (
    select * from rebate_accruals
),

payouts as (
    select partner_id, plan_id, period, sum(amount) as paid_amount
    from stg_rebate_payouts
    group by partner_id, plan_id, period
),

-- The largest rate that a conflict case proposes whose goods were bought in the period.
proposed_rates as (
    select
        conflict_rebates.partner_id,
        conflict_rebates.plan_id,
        conflict_rebates.period,
        max(conflict_cases.rebate_deduction_rate) as deduction_rate
    from conflict_rebates
    inner join conflict_cases
        on conflict_cases.partner_id = conflict_rebates.partner_id
        and conflict_cases.month_start = conflict_rebates.month_start
    group by conflict_rebates.partner_id, conflict_rebates.plan_id, conflict_rebates.period
),

-- Without a feed of payouts nobody knows what was paid.
arrived as (
    select (select count(*) from system.feeds where feed = 'rebate_payouts' and arrived) > 0 as payouts_arrived
),

-- Periods by the plans, and those that were paid without a plan that we know.
periods as (
    select partner_id, plan_id, period from accruals
    union
    select partner_id, plan_id, period from payouts
),

settled as (
    select
        accruals.*,
        periods.partner_id as paid_partner_id,
        periods.plan_id as paid_plan_id,
        periods.period as paid_period,
        accruals.plan_id is null as lacks_plan,
        case when accruals.rebate > 0 then cast(coalesce(proposed_rates.deduction_rate, 0) as decimal(38,6)) else 0 end
            as rate,
        payouts.paid_amount,
        arrived.payouts_arrived
    from periods
    cross join arrived
    left join accruals
        on accruals.partner_id = periods.partner_id
        and accruals.plan_id = periods.plan_id
        and accruals.period = periods.period
    left join proposed_rates
        on proposed_rates.partner_id = periods.partner_id
        and proposed_rates.plan_id = periods.plan_id
        and proposed_rates.period = periods.period
    left join payouts
        on payouts.partner_id = periods.partner_id
        and payouts.plan_id = periods.plan_id
        and payouts.period = periods.period
),

due as (
    select
        *,
        coalesce(is_provisional, period_end(paid_period) > $as_of_date) as is_running,
        case when lacks_plan then 'no_plan' else rebate_status end as status,
        cast(rebate * rate as decimal(38,10)) as deduction,
        cast(rebate_with_growth * rate as decimal(38,10)) as deduction_with_growth
    from settled
),

rounded as (
    select
        *,
        cast(round(rebate - deduction, $rebate_decimals) as decimal(38,4)) as rebate_due,
        cast(round(rebate_with_growth - deduction_with_growth, $rebate_decimals) as decimal(38,4))
            as rebate_due_with_growth,
        cast(case when payouts_arrived then coalesce(paid_amount, 0) end as decimal(38,4)) as paid
    from due
),

final as (
    select
        paid_partner_id as partner_id,
        partner_name,
        partner_manager,
        channel_id,
        paid_plan_id as plan_id,
        period_type,
        paid_period as period,
        coalesce(period_start, period_start(paid_period)) as period_start,
        coalesce(period_end, period_end(paid_period)) as period_end,
        is_running as is_provisional,
        case
            when status is not null then status
            when is_running then 'provisional'
            when growth_is_unknown then 'growth_unknown'
            when rate > 0 then 'proposed'
            else 'final'
        end as finality,
        basis,
        metric,
        method,
        actual,
        target as plan_target,
        attainment,
        case when lacks_plan then 'no_plan' else attainment_status end as attainment_status,
        prior_actual,
        growth,
        case when lacks_plan then 'no_plan' else growth_status end as growth_status,
        tier_no as rebate_tier_no,
        case when lacks_plan then 'no_plan' else tier_status end as rebate_tier_status,
        tier_no_with_growth as rebate_tier_no_with_growth,
        is_growth_short,
        missing_to_next_tier as missing_to_next_rebate_tier,
        case when lacks_plan then 'no_plan' else missing_to_next_tier_status end as missing_to_next_rebate_tier_status,
        is_capped,
        cast(rebate as decimal(18,4)) as rebate_before_deduction,
        cast(rebate_with_growth as decimal(18,4)) as rebate_with_growth,
        cast(rate as double) as deduction_rate,
        cast(deduction as decimal(18,4)) as deducted_amount,
        rebate_due,
        rebate_due_with_growth,
        status as rebate_due_status,
        paid as paid_amount,
        case when not payouts_arrived then 'no_payout_data' end as paid_amount_status,
        case when not is_running or coalesce(paid_amount, 0) <> 0 then cast(rebate_due - paid as decimal(18,4)) end
            as open_amount,
        case
            when status is not null then status
            when not payouts_arrived then 'no_payout_data'
            when is_running and coalesce(paid_amount, 0) = 0 then 'provisional'
        end as open_amount_status
    from rounded
)

select
    partner_id, partner_name, partner_manager, channel_id, plan_id, period_type, period, period_start, period_end,
    is_provisional, finality, basis, metric, method, actual, plan_target, attainment, attainment_status, prior_actual, growth,
    growth_status, rebate_tier_no, rebate_tier_status, rebate_tier_no_with_growth, is_growth_short, missing_to_next_rebate_tier,
    missing_to_next_rebate_tier_status, is_capped, rebate_before_deduction, rebate_with_growth, deduction_rate,
    deducted_amount, rebate_due, rebate_due_with_growth, rebate_due_status, paid_amount, paid_amount_status,
    open_amount, open_amount_status
from final
