-- How many orders of a month hold a product, and how many hold two together: the small step from which bought_together
-- counts a year. A product beside itself is the product alone.
with
lines as (
    select business_date, partner_id, order_id, sku
    from sales_lines
    where sale_type = 'sale'
),
items as (
    select cast(date_trunc('month', business_date) as date) as month_start, partner_id, order_id, sku
    from lines
    group by cast(date_trunc('month', business_date) as date), partner_id, order_id, sku
),
sized as (
    select *, count(*) over (partition by month_start, partner_id, order_id) as products
    from items
),
baskets as (
    -- Wholesale orders would make every product go with every other.
    select month_start, partner_id, order_id, sku, products
    from sized
    where products <= $basket_products_max
),
alone as (
    select month_start, sku, sku as other_sku, count(*) as orders
    from baskets
    group by month_start, sku
),
together as (
    select baskets.month_start, baskets.sku, others.sku as other_sku, count(*) as orders
    from (select * from baskets where products > 1) as baskets
    inner join (select * from baskets where products > 1) as others
        on baskets.month_start = others.month_start
        and baskets.partner_id = others.partner_id
        and baskets.order_id = others.order_id
        and baskets.sku < others.sku
    group by baskets.month_start, baskets.sku, others.sku
),
totals as (
    select month_start, count(*) as orders_in_month
    from (select month_start, partner_id, order_id from baskets group by month_start, partner_id, order_id) as orders
    group by month_start
),
pairs as (
    select month_start, sku, other_sku, orders from alone
    union all
    select month_start, sku, other_sku, orders from together
),
final as (
    select pairs.month_start, pairs.sku, pairs.other_sku, pairs.orders, totals.orders_in_month
    from pairs
    inner join totals
        on pairs.month_start = totals.month_start
)
select month_start, sku, other_sku, orders, orders_in_month
from final
