-- Orders, customers and regions of a channel on a day. None of them adds up over channels or days.
with counted_orders as (
    select
        business_date,
        channel_id,
        count(distinct order_key) as orders,
        count(distinct customer_id) as active_customers
    from orders
    group by business_date, channel_id
),

covered as (
    select
        business_date,
        channel_id,
        count(distinct region) as covered_regions
    from sales_lines
    where sale_type = 'sale'
        and region <> 'unknown'
    group by business_date, channel_id
)

select
    counted_orders.business_date,
    counted_orders.channel_id,
    counted_orders.orders,
    counted_orders.active_customers,
    coalesce(covered.covered_regions, 0) as covered_regions
from counted_orders
left join covered
    on covered.business_date = counted_orders.business_date
    and covered.channel_id = counted_orders.channel_id
