-- From which channel to which identified customers went with their next order, by month of that order. Each order
-- stands beside the same customer's order before it, if that is no older than $path_window_days days; otherwise it
-- comes from 'none': a first order, or a new start. Going on in the same channel is a path too.
with
order_days as (
    select business_date, sold_at, customer_id, partner_id, channel_id, order_id, sale_amount
    from orders
    where customer_id is not null
),
customer_orders_once as (
    -- An order whose lines are spread over days is one order, of its first day.
    select
        customer_id,
        partner_id,
        channel_id,
        order_id,
        min(business_date) as ordered_on,
        min(sold_at) as sold_at,
        sum(sale_amount) as order_value
    from order_days
    group by customer_id, partner_id, channel_id, order_id
),
followed as (
    select
        customer_id,
        channel_id,
        ordered_on,
        order_value,
        lag(channel_id) over (
            partition by customer_id order by ordered_on, sold_at, channel_id, partner_id, order_id
        ) as channel_before,
        lag(ordered_on) over (
            partition by customer_id order by ordered_on, sold_at, channel_id, partner_id, order_id
        ) as ordered_before
    from customer_orders_once
),
paths as (
    select
        cast(date_trunc('month', ordered_on) as date) as month_start,
        case when ordered_on - ordered_before <= $path_window_days then channel_before else 'none' end
            as from_channel_id,
        channel_id as to_channel_id,
        customer_id,
        order_value,
        case when ordered_on - ordered_before <= $path_window_days then ordered_on - ordered_before end as days_between
    from followed
),
final as (
    select
        month_start,
        from_channel_id,
        to_channel_id,
        count(distinct customer_id) as customers,
        count(*) as orders,
        cast(sum(order_value) as decimal(18, 4)) as order_value,
        median_exact(days_between) as median_days_between
    from paths
    group by month_start, from_channel_id, to_channel_id
)
select month_start, from_channel_id, to_channel_id, customers, orders, order_value, median_days_between
from final
