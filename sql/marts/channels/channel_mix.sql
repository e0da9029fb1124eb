-- Which channels carry each region, and which are missing there. A row for every channel with its role, and a row for
-- every kind of channel (channel_id 'all') that says whether the region lacks it though it does well in comparable
-- regions: a candidate for a new channel, with what it could bring. How gaps are found: channel_gaps.
with
channels as (
    select * from region_channel_quarters
),
types as (
    select * from region_type_quarters
),
gaps as (
    select * from channel_gaps
),
candidates as (
    select * from gap_candidates
),
region_versions as (
    select region, name, city_tier, valid_from, superseded_from
    from stg_regions
),
units as (
    select
        'channel' as level,
        quarter, quarter_start, closes_on, is_provisional, region, channel_type, channel_id, channel_name, has_sales,
        net_sales, year_before_net_sales, year_before_is_part
    from channels
    union all
    select
        'channel_type' as level,
        quarter, quarter_start, closes_on, is_provisional, region, channel_type, 'all' as channel_id,
        channel_type as channel_name, has_sales, net_sales, year_before_net_sales,
        year_before_is_part
    from types
),
placed as (
    select
        *,
        sum(net_sales) over (partition by level, quarter_start, region) as region_net_sales,
        row_number() over (
            partition by level, quarter_start, region order by net_sales desc, channel_id, channel_type
        ) as place
    from units
),
roles as (
    select
        *,
        ratio(net_sales, region_net_sales) as share,
        case
            when not has_sales then 'absent'
            when region_net_sales <= 0 then null
            when place = 1 then 'main'
            when cast(net_sales as decimal(38, 4)) >= $auxiliary_share * cast(region_net_sales as decimal(38, 4))
                then 'auxiliary'
            else 'marginal'
        end as role
    from placed
),
joined as (
    select
        roles.*,
        coalesce(region_versions.name, roles.region) as region_name,
        region_versions.city_tier,
        gaps.gap,
        coalesce(gaps.gap_status, case when roles.level = 'channel' then 'channel_row' end) as gap_status,
        gaps.comparison_basis,
        gaps.comparable_regions,
        gaps.successful_regions,
        case when gaps.gap then gaps.median_share end as median_share,
        case when gaps.gap then gaps.potential end as potential,
        case when gaps.gap then gaps.example_regions end as example_regions,
        candidates.candidate_channels,
        candidates.candidate_partners
    from roles
    left join region_versions
        on region_versions.region = roles.region
        and region_versions.valid_from <= roles.closes_on
        and region_versions.superseded_from > roles.closes_on
    left join gaps
        on roles.level = 'channel_type'
        and gaps.quarter_start = roles.quarter_start
        and gaps.region = roles.region
        and gaps.channel_type = roles.channel_type
    left join candidates
        on roles.level = 'channel_type'
        and candidates.quarter_start = roles.quarter_start
        and candidates.region = roles.region
        and candidates.channel_type = roles.channel_type
),
ranked as (
    select
        *,
        case
            when gap then row_number() over (
                partition by quarter_start order by potential desc, region, channel_type
            )
        end as gap_rank
    from joined
),
final as (
    select
        quarter,
        quarter_start,
        is_provisional,
        region,
        region_name,
        city_tier,
        level,
        channel_type,
        channel_id,
        channel_name,
        net_sales,
        cast(region_net_sales as decimal(18, 4)) as region_net_sales,
        share,
        case when share is null then 'no_sales' end as share_status,
        role,
        case when role is null then 'no_sales' end as role_status,
        year_before_net_sales,
        case when year_before_is_part is not true then growth(net_sales, year_before_net_sales) end as sales_growth_yoy,
        case when year_before_is_part then 'incomplete_history' else growth_status(year_before_net_sales) end
            as sales_growth_yoy_status,
        gap as is_gap,
        gap_status,
        comparison_basis,
        comparable_regions,
        successful_regions,
        median_share,
        potential,
        case
            when potential is not null then null
            when gap_status is not null then gap_status
            else 'no_gap'
        end as potential_status,
        cast(gap_rank as bigint) as gap_rank,
        example_regions,
        candidate_channels,
        candidate_partners
    from ranked
)
select
    quarter, quarter_start, is_provisional, region, region_name, city_tier, level, channel_type, channel_id, channel_name,
    net_sales, region_net_sales, share, share_status, role, role_status, year_before_net_sales, sales_growth_yoy,
    sales_growth_yoy_status, is_gap, gap_status, comparison_basis, comparable_regions, successful_regions, median_share,
    potential, potential_status, gap_rank, example_regions, candidate_channels, candidate_partners
from final
