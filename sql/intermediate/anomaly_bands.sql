-- For each judged day and series: what was to be expected, and how far off is too far.
-- Expected is the median of the same weekday over the trailing weeks. The spread is 1.4826 × the median absolute
-- deviation (MAD) of all trailing days from the median of their own weekday, relative to it. Sales, units and orders
-- are compared by their square roots, so that the band of a small partner narrows downwards and widens upwards;
-- average price as it is; the return rate by plain differences.
-- With few weeks n both medians are uncertain: the spread is taken times 1 + 3.3 / (n - 2), which was found by drawing
-- normal noise 300,000 times, so that the band holds 99.9 % of quiet days for n from 4 to 26.
-- Floor of the spread: chance alone moves n orders by 1 / sqrt(n), and nothing is steadier than $anomaly_noise_min.
with
sales as (
    select * from watch_days where business_date <= $as_of_date
),
unreported as (
    select partner_id, business_date from unreported_days
),
partners as (
    select partner_id, ended_on from partners_current
),
lives as (
    -- A series lives from its first sale on; a partner that ended lives to its end.
    select sales.entity_type, sales.entity_id, min(sales.business_date) as first_day, max(partners.ended_on) as ended_on
    from sales
    left join partners
        on sales.entity_type = 'partner'
        and sales.entity_id = partners.partner_id
    group by sales.entity_type, sales.entity_id
),
days as (
    select unnest(generate_series(
        $as_of_date - $anomaly_days + 1 - 7 * $anomaly_weeks, $as_of_date, interval '1 day'
    )) as business_date
),
spine as (
    -- A day without sales inside a series' life is a zero, not a gap; a day without its file is a gap.
    select
        days.business_date,
        lives.entity_type,
        lives.entity_id,
        lives.first_day,
        unreported.partner_id is not null as is_unreported
    from days
    inner join lives
        on days.business_date >= lives.first_day
        and (lives.ended_on is null or days.business_date <= lives.ended_on)
    left join unreported
        on lives.entity_type = 'partner'
        and lives.entity_id = unreported.partner_id
        and days.business_date = unreported.business_date
),
filled as (
    select
        spine.business_date,
        spine.entity_type,
        spine.entity_id,
        spine.first_day,
        spine.is_unreported,
        coalesce(sales.net_sales, 0) as net_sales,
        coalesce(sales.units, 0) as units,
        coalesce(sales.orders, 0) as orders,
        sales.sale_value,
        sales.sale_units,
        sales.return_value
    from spine
    left join sales
        on spine.business_date = sales.business_date
        and spine.entity_type = sales.entity_type
        and spine.entity_id = sales.entity_id
),
series as (
    select business_date, entity_type, entity_id, first_day, is_unreported, orders,
        'net_sales' as metric, cast(net_sales as decimal(24, 6)) as value
    from filled
    union all
    select business_date, entity_type, entity_id, first_day, is_unreported, orders,
        'units' as metric, cast(units as decimal(24, 6)) as value
    from filled
    union all
    select business_date, entity_type, entity_id, first_day, is_unreported, orders,
        'orders' as metric, cast(orders as decimal(24, 6)) as value
    from filled
    union all
    select business_date, entity_type, entity_id, first_day, is_unreported, orders,
        'average_price' as metric,
        cast(cast(sale_value as decimal(28, 8)) / nullif(sale_units, 0) as decimal(24, 6)) as value
    from filled
    union all
    select business_date, entity_type, entity_id, first_day, is_unreported, orders,
        'return_rate' as metric,
        case when sale_value > 0 then
            cast(cast(return_value as decimal(28, 8)) / nullif(sale_value, 0) as decimal(24, 6))
        end as value
    from filled
),
judged as (
    select business_date, entity_type, entity_id, metric, first_day, is_unreported, value
    from series
    where business_date > $as_of_date - $anomaly_days
),
trailing as (
    select
        judged.business_date,
        judged.entity_type,
        judged.entity_id,
        judged.metric,
        (judged.business_date - history.business_date) % 7 as weekday_distance,
        history.value,
        history.orders
    from judged
    inner join series as history
        on judged.entity_type = history.entity_type
        and judged.entity_id = history.entity_id
        and judged.metric = history.metric
        and history.business_date < judged.business_date
        and history.business_date >= judged.business_date - 7 * $anomaly_weeks
    where history.value is not null and not history.is_unreported
),
weekdays as (
    select
        business_date,
        entity_type,
        entity_id,
        metric,
        weekday_distance,
        count(*) as points,
        median_exact(value) as median_value,
        median_exact(orders) as median_orders
    from trailing
    group by business_date, entity_type, entity_id, metric, weekday_distance
),
deviations as (
    select
        trailing.business_date,
        trailing.entity_type,
        trailing.entity_id,
        trailing.metric,
        case
            when trailing.metric = 'return_rate' then
                abs(cast(trailing.value as double) - cast(weekdays.median_value as double))
            when weekdays.median_value <= 0 then null
            when trailing.metric = 'average_price' then
                abs(cast(trailing.value as double) / nullif(cast(weekdays.median_value as double), 0) - 1)
            else
                abs(
                    sqrt(cast(greatest(trailing.value, 0) as double) / nullif(cast(weekdays.median_value as double), 0))
                    - 1
                )
        end as deviation
    from trailing
    inner join weekdays
        on trailing.business_date = weekdays.business_date
        and trailing.entity_type = weekdays.entity_type
        and trailing.entity_id = weekdays.entity_id
        and trailing.metric = weekdays.metric
        and trailing.weekday_distance = weekdays.weekday_distance
),
mads as (
    select business_date, entity_type, entity_id, metric, median_exact(deviation) as mad
    from deviations
    group by business_date, entity_type, entity_id, metric
),
expected as (
    select
        judged.business_date,
        judged.entity_type,
        judged.entity_id,
        judged.metric,
        judged.is_unreported,
        cast(judged.value as double) as observed,
        cast(weekdays.median_value as double) as expected,
        greatest(cast(weekdays.median_orders as double), 1) as usual_orders,
        1.4826 * cast(mads.mad as double)
        * (1 + 3.3 / nullif(cast($anomaly_weeks - 2 as double), 0)) as mad_spread,
        case
            when judged.business_date - judged.first_day < $anomaly_history_days_min then 'short_history'
            when judged.value is null then 'no_sales'
            when coalesce(weekdays.points, 0) < $anomaly_points_min then 'few_points'
            when judged.metric <> 'return_rate' and weekdays.median_value <= 0 then 'nothing_expected'
        end as status
    from judged
    left join weekdays
        on judged.business_date = weekdays.business_date
        and judged.entity_type = weekdays.entity_type
        and judged.entity_id = weekdays.entity_id
        and judged.metric = weekdays.metric
        and weekdays.weekday_distance = 0
    left join mads
        on judged.business_date = mads.business_date
        and judged.entity_type = mads.entity_type
        and judged.entity_id = mads.entity_id
        and judged.metric = mads.metric
),
floored as (
    select
        *,
        case
            when metric = 'return_rate' then
                greatest(expected, 1 / usual_orders) * (1 - least(greatest(expected, 1 / usual_orders), 1))
        end as return_variance,
        greatest(cast($anomaly_noise_min as double), 1 / sqrt(usual_orders)) as chance
    from expected
),
spread as (
    select
        *,
        case metric
            when 'return_rate' then
                greatest(mad_spread, sqrt(return_variance / usual_orders), cast($anomaly_noise_min as double) * expected)
            when 'average_price' then greatest(mad_spread, chance)
            else greatest(mad_spread, chance / 2)
        end as spread
    from floored
),
final as (
    select
        business_date,
        entity_type,
        entity_id,
        metric,
        is_unreported,
        observed,
        case when status is null then expected end as expected,
        case when status is null then
            case metric
                when 'return_rate' then greatest(expected - $anomaly_band * spread, 0)
                when 'average_price' then expected * greatest(1 - $anomaly_band * spread, 0)
                else expected * power(greatest(1 - $anomaly_band * spread, 0), 2)
            end
        end as lower,
        case when status is null then
            case metric
                when 'return_rate' then expected + $anomaly_band * spread
                when 'average_price' then expected * (1 + $anomaly_band * spread)
                else expected * power(1 + $anomaly_band * spread, 2)
            end
        end as upper,
        case when status is null then
            case metric
                when 'return_rate' then (observed - expected) / nullif(spread, 0)
                when 'average_price' then (observed / nullif(expected, 0) - 1) / nullif(spread, 0)
                else (signum(observed) * sqrt(abs(observed) / nullif(expected, 0)) - 1) / nullif(spread, 0)
            end
        end as score,
        status
    from spread
)
select business_date, entity_type, entity_id, metric, is_unreported, observed, expected, lower, upper, score, status
from final
