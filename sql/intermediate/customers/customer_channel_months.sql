-- What each identified customer bought and brought back in each channel by month.
with
customer_days as (
    select business_date, customer_id, partner_id, channel_id, order_id, has_sale_line, net_amount
    from customer_orders
),
orders_of_month as (
    -- An order is one order, however many of its lines follow on later days of the month.
    select
        cast(date_trunc('month', business_date) as date) as month_start,
        customer_id,
        channel_id,
        partner_id,
        order_id,
        bool_or(has_sale_line) as is_order,
        sum(net_amount) as net_sales,
        max(business_date) as last_seen_on
    from customer_days
    group by date_trunc('month', business_date), customer_id, channel_id, partner_id, order_id
),
final as (
    select
        month_start,
        customer_id,
        channel_id,
        count(*) filter (where is_order) as orders,
        cast(sum(net_sales) as decimal(18, 4)) as net_sales,
        max(last_seen_on) as last_seen_on
    from orders_of_month
    group by month_start, customer_id, channel_id
)
select month_start, customer_id, channel_id, orders, net_sales, last_seen_on
from final
