-- What each identified customer bought and brought back, by order and day.
with
lines as (
    select business_date, sold_at, customer_id, partner_id, channel_id, order_id, sale_type, net_amount
    from sales_lines
    where customer_id is not null
),
final as (
    select
        business_date,
        customer_id,
        partner_id,
        channel_id,
        order_id,
        min(sold_at) filter (where sale_type = 'sale') as ordered_at,
        bool_or(sale_type = 'sale') as has_sale_line,
        bool_or(sale_type = 'return') as has_return_line,
        cast(sum(net_amount) as decimal(18, 4)) as net_amount
    from lines
    group by business_date, customer_id, partner_id, channel_id, order_id
)
select business_date, ordered_at, customer_id, partner_id, channel_id, order_id, has_sale_line, has_return_line, net_amount
from final
