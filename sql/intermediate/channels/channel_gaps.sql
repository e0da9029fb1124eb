-- Kinds of channel that a region lacks although they do well in comparable regions, and what they could bring:
-- the median share that they have where they do well, of this region's net sales.
with
types as (
    select * from region_type_quarters
),
peers as (
    select quarter_start, region, peer, comparison_basis
    from region_peers
),
peer_counts as (
    select quarter_start, region, max(comparison_basis) as comparison_basis, count(*) as comparable_regions
    from peers
    group by quarter_start, region
),
peer_types as (
    select
        peers.quarter_start,
        peers.region,
        peers.peer,
        types.channel_type,
        types.share,
        types.net_sales,
        types.is_successful,
        types.is_undecided
    from peers
    inner join types
        on types.quarter_start = peers.quarter_start
        and types.region = peers.peer
),
found as (
    select
        quarter_start,
        region,
        channel_type,
        sum(case when is_undecided then 1 else 0 end) as undecided_regions,
        sum(case when is_successful then 1 else 0 end) as successful_regions,
        median_exact(case when is_successful then share end) as median_share
    from peer_types
    group by quarter_start, region, channel_type
),
best as (
    select quarter_start, region, channel_type, peer, net_sales
    from peer_types
    where is_successful
    qualify row_number() over (
        partition by quarter_start, region, channel_type
        order by net_sales desc, peer
    ) <= $gap_names_max
),
examples as (
    select
        quarter_start,
        region,
        channel_type,
        string_agg(peer, '; ' order by net_sales desc, peer) as example_regions
    from best
    group by quarter_start, region, channel_type
),
judged as (
    select
        types.quarter_start,
        types.region,
        types.channel_type,
        types.region_net_sales,
        types.year_before_is_part,
        cast(types.net_sales as decimal(38, 4)) < $gap_share * cast(types.region_net_sales as decimal(38, 4))
            as is_lacking,
        peer_counts.comparison_basis,
        coalesce(peer_counts.comparable_regions, 0) as comparable_regions,
        coalesce(found.undecided_regions, 0) as undecided_regions,
        coalesce(found.successful_regions, 0) as successful_regions,
        found.median_share,
        examples.example_regions,
        case
            when types.region = 'unknown' then 'unknown_region'
            when types.region_net_sales <= 0 then 'no_sales'
        end as region_status
    from types
    left join peer_counts
        on peer_counts.quarter_start = types.quarter_start
        and peer_counts.region = types.region
    left join found
        on found.quarter_start = types.quarter_start
        and found.region = types.region
        and found.channel_type = types.channel_type
    left join examples
        on examples.quarter_start = types.quarter_start
        and examples.region = types.region
        and examples.channel_type = types.channel_type
),
wanted as (
    -- How many of the comparable regions must do well for a gap: a share of them, and a number at least.
    select
        *,
        greatest(
            cast($gap_regions_min as decimal(38, 4)),
            $gap_regions_share * cast(comparable_regions as decimal(38, 4))
        ) as regions_wanted
    from judged
),
decided as (
    -- A kind that is there is no gap, whatever the others do. Of one that is lacking nothing can be said beside too few
    -- regions, nor where the regions that had no sales a year before would decide.
    select
        *,
        case
            when region_status is not null then region_status
            when not is_lacking then null
            when comparable_regions < $gap_regions_min then 'too_few_regions'
            when successful_regions < regions_wanted and successful_regions + undecided_regions >= regions_wanted
                then case when year_before_is_part then 'incomplete_history' else 'no_prior_period' end
        end as gap_status
    from wanted
),
final as (
    select
        quarter_start,
        region,
        channel_type,
        case when gap_status is null then is_lacking and successful_regions >= regions_wanted end as gap,
        gap_status,
        comparison_basis,
        comparable_regions,
        successful_regions,
        median_share,
        example_regions,
        cast(round(median_share * cast(region_net_sales as double), 4) as decimal(18, 4)) as potential
    from decided
)
select
    quarter_start, region, channel_type, gap, gap_status, comparison_basis, comparable_regions, successful_regions,
    median_share, example_regions, potential
from final
