-- What each identified customer spent less what they brought back, by day, and the days on which they bought something
-- and kept it: the small step from which lifetime value, membership and follow-ups count.
with
orders as (
    select business_date, customer_id, has_sale_line, net_amount from customer_orders
),
final as (
    select
        business_date,
        customer_id,
        cast(sum(net_amount) as decimal(18, 4)) as net_amount,
        bool_or(has_sale_line) and sum(net_amount) > 0 as is_purchase
    from orders
    group by business_date, customer_id
)
select business_date, customer_id, net_amount, is_purchase
from final
