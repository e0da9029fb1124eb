-- Regions by which any mart can be read: as their newest list has them, also those that have left it, and a row for
-- each that a fact names and no list ever did; 'unknown' is one of these.
with
lists as (
    select region, name, parent, city_tier, population, adjacent_regions, valid_from, valid_to
    from stg_regions
    where valid_from <= $as_of_date
),
newest as (
    select *
    from lists
    qualify row_number() over (partition by region order by valid_from desc) = 1
),
named as (
    select entity_id as region from named_keys where entity_type = 'region'
),
keys as (
    select region from newest
    union
    select region from named
    union
    select 'unknown' as region
),
final as (
    select
        keys.region,
        coalesce(newest.name, keys.region) as region_name,
        newest.parent as parent_region,
        coalesce(parents.name, newest.parent) as parent_region_name,
        newest.city_tier,
        newest.population,
        newest.adjacent_regions,
        case
            when newest.region is null then 'unknown'
            when newest.valid_to > $as_of_date then 'listed'
            else 'left'
        end as master_data_status
    from keys
    left join newest on newest.region = keys.region
    left join newest as parents on parents.region = newest.parent
)
select
    region, region_name, parent_region, parent_region_name, city_tier, population, adjacent_regions, master_data_status
from final
