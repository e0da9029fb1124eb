-- Clean stock counts. A negative balance is kept as reported in on_hand_quantity and counts as nothing in
-- on_hand_units. A count without its own cost takes the article's unit cost of that day.
with counts as (
    select *
    from stg_inventory
    where refused_reason is null
),

article_days as (
    select distinct
        sku,
        counted_on
    from counts
    where unit_cost is null
),

costs as (
    select
        article_days.sku,
        article_days.counted_on,
        stg_products.unit_cost
    from article_days
    inner join stg_products
        on stg_products.sku = article_days.sku
        and stg_products.valid_from <= article_days.counted_on
        and stg_products.superseded_from > article_days.counted_on
),

priced as (
    select
        counts.*,
        greatest(counts.on_hand_quantity, 0) as on_hand_units,
        coalesce(counts.unit_cost, costs.unit_cost) as cost_in_force
    from counts
    left join costs
        on costs.sku = counts.sku
        and costs.counted_on = counts.counted_on
)

select
    counted_on as business_date,
    counted_on,
    partner_id,
    sku,
    on_hand_quantity,
    on_hand_units,
    on_order_quantity,
    cost_in_force as unit_cost,
    cast(on_hand_units * cost_in_force as decimal(18,4)) as stock_value,
    oldest_receipt_on,
    _sender,
    _input,
    _file,
    _line
from priced
