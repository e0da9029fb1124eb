-- The first order of each known customer within a month: the small step from which first_orders is found
-- without reading all orders again every night.
with ranked as (
    select
        cast(date_trunc('month', business_date) as date) as month_start,
        customer_id,
        business_date,
        sold_at,
        channel_id,
        partner_id,
        order_id,
        row_number() over (
            partition by date_trunc('month', business_date), customer_id
            order by business_date, sold_at, channel_id, partner_id, order_id
        ) as place
    from orders
    where customer_id is not null
)

select
    month_start,
    customer_id,
    business_date,
    sold_at,
    channel_id,
    partner_id,
    order_id
from ranked
where place = 1
