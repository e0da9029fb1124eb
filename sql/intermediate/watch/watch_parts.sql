-- The smallest parts that a day's sales are watched in: channel × partner × region × category.
with
lines as (
    select
        business_date, channel_id, partner_id, region, category, order_id, sale_type, promotion_id,
        net_amount, quantity
    from sales_lines
),
final as (
    -- Adjustments move money, not goods. Return value is positive.
    select
        business_date,
        channel_id,
        partner_id,
        region,
        coalesce(category, 'unknown') as category,
        cast(sum(net_amount) as decimal(18, 4)) as net_sales,
        coalesce(sum(quantity) filter (where sale_type in ('sale', 'return')), 0) as units,
        count(distinct order_id) filter (where sale_type = 'sale') as orders,
        cast(coalesce(sum(net_amount) filter (where sale_type = 'sale'), 0) as decimal(18, 4)) as sale_value,
        coalesce(sum(quantity) filter (where sale_type = 'sale'), 0) as sale_units,
        cast(coalesce(sum(-net_amount) filter (where sale_type = 'return'), 0) as decimal(18, 4)) as return_value,
        cast(
            coalesce(sum(net_amount) filter (where promotion_id is not null), 0) as decimal(18, 4)
        ) as promoted_net_sales,
        max(promotion_id) as promotion_id
    from lines
    group by business_date, channel_id, partner_id, region, coalesce(category, 'unknown')
)
select
    business_date, channel_id, partner_id, region, category, net_sales, units, orders, sale_value, sale_units,
    return_value, promoted_net_sales, promotion_id
from final
