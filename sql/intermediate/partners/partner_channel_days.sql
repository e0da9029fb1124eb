-- Sales of a partner in a channel, day by day: what every monthly and quarterly figure is added up from.
select
    business_date,
    partner_id,
    channel_id,
    cast(sum(gross_sales) as decimal(18,4)) as gross_sales,
    cast(sum(discounts) as decimal(18,4)) as discounts,
    cast(sum(returns) as decimal(18,4)) as returns,
    cast(sum(adjustments) as decimal(18,4)) as adjustments,
    cast(sum(net_sales) as decimal(18,4)) as net_sales,
    sum(units) as units,
    cast(sum(list_price_value) as decimal(18,4)) as list_price_value,
    cast(sum(cost_amount) as decimal(18,4)) as cost_amount,
    count(*) filter (where list_price_value is null) as articles_without_list_price,
    count(*) filter (where cost_amount is null) as articles_without_cost,
    sum(stale_rate_lines) as stale_rate_lines
from sales_by_article_day
group by business_date, partner_id, channel_id
