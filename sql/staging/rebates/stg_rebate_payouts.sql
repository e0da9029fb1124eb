-- Rebates paid: of every payout, the latest delivery counts.
select
    business_date, payout_id, partner_id, plan_id, period, paid_on, amount, _sender, _file, _line, _input,
    _delivered_at
from feeds.rebate_payouts_newest
