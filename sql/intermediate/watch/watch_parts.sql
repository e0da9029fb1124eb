-- The smallest parts that a day's sales are watched in: channel × partner × region × category.
with
lines as (
    select
        business_date, channel_id, partner_id, region, coalesce(category, 'unknown') as category,
        sale_type, promotion_id, net_amount, quantity,
        case when sale_type = 'sale' and list_value > 0 then per_unit(net_amount, quantity) end as unit_net,
        case when sale_type = 'sale' and list_value > 0 then per_unit(list_value, quantity) end as unit_list
    from sales_lines
),
baskets as (
    -- As in watch_days: one of each line, at a price that counts within reach of its list price.
    select
        *,
        within_reach(unit_net, unit_list, $anomaly_price_reach) as basket_price
    from lines
),
final as (
    -- Adjustments move money, not goods. Return value is positive.
    select
        business_date,
        channel_id,
        partner_id,
        region,
        category,
        cast(sum(net_amount) as decimal(18, 4)) as net_sales,
        coalesce(sum(quantity) filter (where sale_type in ('sale', 'return')), 0) as units,
        cast(coalesce(sum(net_amount) filter (where sale_type = 'sale'), 0) as decimal(18, 4)) as sale_value,
        cast(coalesce(sum(-net_amount) filter (where sale_type = 'return'), 0) as decimal(18, 4)) as return_value,
        cast(coalesce(sum(basket_price), 0) as decimal(18, 4)) as basket_value,
        cast(coalesce(sum(unit_list), 0) as decimal(18, 4)) as basket_list,
        cast(
            coalesce(sum(net_amount) filter (where promotion_id is not null), 0) as decimal(18, 4)
        ) as promoted_net_sales,
        max(promotion_id) as promotion_id
    from baskets
    group by business_date, channel_id, partner_id, region, category
)
select
    business_date, channel_id, partner_id, region, category, net_sales, units, sale_value, return_value, basket_value,
    basket_list, promoted_net_sales, promotion_id
from final
