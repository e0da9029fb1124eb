-- A day's sales of everything that is watched: all, each channel, partner, region and category. Beside the sums stands
-- what a day owes to single orders: how many equal orders would scatter as these do (Kish: a day that one order outweighs
-- has one), and the largest sale and return. Prices are those of a fixed basket: one of each line, at its price and at
-- list price, so that neither the mix nor a bulk order moves them.
with
lines as (
    select
        business_date, channel_id, partner_id, region, coalesce(category, 'unknown') as category,
        partner_id || '/' || order_id as order_key, sale_type, quantity, net_amount, list_value
    from sales_lines
),
priced_lines as (
    select
        *,
        case when sale_type = 'sale' and list_value > 0 then per_unit(net_amount, quantity) end as unit_net,
        case when sale_type = 'sale' and list_value > 0 then per_unit(list_value, quantity) end as unit_list
    from lines
),
baskets as (
    select
        *,
        within_reach(unit_net, unit_list, $anomaly_price_reach) as basket_price
    from priced_lines
),
levels as (
    select * from (values ('total'), ('channel'), ('partner'), ('region'), ('category')) as listed (entity_type)
),
placed as (
    select
        baskets.*,
        levels.entity_type,
        case levels.entity_type
            when 'total' then 'all'
            when 'channel' then baskets.channel_id
            when 'partner' then baskets.partner_id
            when 'region' then baskets.region
            when 'category' then baskets.category
        end as entity_id
    from baskets
    cross join levels
),
orders as (
    -- What an order sold and what it returned, at each level: an order counts once, however many parts it touches.
    select
        business_date, entity_type, entity_id, order_key,
        case sale_type when 'sale' then 'sale' when 'return' then 'return' else 'money' end as part,
        cast(sum(net_amount) as decimal(38, 4)) as value,
        cast(sum(quantity) as decimal(38, 0)) as units,
        cast(sum(basket_price) as decimal(38, 4)) as basket_value,
        cast(sum(unit_list) as decimal(38, 4)) as basket_list
    from placed
    group by
        business_date, entity_type, entity_id, order_key,
        case sale_type when 'sale' then 'sale' when 'return' then 'return' else 'money' end
),
sums as (
    -- Adjustments move money, not goods. What was returned is positive.
    select
        business_date,
        entity_type,
        entity_id,
        cast(sum(value) as decimal(38, 4)) as net_sales,
        cast(coalesce(sum(units) filter (where part <> 'money'), 0) as bigint) as units,
        count(*) filter (where part = 'sale') as orders,
        cast(coalesce(sum(value) filter (where part = 'sale'), 0) as decimal(38, 4)) as sale_value,
        cast(coalesce(-sum(value) filter (where part = 'return'), 0) as decimal(38, 4)) as return_value,
        cast(coalesce(sum(basket_value), 0) as decimal(38, 4)) as basket_value,
        cast(coalesce(sum(basket_list), 0) as decimal(38, 4)) as basket_list,
        cast(coalesce(max(value) filter (where part = 'sale'), 0) as decimal(38, 4)) as largest_sale_value,
        cast(coalesce(max(units) filter (where part = 'sale'), 0) as bigint) as largest_sale_units,
        cast(coalesce(max(-value) filter (where part = 'return'), 0) as decimal(38, 4)) as largest_return_value,
        cast(coalesce(max(-units) filter (where part = 'return'), 0) as bigint) as largest_return_units,
        sum(cast(value * value as decimal(38, 8))) filter (where part = 'sale') as sale_squares,
        sum(cast(value * value as decimal(38, 8))) filter (where part = 'return') as return_squares,
        cast(sum(units) filter (where part = 'sale') as decimal(38, 0)) as sale_units,
        sum(cast(units * units as decimal(38, 0))) filter (where part = 'sale') as unit_squares,
        sum(cast(basket_list * basket_list as decimal(38, 8))) as basket_squares
    from orders
    group by business_date, entity_type, entity_id
),
final as (
    select
        business_date,
        entity_type,
        entity_id,
        cast(net_sales as decimal(18, 4)) as net_sales,
        units,
        orders,
        cast(sale_value as decimal(18, 4)) as sale_value, cast(return_value as decimal(18, 4)) as return_value,
        cast(basket_value as decimal(18, 4)) as basket_value, cast(basket_list as decimal(18, 4)) as basket_list,
        cast(largest_sale_value as decimal(18, 4)) as largest_sale_value,
        largest_sale_units,
        cast(largest_return_value as decimal(18, 4)) as largest_return_value,
        largest_return_units,
        coalesce(power(cast(sale_value as double), 2) / nullif(cast(sale_squares as double), 0), 0) as value_events,
        coalesce(power(cast(sale_units as double), 2) / nullif(cast(unit_squares as double), 0), 0) as unit_events,
        coalesce(power(cast(basket_list as double), 2) / nullif(cast(basket_squares as double), 0), 0) as price_events,
        coalesce(power(cast(return_value as double), 2) / nullif(cast(return_squares as double), 0), 0) as return_events
    from sums
)
select
    business_date, entity_type, entity_id, net_sales, units, orders, sale_value, return_value, basket_value, basket_list,
    largest_sale_value, largest_sale_units, largest_return_value, largest_return_units, value_events, unit_events,
    price_events, return_events
from final
