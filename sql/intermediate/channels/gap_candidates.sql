-- With whom a gap could be closed: the company's channels of that kind that sell most where the kind does well, and
-- the partners of that kind at hand: first those whose territory holds the region, then those who border it, then
-- those who may sell everywhere because they have no territory.
with
gaps as (
    select quarter_start, region, channel_type
    from channel_gaps
    where gap
),
quarters as (
    select quarter_start, max(closes_on) as closes_on
    from region_channel_quarters
    group by quarter_start
),
peers as (
    select quarter_start, region, peer
    from region_peers
),
successes as (
    select quarter_start, region, channel_type
    from region_type_quarters
    where is_successful
),
channel_sales as (
    select quarter_start, region, channel_id, channel_name, channel_type, net_sales
    from region_channel_quarters
    where net_sales > 0
),
partner_versions as (
    select
        stg_partners.partner_id,
        stg_partners.name,
        stg_partners.territory,
        stg_partners.status,
        stg_partners.joined_on,
        stg_partners.ended_on,
        stg_partners.valid_from,
        stg_partners.superseded_from,
        stg_channels.channel_type,
        stg_channels.valid_from as channel_from,
        stg_channels.superseded_from as channel_to
    from stg_partners
    inner join stg_channels
        on stg_channels.channel_id = stg_partners.channel_id
),
neighbours as (
    select
        region,
        trim(unnest(string_to_array(adjacent_regions, ';'))) as neighbour,
        valid_from,
        superseded_from
    from stg_regions
),
partners as (
    select
        quarters.quarter_start,
        quarters.closes_on,
        partner_versions.partner_id,
        partner_versions.name,
        partner_versions.channel_type,
        coalesce(trim(partner_versions.territory), '') as territory
    from quarters
    inner join partner_versions
        on partner_versions.valid_from <= quarters.closes_on
        and partner_versions.superseded_from > quarters.closes_on
        and partner_versions.channel_from <= quarters.closes_on
        and partner_versions.channel_to > quarters.closes_on
        and coalesce(partner_versions.joined_on, date '1900-01-01') <= quarters.closes_on
        and coalesce(partner_versions.ended_on, date '9999-12-31') > quarters.closes_on
    where partner_versions.status in ('candidate', 'active')
),
territories as (
    select
        quarter_start, closes_on, partner_id, name, channel_type, trim(unnest(string_to_array(territory, ';'))) as region
    from partners
    where territory <> ''
),
partners_near as (
    select quarter_start, region, channel_type, partner_id, name, 0 as distance
    from territories
    union all
    select
        territories.quarter_start,
        neighbours.region,
        territories.channel_type,
        territories.partner_id,
        territories.name,
        1 as distance
    from territories
    inner join neighbours
        on neighbours.neighbour = territories.region
        and neighbours.valid_from <= territories.closes_on
        and neighbours.superseded_from > territories.closes_on
    union all
    select gaps.quarter_start, gaps.region, gaps.channel_type, partners.partner_id, partners.name, 2 as distance
    from gaps
    inner join partners
        on partners.quarter_start = gaps.quarter_start
        and partners.channel_type = gaps.channel_type
        and partners.territory = ''
),
partners_once as (
    select quarter_start, region, channel_type, partner_id, max(name) as name, min(distance) as distance
    from partners_near
    group by quarter_start, region, channel_type, partner_id
),
nearest as (
    select quarter_start, region, channel_type, partner_id, name, distance
    from partners_once
    qualify row_number() over (
        partition by quarter_start, region, channel_type
        order by distance, partner_id
    ) <= $gap_names_max
),
partner_names as (
    select
        quarter_start,
        region,
        channel_type,
        string_agg(coalesce(name, partner_id) || ' (' || partner_id || ')', '; ' order by distance, partner_id) as partners
    from nearest
    group by quarter_start, region, channel_type
),
channels_there as (
    select
        gaps.quarter_start,
        gaps.region,
        gaps.channel_type,
        channel_sales.channel_id,
        max(channel_sales.channel_name) as channel_name,
        sum(channel_sales.net_sales) as net_sales
    from gaps
    inner join peers
        on peers.quarter_start = gaps.quarter_start
        and peers.region = gaps.region
    inner join successes
        on successes.quarter_start = gaps.quarter_start
        and successes.region = peers.peer
        and successes.channel_type = gaps.channel_type
    inner join channel_sales
        on channel_sales.quarter_start = gaps.quarter_start
        and channel_sales.region = peers.peer
        and channel_sales.channel_type = gaps.channel_type
    group by gaps.quarter_start, gaps.region, gaps.channel_type, channel_sales.channel_id
),
strongest as (
    select quarter_start, region, channel_type, channel_id, channel_name, net_sales
    from channels_there
    qualify row_number() over (
        partition by quarter_start, region, channel_type
        order by net_sales desc, channel_id
    ) <= $gap_names_max
),
channel_names as (
    select
        quarter_start,
        region,
        channel_type,
        string_agg(channel_name || ' (' || channel_id || ')', '; ' order by net_sales desc, channel_id) as channels
    from strongest
    group by quarter_start, region, channel_type
),
final as (
    select
        gaps.quarter_start,
        gaps.region,
        gaps.channel_type,
        channel_names.channels as candidate_channels,
        partner_names.partners as candidate_partners
    from gaps
    left join channel_names
        on channel_names.quarter_start = gaps.quarter_start
        and channel_names.region = gaps.region
        and channel_names.channel_type = gaps.channel_type
    left join partner_names
        on partner_names.quarter_start = gaps.quarter_start
        and partner_names.region = gaps.region
        and partner_names.channel_type = gaps.channel_type
)
select quarter_start, region, channel_type, candidate_channels, candidate_partners
from final
