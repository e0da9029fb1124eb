-- Which sender reported which partner's sales in which channel, by month.
select distinct
    cast(date_trunc('month', business_date) as date) as month_start,
    partner_id,
    channel_id,
    _sender as sender
from sales_lines
