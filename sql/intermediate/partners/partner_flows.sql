-- What a partner bought from the brand and what it sold, day by day: both flows in one shape, so that a plan or a
-- target may be about either.
select 'sell_out' as flow, partner_id, business_date, net_sales as money, units
from partner_channel_days
union all
select 'sell_in' as flow, partner_id, business_date, net_amount as money, units
from sell_in_days
