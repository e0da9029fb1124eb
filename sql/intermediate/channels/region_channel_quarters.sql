-- Net sales of every channel in every region by quarter, also where there are none, beside the same quarter of the
-- year before. A region and a channel take part from their first sale on. The running quarter stands beside the same
-- elapsed days.
with
regions as (
    select entity_id as region, quarter, quarter_start, closes_on, is_provisional, year_before_is_part
    from unit_quarters
    where entity_type = 'region'
),
channels as (
    select entity_id as channel_id, quarter_start
    from unit_quarters
    where entity_type = 'channel'
),
channel_versions as (
    select channel_id, name, channel_type, valid_from, superseded_from
    from stg_channels
),
sales as (
    select
        region,
        channel_id,
        cast(date_trunc('quarter', business_date) as date) as quarter_start,
        sum(net_sales) as net_sales,
        sum(net_sales) filter (
            where business_date - cast(date_trunc('quarter', business_date) as date)
                <= $as_of_date - cast(date_trunc('quarter', $as_of_date) as date)
        ) as net_sales_elapsed
    from region_channel_days
    where business_date <= $as_of_date
    group by region, channel_id, date_trunc('quarter', business_date)
),
final as (
    select
        regions.quarter,
        regions.quarter_start,
        regions.closes_on,
        regions.is_provisional,
        regions.year_before_is_part,
        regions.region,
        channels.channel_id,
        coalesce(channel_versions.name, channels.channel_id) as channel_name,
        coalesce(channel_versions.channel_type, 'unknown') as channel_type,
        sales.net_sales is not null as has_sales,
        cast(coalesce(sales.net_sales, 0) as decimal(18, 4)) as net_sales,
        cast(
            comparable(regions.is_provisional, year_before.net_sales_elapsed, year_before.net_sales) as decimal(18, 4)
        ) as year_before_net_sales
    from regions
    inner join channels
        on channels.quarter_start = regions.quarter_start
    left join channel_versions
        on channel_versions.channel_id = channels.channel_id
        and channel_versions.valid_from <= regions.closes_on
        and channel_versions.superseded_from > regions.closes_on
    left join sales
        on sales.region = regions.region
        and sales.channel_id = channels.channel_id
        and sales.quarter_start = regions.quarter_start
    left join sales as year_before
        on year_before.region = regions.region
        and year_before.channel_id = channels.channel_id
        and year_before.quarter_start = cast(regions.quarter_start - interval '12 months' as date)
)
select
    quarter, quarter_start, closes_on, is_provisional, region, channel_id, channel_name, channel_type, has_sales,
    net_sales, year_before_net_sales, year_before_is_part
from final
