-- One row an order and day: an order is a partner's order number with at least one sale line.
-- Returns that come back under the same number on another day make no order of their own.
with sale_lines as (
    select *
    from sales_lines
    where sale_type = 'sale'
)

select
    business_date,
    partner_id,
    channel_id,
    order_id,
    partner_id || ' / ' || order_id as order_key,
    max(customer_id) as customer_id,
    min(sold_at) as sold_at,
    sum(quantity) as units,
    cast(sum(net_amount) as decimal(18,4)) as sale_amount
from sale_lines
group by business_date, partner_id, channel_id, order_id
