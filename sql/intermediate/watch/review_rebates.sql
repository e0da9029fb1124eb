-- The month's review: rebates of closed periods that are still owed. Where nobody says what was paid, those of the
-- periods that the month closed are told as they fell due.
with last_month as (
    select month_start, month_end from closed_month
),

rebates as (
    select * from partner_rebates
    where not is_provisional
),

channels as (
    select channel_id, manager from channels_current
),

owed as (
    select
        rebates.*,
        coalesce(rebates.open_amount, rebates.rebate_due) as owed_amount
    from rebates
    cross join last_month
    where rebates.period_end <= last_month.month_end
        and (
            rebates.open_amount > 0
            or (
                rebates.open_amount_status = 'no_payout_data'
                and rebates.rebate_due > 0
                and rebates.period_end = last_month.month_end
            )
        )
),

final as (
    select
        owed.partner_id,
        coalesce(owed.partner_name, owed.partner_id) as partner_name,
        owed.plan_id,
        owed.period,
        owed.period_end,
        owed.rebate_due,
        owed.rebate_due_with_growth,
        owed.deducted_amount,
        owed.paid_amount,
        owed.owed_amount,
        owed.finality,
        owed.partner_manager,
        channels.manager as channel_manager
    from owed
    left join channels
        on owed.channel_id = channels.channel_id
)

select
    partner_id, partner_name, plan_id, period, period_end, rebate_due, rebate_due_with_growth, deducted_amount,
    paid_amount, owed_amount, finality, partner_manager, channel_manager
from final
