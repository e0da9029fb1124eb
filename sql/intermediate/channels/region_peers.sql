-- Which regions a region is compared with in a quarter: those of its city tier, or, where its tier is not known or has
-- too few, those of about its size in net sales. Regions without sales, and 'unknown', compare with nobody.
with
sales as (
    select entity_id as region, quarter_start, closes_on, net_sales
    from unit_quarters
    where entity_type = 'region'
        and entity_id <> 'unknown'
        and net_sales > 0
),
region_versions as (
    select region, city_tier, valid_from, superseded_from
    from stg_regions
),
regions as (
    select sales.region, sales.quarter_start, sales.net_sales, nullif(trim(region_versions.city_tier), '') as city_tier
    from sales
    left join region_versions
        on region_versions.region = sales.region
        and region_versions.valid_from <= sales.closes_on
        and region_versions.superseded_from > sales.closes_on
),
pairs as (
    select
        regions.quarter_start,
        regions.region,
        others.region as peer,
        coalesce(others.city_tier = regions.city_tier, false) as is_same_tier,
        cast(others.net_sales as decimal(38, 4)) >= $gap_size_min * cast(regions.net_sales as decimal(38, 4))
            and cast(others.net_sales as decimal(38, 4)) <= $gap_size_max * cast(regions.net_sales as decimal(38, 4))
            as is_same_size
    from regions
    inner join regions as others
        on others.quarter_start = regions.quarter_start
        and others.region <> regions.region
),
judged as (
    select
        *,
        sum(case when is_same_tier then 1 else 0 end) over (partition by quarter_start, region) >= $gap_regions_min
            as by_tier
    from pairs
),
final as (
    select
        quarter_start,
        region,
        peer,
        case when by_tier then 'city_tier' else 'net_sales' end as comparison_basis
    from judged
    where case when by_tier then is_same_tier else is_same_size end
)
select quarter_start, region, peer, comparison_basis
from final
