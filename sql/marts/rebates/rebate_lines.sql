-- The lines behind partner_rebates: what a period earned, what a conflict proposes to keep back, every payout as it was
-- paid, and beside a paid period what has changed since. A paid period is never rewritten.
--     earned = paid + adjustment over the lines of a paid period, but for the rounding of the sum due
-- Every line holds its amount in one of these columns alone, so that each of them adds up over any choice of lines.
with periods as (
    select * from partner_rebates
),

payouts as (
    select payout_id, partner_id, plan_id, period, paid_on, amount
    from stg_rebate_payouts
),

paid_periods as (
    select distinct partner_id, plan_id, period from payouts
),

lines as (
    select
        periods.*,
        'accrual' as line_kind,
        'accrual' as line_id,
        cast(null as date) as paid_on,
        rebate_before_deduction as earned,
        rebate_with_growth as earned_with_growth,
        cast(null as decimal(18,4)) as paid,
        cast(null as decimal(18,4)) as adjustment,
        case when finality in ('proposed', 'final') then 'computed' else finality end as line_status
    from periods
    where rebate_due_status is distinct from 'no_plan'
    union all
    select
        periods.*,
        'conflict_deduction' as line_kind,
        'conflict_deduction' as line_id,
        cast(null as date) as paid_on,
        -deducted_amount as earned,
        cast(-rebate_with_growth * cast(deduction_rate as decimal(9,6)) as decimal(18,4)) as earned_with_growth,
        cast(null as decimal(18,4)) as paid,
        cast(null as decimal(18,4)) as adjustment,
        'proposed' as line_status
    from periods
    where deduction_rate > 0
    union all
    select
        periods.*,
        'payout' as line_kind,
        payouts.payout_id as line_id,
        payouts.paid_on,
        cast(null as decimal(18,4)) as earned,
        cast(null as decimal(18,4)) as earned_with_growth,
        payouts.amount as paid,
        cast(null as decimal(18,4)) as adjustment,
        'paid' as line_status
    from periods
    inner join payouts
        on payouts.partner_id = periods.partner_id
        and payouts.plan_id = periods.plan_id
        and payouts.period = periods.period
    union all
    select
        periods.*,
        'adjustment' as line_kind,
        'adjustment' as line_id,
        cast(null as date) as paid_on,
        cast(null as decimal(18,4)) as earned,
        cast(null as decimal(18,4)) as earned_with_growth,
        cast(null as decimal(18,4)) as paid,
        open_amount as adjustment,
        case when finality = 'final' then 'computed' else finality end as line_status
    from periods
    left semi join paid_periods
        on paid_periods.partner_id = periods.partner_id
        and paid_periods.plan_id = periods.plan_id
        and paid_periods.period = periods.period
    where coalesce(open_amount <> 0, true)
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
    is_provisional,
    line_kind,
    line_id,
    paid_on,
    earned as earned_amount,
    earned_with_growth as earned_amount_with_growth,
    paid as paid_amount,
    adjustment as adjustment_amount,
    line_status
from lines
