-- A day's sales of everything that is watched: all, each channel, partner, region and category.
with
parts as (
    select business_date, channel_id, partner_id, region, category, net_sales, units, sale_value, sale_units, return_value
    from watch_parts
),
order_parts as (
    -- An order counts once at every level, however many parts it touches.
    select distinct
        business_date, channel_id, partner_id, region, coalesce(category, 'unknown') as category,
        partner_id || '/' || order_id as order_key
    from sales_lines
    where sale_type = 'sale'
),
sums as (
    select business_date, 'total' as entity_type, 'all' as entity_id,
        sum(net_sales) as net_sales, sum(units) as units, sum(sale_value) as sale_value,
        sum(sale_units) as sale_units, sum(return_value) as return_value
    from parts
    group by business_date
    union all
    select business_date, 'channel' as entity_type, channel_id as entity_id,
        sum(net_sales), sum(units), sum(sale_value), sum(sale_units), sum(return_value)
    from parts
    group by business_date, channel_id
    union all
    select business_date, 'partner' as entity_type, partner_id as entity_id,
        sum(net_sales), sum(units), sum(sale_value), sum(sale_units), sum(return_value)
    from parts
    group by business_date, partner_id
    union all
    select business_date, 'region' as entity_type, region as entity_id,
        sum(net_sales), sum(units), sum(sale_value), sum(sale_units), sum(return_value)
    from parts
    group by business_date, region
    union all
    select business_date, 'category' as entity_type, category as entity_id,
        sum(net_sales), sum(units), sum(sale_value), sum(sale_units), sum(return_value)
    from parts
    group by business_date, category
),
orders as (
    select business_date, 'total' as entity_type, 'all' as entity_id, count(distinct order_key) as orders
    from order_parts
    group by business_date
    union all
    select business_date, 'channel' as entity_type, channel_id as entity_id, count(distinct order_key)
    from order_parts
    group by business_date, channel_id
    union all
    select business_date, 'partner' as entity_type, partner_id as entity_id, count(distinct order_key)
    from order_parts
    group by business_date, partner_id
    union all
    select business_date, 'region' as entity_type, region as entity_id, count(distinct order_key)
    from order_parts
    group by business_date, region
    union all
    select business_date, 'category' as entity_type, category as entity_id, count(distinct order_key)
    from order_parts
    group by business_date, category
),
final as (
    select
        sums.business_date,
        sums.entity_type,
        sums.entity_id,
        cast(sums.net_sales as decimal(18, 4)) as net_sales,
        sums.units,
        coalesce(orders.orders, 0) as orders,
        cast(sums.sale_value as decimal(18, 4)) as sale_value,
        sums.sale_units,
        cast(sums.return_value as decimal(18, 4)) as return_value
    from sums
    left join orders
        on sums.business_date = orders.business_date
        and sums.entity_type = orders.entity_type
        and sums.entity_id = orders.entity_id
)
select
    business_date, entity_type, entity_id, net_sales, units, orders, sale_value, sale_units, return_value
from final
