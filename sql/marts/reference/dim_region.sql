-- Regions by which any mart can be read: as their newest list has them, also those that have left it, and a row for
-- each that a fact names and no list ever did; 'unknown' is one of these.
with
newest as (
    select region, name, parent, city_tier, population, adjacent_regions
    from stg_regions
    where valid_from <= $as_of_date
    qualify row_number() over (partition by region order by valid_from desc) = 1
),
named as (
    select entity_id as region, master_data_status from named_keys where entity_type = 'region'
),
final as (
    select
        named.region,
        coalesce(newest.name, named.region) as region_name,
        newest.parent as parent_region,
        coalesce(parents.name, newest.parent) as parent_region_name,
        newest.city_tier,
        newest.population,
        newest.adjacent_regions,
        named.master_data_status
    from named
    left join newest on newest.region = named.region
    left join newest as parents on parents.region = newest.parent
)
select
    region, region_name, parent_region, parent_region_name, city_tier, population, adjacent_regions, master_data_status
from final
