-- Sales of identified customers by segment, channel and month: all of them, by each trait alone, and by all traits
-- together. 'all' stands where a trait is not looked at, and for the channel where the segment is counted as a whole:
-- customers of several channels count once there, so that this row is not the sum of the others.
with
purchases as (
    select month_start, customer_id, channel_id, orders, net_sales
    from customer_channel_months
),
traits as (
    select month_start, customer_id, region, age_band, gender, income_band, frequency_band
    from customer_traits
),
totals as (
    select month_start, customer_id, 'all' as channel_id, sum(orders) as orders, sum(net_sales) as net_sales
    from purchases
    group by month_start, customer_id
),
counted as (
    select month_start, customer_id, channel_id, orders, net_sales
    from purchases
    union all
    select month_start, customer_id, channel_id, orders, net_sales
    from totals
),
described as (
    select
        counted.month_start,
        counted.channel_id,
        counted.orders,
        counted.net_sales,
        traits.region,
        traits.age_band,
        traits.gender,
        traits.income_band,
        traits.frequency_band
    from counted
    inner join traits
        on traits.month_start = counted.month_start
        and traits.customer_id = counted.customer_id
),
segments as (
    select
        month_start,
        region,
        age_band,
        gender,
        income_band,
        frequency_band,
        channel_id,
        count(*) filter (where orders > 0) as customers,
        sum(orders) as orders,
        sum(net_sales) as net_sales
    from described
    group by grouping sets (
        (month_start, channel_id),
        (month_start, channel_id, region),
        (month_start, channel_id, age_band),
        (month_start, channel_id, gender),
        (month_start, channel_id, income_band),
        (month_start, channel_id, frequency_band),
        (month_start, channel_id, region, age_band, gender, income_band, frequency_band)
    )
),
final as (
    select
        month_start,
        case
            when region is not null and gender is not null then 'cross'
            when region is not null then 'region'
            when age_band is not null then 'age_band'
            when gender is not null then 'gender'
            when income_band is not null then 'income_band'
            when frequency_band is not null then 'frequency_band'
            else 'all'
        end as segmentation,
        coalesce(region, 'all') as region,
        coalesce(age_band, 'all') as age_band,
        coalesce(gender, 'all') as gender,
        coalesce(income_band, 'all') as income_band,
        coalesce(frequency_band, 'all') as frequency_band,
        channel_id,
        customers,
        orders,
        cast(net_sales as decimal(18, 4)) as net_sales
    from segments
)
select
    month_start, segmentation, region, age_band, gender, income_band, frequency_band, channel_id, customers, orders,
    net_sales
from final
