-- Rebates of every partner, plan and period, line by line: what was earned, what a conflict proposes to keep back,
-- what was paid, and what is left to pay (or to take back, negative). A paid period is never rewritten: whatever
-- changes afterwards shows as an adjustment beside the payment.
--     accrual + conflict_deduction = payout + adjustment, but for the rounding
-- Only the sum due is rounded, once. A deduction is a proposal for a person to decide on, and so is an adjustment
-- that holds one.
-- Where it comes from: who takes part in which period, with what was bought or sold, is rebate_periods; the plan's tiers
-- as amounts to reach and which are reached, rebate_tiers; how near to the next one, rebate_attainment; what was earned,
-- rebate_accruals. This model puts deductions and payouts beside it.
with accruals as (
    select * from rebate_accruals
),

payouts as (
    select payout_id, partner_id, plan_id, period, paid_on, amount
    from stg_rebate_payouts
),

-- The largest rate that a conflict case of the period's months proposes.
proposed_rates as (
    select
        accruals.partner_id,
        accruals.plan_id,
        accruals.period,
        max(conflict_cases.rebate_deduction_rate) as deduction_rate
    from accruals
    inner join conflict_cases
        on conflict_cases.partner_id = accruals.partner_id
        and conflict_cases.month_start >= accruals.period_start
        and conflict_cases.month_start <= accruals.closes_on
    group by accruals.partner_id, accruals.plan_id, accruals.period
),

-- Without a feed of payouts nobody knows what was paid.
arrived as (
    select (select count(*) from system.feeds where feed = 'rebate_payouts' and arrived) > 0 as payouts_arrived
),

paid_periods as (
    select partner_id, plan_id, period, sum(amount) as paid_amount
    from payouts
    group by partner_id, plan_id, period
),

-- Periods by the plans, and those that were paid without a plan that we know.
periods as (
    select partner_id, plan_id, period from accruals
    union
    select partner_id, plan_id, period from paid_periods
),

settled as (
    select
        periods.partner_id,
        periods.plan_id,
        periods.period,
        accruals.partner_name,
        accruals.partner_manager,
        accruals.channel_id,
        accruals.period_type,
        coalesce(accruals.period_start, period_start(periods.period)) as period_start,
        coalesce(accruals.period_end, period_end(periods.period)) as period_end,
        coalesce(accruals.provisional, period_end(periods.period) > $as_of_date) as provisional,
        accruals.basis,
        accruals.metric,
        accruals.method,
        accruals.actual,
        accruals.target,
        accruals.attainment,
        coalesce(accruals.attainment_status, case when accruals.plan_id is null then 'no_plan' end)
            as attainment_status,
        accruals.prior_actual,
        accruals.growth,
        coalesce(accruals.growth_status, case when accruals.plan_id is null then 'no_plan' end) as growth_status,
        accruals.tier_no,
        coalesce(accruals.tier_status, case when accruals.plan_id is null then 'no_plan' end) as tier_status,
        accruals.growth_is_short,
        accruals.missing_to_next_tier,
        coalesce(accruals.missing_to_next_tier_status, case when accruals.plan_id is null then 'no_plan' end)
            as missing_to_next_tier_status,
        accruals.is_capped,
        accruals.rebate,
        case when accruals.plan_id is null then 'no_plan' else accruals.rebate_status end as rebate_status,
        case when accruals.rebate > 0 then coalesce(proposed_rates.deduction_rate, 0) else 0 end as deduction_rate,
        paid_periods.paid_amount,
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
    left join paid_periods
        on paid_periods.partner_id = periods.partner_id
        and paid_periods.plan_id = periods.plan_id
        and paid_periods.period = periods.period
),

deducted as (
    select
        *,
        cast(rebate * cast(deduction_rate as decimal(9,6)) as decimal(38,10)) as deduction
    from settled
),

due as (
    select
        *,
        cast(round(rebate - deduction, $rebate_decimals) as decimal(18,4)) as rebate_due
    from deducted
),

lines as (
    select
        *,
        'accrual' as line_kind,
        'accrual' as line_id,
        cast(null as date) as paid_on,
        cast(rebate as decimal(18,4)) as amount,
        case
            when rebate_status is not null then rebate_status
            when provisional then 'provisional'
            else 'computed'
        end as line_status
    from due
    where rebate_status is distinct from 'no_plan'
    union all
    select
        *,
        'conflict_deduction' as line_kind,
        'conflict_deduction' as line_id,
        cast(null as date) as paid_on,
        cast(-deduction as decimal(18,4)) as amount,
        'proposed' as line_status
    from due
    where deduction_rate > 0
    union all
    select
        due.*,
        'payout' as line_kind,
        payouts.payout_id as line_id,
        payouts.paid_on,
        payouts.amount,
        'paid' as line_status
    from due
    inner join payouts
        on payouts.partner_id = due.partner_id
        and payouts.plan_id = due.plan_id
        and payouts.period = due.period
    union all
    select
        *,
        'adjustment' as line_kind,
        'adjustment' as line_id,
        cast(null as date) as paid_on,
        cast(rebate_due - paid_amount as decimal(18,4)) as amount,
        case
            when rebate_status is not null then rebate_status
            when provisional then 'provisional'
            when deduction_rate > 0 then 'proposed'
            else 'computed'
        end as line_status
    from due
    where paid_amount is not null
        and (rebate_due is null or rebate_due <> paid_amount)
)

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
    provisional,
    line_kind,
    line_id,
    paid_on,
    amount,
    line_status,
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
    tier_no,
    tier_status,
    growth_is_short,
    missing_to_next_tier,
    missing_to_next_tier_status,
    is_capped,
    cast(rebate as decimal(18,4)) as rebate_before_deduction,
    deduction_rate,
    rebate_due,
    rebate_status as rebate_due_status,
    cast(case when payouts_arrived then coalesce(paid_amount, 0) end as decimal(18,4)) as paid_amount,
    case when not payouts_arrived then 'no_payout_data' end as paid_amount_status
from lines
