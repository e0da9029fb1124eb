-- Articles by which any mart can be read: as their newest list has them, also those that have left it, and a row for
-- each that a fact names and no list ever did.
with
lists as (
    select sku, name, category, list_price, floor_price, unit_cost, lead_time_days, launched_on, valid_from, valid_to
    from stg_products
    where valid_from <= $as_of_date
),
newest as (
    select *
    from lists
    qualify row_number() over (partition by sku order by valid_from desc) = 1
),
named as (
    select entity_id as sku from named_keys where entity_type = 'product'
),
keys as (
    select sku from newest
    union
    select sku from named
),
final as (
    select
        keys.sku,
        coalesce(newest.name, keys.sku) as product_name,
        coalesce(newest.category, 'unknown') as category,
        newest.list_price,
        newest.floor_price,
        newest.unit_cost,
        newest.lead_time_days,
        newest.launched_on,
        case
            when newest.sku is null then 'unknown'
            when newest.valid_to > $as_of_date then 'listed'
            else 'left'
        end as master_data_status
    from keys
    left join newest on newest.sku = keys.sku
)
select
    sku, product_name, category, list_price, floor_price, unit_cost, lead_time_days, launched_on, master_data_status
from final
