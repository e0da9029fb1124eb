-- Net sales of each partner by month and region: small enough to be read whole.
select
    cast(date_trunc('month', business_date) as date) as month_start,
    partner_id,
    region,
    cast(sum(net_amount) as decimal(18,4)) as net_sales
from sales_lines
group by cast(date_trunc('month', business_date) as date), partner_id, region
