-- Customers by which any mart can be read: as their newest list has them, also those that have left it, and a row for
-- each that a fact names and no list ever did. Date of birth, gender and income stay where they are needed: not here.
with
lists as (
    select customer_id, joined_on, region, manager, contact_allowed, valid_from, valid_to
    from stg_customers
    where valid_from <= $as_of_date
),
newest as (
    select *
    from lists
    qualify row_number() over (partition by customer_id order by valid_from desc) = 1
),
named as (
    select entity_id as customer_id from named_keys where entity_type = 'customer'
),
keys as (
    select customer_id from newest
    union
    select customer_id from named
),
described as (
    select
        keys.customer_id,
        newest.joined_on,
        coalesce(nullif(trim(newest.region), ''), 'unknown') as region,
        newest.manager,
        coalesce(newest.contact_allowed, false) and newest.valid_to > $as_of_date as is_contact_allowed,
        case
            when newest.customer_id is null then 'unknown'
            when newest.valid_to > $as_of_date then 'listed'
            else 'left'
        end as master_data_status
    from keys
    left join newest on newest.customer_id = keys.customer_id
),
final as (
    select
        described.*,
        coalesce(dim_region.region_name, described.region) as region_name
    from described
    left join dim_region on dim_region.region = described.region
)
select customer_id, joined_on, region, region_name, manager, is_contact_allowed, master_data_status
from final
