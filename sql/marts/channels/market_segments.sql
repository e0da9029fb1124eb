-- Which customers buy where: segments by region, age, gender, income and frequency, each alone and all together, and
-- how much each segment leans to a channel. An index of 1 is what all identified customers do, 2 is twice as much.
with
segments as (
    select *
    from segment_months
    where channel_id <> 'all'
),
wholes as (
    select *
    from segment_months
    where channel_id = 'all'
),
everybody as (
    select month_start, channel_id, net_sales
    from segment_months
    where segmentation = 'all'
),
months as (
    select month_start, month, is_provisional
    from kpi_months
),
placed as (
    select
        segments.month_start,
        segments.segmentation,
        segments.region,
        segments.age_band,
        segments.gender,
        segments.income_band,
        segments.frequency_band,
        segments.channel_id,
        segments.customers,
        segments.orders,
        segments.net_sales,
        wholes.customers as segment_customers,
        wholes.orders as segment_orders,
        wholes.net_sales as segment_net_sales,
        in_channel.net_sales as channel_net_sales,
        in_all.net_sales as all_net_sales
    from segments
    inner join wholes
        on wholes.month_start = segments.month_start
        and wholes.segmentation = segments.segmentation
        and wholes.region = segments.region
        and wholes.age_band = segments.age_band
        and wholes.gender = segments.gender
        and wholes.income_band = segments.income_band
        and wholes.frequency_band = segments.frequency_band
    inner join everybody as in_channel
        on in_channel.month_start = segments.month_start
        and in_channel.channel_id = segments.channel_id
    inner join everybody as in_all
        on in_all.month_start = segments.month_start
        and in_all.channel_id = 'all'
),
shares as (
    select
        *,
        ratio(net_sales, segment_net_sales) as channel_share,
        ratio(channel_net_sales, all_net_sales) as usual_share
    from placed
),
indices as (
    select
        *,
        case
            when segment_customers < $segment_customers_min then 'too_few_customers'
            when segment_net_sales <= 0 or all_net_sales <= 0 or channel_net_sales <= 0 then 'no_sales'
        end as preference_status,
        case
            when segment_customers >= $segment_customers_min and usual_share > 0
                then round(channel_share / usual_share, 9)
        end as preference_index
    from shares
),
preferred as (
    select
        month_start, segmentation, region, age_band, gender, income_band, frequency_band,
        channel_id as preferred_channel
    from indices
    where preference_index is not null
        and channel_share >= cast($segment_channel_share_min as double)
    qualify row_number() over (
        partition by month_start, segmentation, region, age_band, gender, income_band, frequency_band
        order by preference_index desc, net_sales desc, channel_id
    ) = 1
),
final as (
    select
        months.month,
        indices.month_start,
        months.is_provisional,
        indices.segmentation,
        indices.region,
        indices.age_band,
        indices.gender,
        indices.income_band,
        indices.frequency_band,
        indices.channel_id,
        indices.customers,
        indices.orders,
        indices.net_sales,
        indices.segment_customers,
        indices.segment_orders,
        indices.segment_net_sales,
        indices.channel_share,
        case when indices.channel_share is null then 'no_sales' end as channel_share_status,
        indices.usual_share,
        case when indices.usual_share is null then 'no_sales' end as usual_share_status,
        indices.preference_index,
        case when indices.preference_index is null then indices.preference_status end as preference_index_status,
        preferred.preferred_channel,
        case
            when preferred.preferred_channel is not null then null
            when indices.segment_customers < $segment_customers_min then 'too_few_customers'
            when indices.segment_net_sales <= 0 or indices.all_net_sales <= 0 then 'no_sales'
            else 'no_channel_over_share'
        end as preferred_channel_status
    from indices
    inner join months
        on months.month_start = indices.month_start
    left join preferred
        on preferred.month_start = indices.month_start
        and preferred.segmentation = indices.segmentation
        and preferred.region = indices.region
        and preferred.age_band = indices.age_band
        and preferred.gender = indices.gender
        and preferred.income_band = indices.income_band
        and preferred.frequency_band = indices.frequency_band
)
select
    month, month_start, is_provisional, segmentation, region, age_band, gender, income_band, frequency_band, channel_id,
    customers, orders, net_sales, segment_customers, segment_orders, segment_net_sales, channel_share,
    channel_share_status, usual_share, usual_share_status, preference_index, preference_index_status,
    preferred_channel, preferred_channel_status
from final
