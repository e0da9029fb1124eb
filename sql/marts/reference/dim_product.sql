-- Articles by which any mart can be read: as their newest list has them, also those that have left it, and a row for
-- each that a fact names and no list ever did.
with
newest as (
    select sku, name, category, list_price, floor_price, unit_cost, lead_time_days, launched_on
    from stg_products
    where valid_from <= $as_of_date
    qualify row_number() over (partition by sku order by valid_from desc) = 1
),
named as (
    select entity_id as sku, master_data_status from named_keys where entity_type = 'product'
),
final as (
    select
        named.sku,
        coalesce(newest.name, named.sku) as product_name,
        coalesce(newest.category, 'unknown') as category,
        newest.list_price,
        newest.floor_price,
        newest.unit_cost,
        newest.lead_time_days,
        newest.launched_on,
        named.master_data_status
    from named
    left join newest on newest.sku = named.sku
)
select
    sku, product_name, category, list_price, floor_price, unit_cost, lead_time_days, launched_on, master_data_status
from final
