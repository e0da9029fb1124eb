-- Amounts and units by day, partner, channel, region and article, in base currency: the sums behind sales_daily
-- and behind every figure by month and quarter. A step of its own, so that they are defined in one place.
select
    business_date,
    partner_id,
    channel_id,
    region,
    sku,
    max(category) as category,
    cast(coalesce(sum(gross_amount) filter (where sale_type = 'sale'), 0) as decimal(18,4)) as gross_sales,
    cast(coalesce(sum(discount_amount) filter (where sale_type = 'sale'), 0) as decimal(18,4)) as discounts,
    cast(coalesce(sum(-net_amount) filter (where sale_type = 'return'), 0) as decimal(18,4)) as returns,
    cast(coalesce(sum(net_amount) filter (where sale_type = 'adjustment'), 0) as decimal(18,4)) as adjustments,
    cast(sum(net_amount) as decimal(18,4)) as net_sales,
    coalesce(sum(quantity) filter (where sale_type <> 'adjustment'), 0) as units,
    cast(sum(list_value) as decimal(18,4)) as list_price_value,
    cast(sum(cost_amount) as decimal(18,4)) as cost_amount,
    count(*) filter (where rate_status = 'stale_rate') as stale_rate_lines
from sales_lines
group by business_date, partner_id, channel_id, region, sku
