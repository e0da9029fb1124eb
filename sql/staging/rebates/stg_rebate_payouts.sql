-- Rebates paid: of every payout, the latest delivery counts.
with ranked as (
    select
        *,
        row_number() over (
            partition by payout_id
            order by _delivered_at desc, _input desc, _file desc, _line desc
        ) as newest_row
    from feeds.rebate_payouts
)

select
    business_date,
    payout_id,
    partner_id,
    plan_id,
    period,
    paid_on,
    amount,
    _sender,
    _file,
    _line,
    _input,
    _delivered_at
from ranked
where newest_row = 1
