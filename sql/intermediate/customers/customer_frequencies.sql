-- How often each customer of a month buys: orders in the $customer_window_days days that end with the customer's last
-- day in the month, so that the figure of a closed month never changes and a running month is judged like a closed one.
with
buyers as (
    select month_start, customer_id, max(last_seen_on) as last_seen_on
    from customer_channel_months
    group by month_start, customer_id
),
customer_days as (
    select business_date, customer_id, partner_id, order_id
    from customer_orders
    where has_sale_line
),
orders_in_window as (
    select buyers.month_start, buyers.customer_id, customer_days.partner_id, customer_days.order_id
    from buyers
    inner join customer_days
        on customer_days.customer_id = buyers.customer_id
        and customer_days.business_date <= buyers.last_seen_on
        and customer_days.business_date > buyers.last_seen_on - $customer_window_days
    group by buyers.month_start, buyers.customer_id, customer_days.partner_id, customer_days.order_id
),
counted as (
    select month_start, customer_id, count(*) as orders_in_window
    from orders_in_window
    group by month_start, customer_id
),
final as (
    -- Who only brought something back may have no order left in the window.
    select buyers.month_start, buyers.customer_id, coalesce(counted.orders_in_window, 0) as orders_in_window
    from buyers
    left join counted
        on counted.month_start = buyers.month_start
        and counted.customer_id = buyers.customer_id
)
select month_start, customer_id, orders_in_window
from final
