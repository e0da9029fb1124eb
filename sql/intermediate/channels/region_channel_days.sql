-- Net sales of each channel in each region, day by day: what the mix of channels is made of.
select
    business_date,
    region,
    channel_id,
    cast(sum(net_amount) as decimal(18, 4)) as net_sales
from sales_lines
group by business_date, region, channel_id
