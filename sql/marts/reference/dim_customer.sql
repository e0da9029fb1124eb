-- Customers by which any mart can be read: as their newest list has them, also those that have left it, and a row for
-- each that a fact names and no list ever did. Date of birth, gender and income stay where they are needed: not here.
with
newest as (
    select customer_id, joined_on, nullif(trim(region), '') as region, manager, contact_allowed
    from stg_customers
    where valid_from <= $as_of_date
    qualify row_number() over (partition by customer_id order by valid_from desc) = 1
),
named as (
    select entity_id as customer_id, master_data_status from named_keys where entity_type = 'customer'
),
final as (
    select
        named.customer_id,
        newest.joined_on,
        coalesce(newest.region, 'unknown') as region,
        coalesce(dim_region.region_name, newest.region, 'unknown') as region_name,
        newest.manager,
        coalesce(newest.contact_allowed, false) and named.master_data_status = 'listed' as is_contact_allowed,
        named.master_data_status
    from named
    left join newest on newest.customer_id = named.customer_id
    left join dim_region on dim_region.region = newest.region
)
select customer_id, joined_on, region, region_name, manager, is_contact_allowed, master_data_status
from final
