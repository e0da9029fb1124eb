-- What each partner received from the brand, net of what it sent back, by day.
select
    business_date,
    partner_id,
    sum(quantity) as units,
    cast(sum(net_amount) as decimal(18, 4)) as net_amount
from sell_in_lines
group by business_date, partner_id
