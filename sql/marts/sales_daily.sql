-- Sales by day, partner, channel, region and article, in base currency.
-- Amounts and units add up to every other mart; orders and customers do not add.
select
    business_date,
    partner_id,
    channel_id,
    region,
    sku,
    category,
    gross_sales,
    discounts,
    returns,
    adjustments,
    net_sales,
    units,
    orders,
    customers,
    list_price_value,
    cost_amount
from sales_by_article_day
