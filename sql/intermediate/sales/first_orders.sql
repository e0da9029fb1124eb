-- The first order of each known customer with the company: where and when the customer was won.
with ranked as (
    select
        *,
        row_number() over (
            partition by customer_id
            order by business_date, sold_at, channel_id, partner_id, order_id
        ) as place
    from first_orders_by_month
)

select
    customer_id,
    business_date,
    month_start,
    channel_id,
    partner_id,
    order_id
from ranked
where place = 1
