-- The same by kind of channel: what share of a region's sales each kind has, and whether it does well there:
-- an auxiliary share at least, and not shrinking against the year before. Where it had no sales a year before, or only
-- part of that quarter is known, that is undecided.
with
channels as (
    select * from region_channel_quarters
),
types as (
    select
        quarter,
        quarter_start,
        closes_on,
        is_provisional,
        region,
        channel_type,
        bool_or(has_sales) as has_sales,
        sum(net_sales) as net_sales,
        sum(year_before_net_sales) as year_before_net_sales,
        bool_or(year_before_is_part) as year_before_is_part
    from channels
    group by quarter, quarter_start, closes_on, is_provisional, region, channel_type
),
shares as (
    select
        *,
        sum(net_sales) over (partition by quarter_start, region) as region_net_sales
    from types
),
weighed as (
    select
        *,
        region_net_sales > 0
            and cast(net_sales as decimal(38, 4)) >= $auxiliary_share * cast(region_net_sales as decimal(38, 4))
            as has_weight
    from shares
),
final as (
    select
        quarter,
        quarter_start,
        closes_on,
        is_provisional,
        region,
        channel_type,
        has_sales,
        cast(net_sales as decimal(18, 4)) as net_sales,
        cast(year_before_net_sales as decimal(18, 4)) as year_before_net_sales,
        cast(region_net_sales as decimal(18, 4)) as region_net_sales,
        ratio(net_sales, region_net_sales) as share,
        has_weight and year_before_is_part is not true and year_before_net_sales > 0 and net_sales >= year_before_net_sales
            as is_successful,
        has_weight and (year_before_is_part is true or year_before_net_sales <= 0) as is_undecided,
        year_before_is_part
    from weighed
)
select
    quarter, quarter_start, closes_on, is_provisional, region, channel_type, has_sales, net_sales, year_before_net_sales,
    region_net_sales, share, is_successful, is_undecided, year_before_is_part
from final
