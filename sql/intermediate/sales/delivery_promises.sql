-- Sale lines with a promised day of delivery, counted by that day: whether an open promise is already broken
-- depends on the as-of date and is decided by the reader.
select
    business_date,
    partner_id,
    channel_id,
    promised_on,
    count(*) as lines,
    count(delivered_on) as delivered_lines,
    count(*) filter (where delivered_on <= promised_on) as on_time_lines
from sales_lines
where sale_type = 'sale'
    and promised_on is not null
group by business_date, partner_id, channel_id, promised_on
