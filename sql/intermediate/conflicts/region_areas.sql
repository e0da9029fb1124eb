-- The areas that each region lies in: itself, its parent, that one's parent and so on, by the days on which the
-- versions of the regions say so. A territory of "East China" holds every province and city below it.
with recursive
versions as (
    select region, nullif(trim(parent), '') as parent, valid_from, superseded_from
    from stg_regions
),
areas as (
    select region, region as area, parent as next_area, valid_from, superseded_from, cast(1 as bigint) as steps
    from versions
    union all
    -- Regions that name each other as parent would go round for ever: no country has more levels than this.
    select
        areas.region,
        areas.next_area as area,
        parents.parent as next_area,
        greatest(areas.valid_from, coalesce(parents.valid_from, areas.valid_from)) as valid_from,
        least(areas.superseded_from, coalesce(parents.superseded_from, areas.superseded_from)) as superseded_from,
        areas.steps + 1 as steps
    from areas
    left join versions as parents
        on areas.next_area = parents.region
        and parents.valid_from < areas.superseded_from
        and parents.superseded_from > areas.valid_from
    where areas.next_area is not null and areas.steps < 8
)
select distinct region, area, valid_from, superseded_from
from areas
