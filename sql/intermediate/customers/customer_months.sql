-- What each identified customer did in each month: orders begun, the channel of the first of them, and money.
with
lines as (
    select business_date, ordered_at, customer_id, partner_id, channel_id, order_id, has_sale_line, net_amount
    from customer_orders
),
orders as (
    -- An order is one order, however many of its lines follow on later days.
    select
        customer_id,
        partner_id,
        order_id,
        min(business_date) as ordered_on,
        min(ordered_at) as ordered_at,
        first_value(channel_id order by business_date, ordered_at, channel_id) as channel_id
    from lines
    where has_sale_line
    group by customer_id, partner_id, order_id
),
begun as (
    select
        customer_id,
        cast(date_trunc('month', ordered_on) as date) as month_start,
        count(*) as orders,
        -- The same order as in first_orders: where a customer was won is said in one way only.
        first_value(channel_id order by ordered_on, ordered_at, channel_id, partner_id, order_id) as first_channel_id
    from orders
    group by customer_id, cast(date_trunc('month', ordered_on) as date)
),
money as (
    select
        customer_id,
        cast(date_trunc('month', business_date) as date) as month_start,
        cast(sum(net_amount) as decimal(38, 4)) as net_sales
    from lines
    group by customer_id, cast(date_trunc('month', business_date) as date)
)
select
    money.month_start,
    money.customer_id,
    coalesce(begun.orders, 0) as orders,
    begun.first_channel_id,
    cast(money.net_sales as decimal(18, 4)) as net_sales
from money
left join begun
    on money.customer_id = begun.customer_id
    and money.month_start = begun.month_start
