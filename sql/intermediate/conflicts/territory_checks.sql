-- Where each partner's sales went, against its territory on that day: inside, outside, or not to be judged (channels
-- without a territory, partners without one, lines without a known place). Also who else owns the place.
with
sold as (
    select
        business_date,
        partner_id,
        channel_id,
        region,
        nullif(trim(ship_to_region), '') is not null as is_shipped,
        count(*) as lines,
        cast(sum(net_amount) as decimal(38, 4)) as net_amount
    from sales_lines
    where sale_type = 'sale'
    group by business_date, partner_id, channel_id, region, nullif(trim(ship_to_region), '') is not null
),
channel_types as (
    select
        stg_channels.channel_id,
        stg_channels.valid_from,
        stg_channels.superseded_from,
        free.channel_type is not null as is_free
    from stg_channels
    left join settings.territory_free_channels as free
        on stg_channels.channel_type = free.channel_type
),
territories as (
    select
        partner_id, channel_id, status, joined_on, ended_on, valid_from, valid_to, superseded_from,
        trim(unnest(string_to_array(territory, ';'))) as region
    from stg_partners
    where territory is not null and trim(territory) <> ''
),
known_regions as (
    select distinct region from stg_regions
),
feeds as (
    select (select count(*) from known_regions) > 0 as has_regions
),

-- The places that goods went to, and every area that holds them.
places as (
    select distinct business_date, region from sold
),
place_areas as (
    select places.business_date, places.region, region_areas.area
    from places
    inner join region_areas
        on places.region = region_areas.region
        and region_areas.valid_from <= places.business_date
        and region_areas.superseded_from > places.business_date
    union
    select business_date, region, region as area
    from places
),

-- The seller's own territory, and what borders on it.
seller_days as (
    select distinct business_date, partner_id from sold
),
seller_territories as (
    select seller_days.business_date, seller_days.partner_id, territories.region
    from seller_days
    inner join territories
        on seller_days.partner_id = territories.partner_id
        and territories.valid_from <= seller_days.business_date
        and territories.superseded_from > seller_days.business_date
    where territories.region <> ''
),
bounded as (
    select distinct business_date, partner_id from seller_territories
),
inside as (
    select distinct seller_territories.business_date, seller_territories.partner_id, place_areas.region
    from seller_territories
    inner join place_areas
        on seller_territories.business_date = place_areas.business_date
        and seller_territories.region = place_areas.area
),
listed_neighbours as (
    select
        region, valid_from, superseded_from,
        trim(unnest(string_to_array(adjacent_regions, ';'))) as neighbour
    from stg_regions
    where adjacent_regions is not null
),
neighbours as (
    -- A border has two sides, whichever of them names it.
    select region, neighbour, valid_from, superseded_from from listed_neighbours
    union all
    select neighbour as region, region as neighbour, valid_from, superseded_from from listed_neighbours
),
neighbour_areas as (
    select distinct
        places.business_date,
        places.region,
        coalesce(region_areas.area, neighbours.neighbour) as area
    from places
    inner join neighbours
        on places.region = neighbours.region
        and neighbours.valid_from <= places.business_date
        and neighbours.superseded_from > places.business_date
    left join region_areas
        on neighbours.neighbour = region_areas.region
        and region_areas.valid_from <= places.business_date
        and region_areas.superseded_from > places.business_date
),
adjacent as (
    select distinct seller_territories.business_date, seller_territories.partner_id, neighbour_areas.region
    from seller_territories
    inner join neighbour_areas
        on seller_territories.business_date = neighbour_areas.business_date
        and seller_territories.region = neighbour_areas.area
),

-- Who owned the place on that day: partners at work whose territory holds it.
owners as (
    select
        place_areas.business_date,
        place_areas.region,
        territories.partner_id as owner_id,
        min(territories.channel_id) as owner_channel_id
    from place_areas
    inner join territories
        on place_areas.area = territories.region
        and territories.valid_from <= place_areas.business_date
        and territories.valid_to > place_areas.business_date
        and coalesce(territories.joined_on, place_areas.business_date) <= place_areas.business_date
    left join channel_types
        on territories.channel_id = channel_types.channel_id
        and channel_types.valid_from <= place_areas.business_date
        and channel_types.superseded_from > place_areas.business_date
    where not coalesce(channel_types.is_free, false)
        and (territories.status = 'active' or territories.ended_on > place_areas.business_date)
        and territories.status <> 'candidate'
    group by place_areas.business_date, place_areas.region, territories.partner_id
),
owners_by_seller as (
    -- The first is the one hurt most likely: of the seller's own channel, if there is one.
    select
        sold.business_date,
        sold.partner_id,
        sold.channel_id,
        sold.region,
        sold.is_shipped,
        first_value(owners.owner_id order by owners.owner_channel_id <> sold.channel_id, owners.owner_id)
            as affected_partner_id,
        string_agg(owners.owner_id, ';' order by owners.owner_id) as affected_partners
    from sold
    inner join owners
        on sold.business_date = owners.business_date
        and sold.region = owners.region
        and sold.partner_id <> owners.owner_id
    group by sold.business_date, sold.partner_id, sold.channel_id, sold.region, sold.is_shipped
),
judged as (
    select
        sold.*,
        case
            when coalesce(channel_types.is_free, false) then 'channel_free'
            when bounded.partner_id is null then 'no_territory'
            when not sold.is_shipped then 'no_ship_to'
            when inside.partner_id is not null then 'inside'
            -- A name that no region bears is more likely a slip of the pen than a trip abroad.
            when feeds.has_regions and known_regions.region is null then 'unknown_region'
            else 'outside'
        end as territory_status,
        adjacent.partner_id is not null as is_adjacent,
        owners_by_seller.affected_partner_id,
        owners_by_seller.affected_partners
    from sold
    cross join feeds
    left join channel_types
        on sold.channel_id = channel_types.channel_id
        and channel_types.valid_from <= sold.business_date
        and channel_types.superseded_from > sold.business_date
    left join bounded
        on sold.business_date = bounded.business_date
        and sold.partner_id = bounded.partner_id
    left join inside
        on sold.business_date = inside.business_date
        and sold.partner_id = inside.partner_id
        and sold.region = inside.region
    left join known_regions
        on sold.region = known_regions.region
    left join adjacent
        on sold.business_date = adjacent.business_date
        and sold.partner_id = adjacent.partner_id
        and sold.region = adjacent.region
    left join owners_by_seller
        on sold.business_date = owners_by_seller.business_date
        and sold.partner_id = owners_by_seller.partner_id
        and sold.channel_id = owners_by_seller.channel_id
        and sold.region = owners_by_seller.region
        and sold.is_shipped = owners_by_seller.is_shipped
)
select
    business_date, partner_id, channel_id, region, is_shipped, lines, cast(net_amount as decimal(18, 4)) as net_amount,
    territory_status,
    territory_status = 'outside' and is_adjacent as is_adjacent,
    affected_partner_id, affected_partners
from judged
