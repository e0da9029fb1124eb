-- Sales by day, partner, channel, region and article, in base currency.
-- Amounts and units add up to every other mart; orders and customers do not add. They are counted by taking each
-- order, then each customer, once: the engine's count(distinct) is far slower over this many groups.
with amounts as (
    select *
    from sales_by_article_day
),

sale_lines as (
    select
        business_date,
        partner_id,
        channel_id,
        region,
        sku,
        order_id,
        customer_id
    from sales_lines
    where sale_type = 'sale'
),

order_counts as (
    select
        business_date,
        partner_id,
        channel_id,
        region,
        sku,
        count(*) as orders
    from (select distinct business_date, partner_id, channel_id, region, sku, order_id from sale_lines) as orders_once
    group by business_date, partner_id, channel_id, region, sku
),

customer_counts as (
    select
        business_date,
        partner_id,
        channel_id,
        region,
        sku,
        count(customer_id) as customers
    from (select distinct business_date, partner_id, channel_id, region, sku, customer_id from sale_lines) as customers_once
    group by business_date, partner_id, channel_id, region, sku
)

select
    amounts.business_date,
    amounts.partner_id,
    amounts.channel_id,
    amounts.region,
    amounts.sku,
    amounts.category,
    amounts.gross_sales,
    amounts.discounts,
    amounts.returns,
    amounts.adjustments,
    amounts.net_sales,
    amounts.units,
    coalesce(order_counts.orders, 0) as orders,
    coalesce(customer_counts.customers, 0) as customers,
    amounts.list_price_value,
    amounts.cost_amount,
    case when amounts.stale_rate_lines > 0 then 'stale_rate' end as net_sales_status
from amounts
left join order_counts
    on order_counts.business_date = amounts.business_date
    and order_counts.partner_id = amounts.partner_id
    and order_counts.channel_id = amounts.channel_id
    and order_counts.region = amounts.region
    and order_counts.sku = amounts.sku
left join customer_counts
    on customer_counts.business_date = amounts.business_date
    and customer_counts.partner_id = amounts.partner_id
    and customer_counts.channel_id = amounts.channel_id
    and customer_counts.region = amounts.region
    and customer_counts.sku = amounts.sku
