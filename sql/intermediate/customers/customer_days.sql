-- What each identified customer spent less what they brought back, by day, how many orders they began, and the days on
-- which they bought something and kept it: the small step from which scores, lifetime value, membership and follow-ups
-- count. What cost nothing was bought too; only a day on which returns took away all that was bought is none.
with
lines as (
    select business_date, customer_id, partner_id, order_id, has_sale_line, has_return_line, net_amount
    from customer_orders
),
orders as (
    -- An order is one order, however many of its lines follow on later days.
    select customer_id, partner_id, order_id, min(business_date) as business_date
    from lines
    where has_sale_line
    group by customer_id, partner_id, order_id
),
begun as (
    select customer_id, business_date, count(*) as orders
    from orders
    group by customer_id, business_date
),
days as (
    select
        business_date,
        customer_id,
        cast(sum(net_amount) as decimal(38, 4)) as net_amount,
        bool_or(has_sale_line) and (sum(net_amount) > 0 or not bool_or(has_return_line)) as is_purchase
    from lines
    group by business_date, customer_id
)
select
    days.business_date,
    days.customer_id,
    coalesce(begun.orders, 0) as orders,
    cast(days.net_amount as decimal(18, 4)) as net_amount,
    days.is_purchase
from days
left join begun
    on days.customer_id = begun.customer_id
    and days.business_date = begun.business_date
