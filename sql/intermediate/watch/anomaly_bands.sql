-- For each judged day and series: what was to be expected, how far off is too far, and whether the day is told.
-- season_band (see `tributary docs`) learns each series day by day: level × weekday × season of the year × holiday.
-- Under $anomaly_orders_min orders (of prices $anomaly_price_orders_min) or $anomaly_complaints_min complaints a day chance has it all: nothing is judged.
with
series as (
    select * from watch_series
),
banded as (
    select
        business_date,
        entity_type,
        entity_id,
        metric,
        value,
        is_incomplete,
        season_band(
            value,
            events,
            without_order,
            without_return,
            is_holiday,
            is_promoted,
            is_incomplete,
            days_back,
            scale,
            $anomaly_band,
            $anomaly_gap_min,
            $anomaly_history_days_min,
            $anomaly_dispersion,
            case metric when 'stock_level' then $anomaly_stock_noise_min else $anomaly_noise_min end,
            $anomaly_holiday_noise,
            $anomaly_shift_band,
            $anomaly_shift_days,
            case metric
                when 'complaints' then $anomaly_complaints_min
                when 'average_price' then $anomaly_price_orders_min
                else $anomaly_orders_min
            end
        ) over (partition by entity_type, entity_id, metric order by business_date) as band
    from series
),
unpacked as (
    select
        business_date,
        entity_type,
        entity_id,
        metric,
        is_incomplete,
        cast(value as double) as observed,
        band['expected'] as expected,
        band['lower'] as lower,
        band['upper'] as upper,
        band['score'] as score,
        band['status'] as status,
        band['finding'] as finding,
        band['off_days'] as off_days,
        band['level_change'] as level_change,
        band['holiday_known'] as is_holiday_known
    from banded
),
final as (
    select *
    from unpacked
    where business_date > $as_of_date - $anomaly_days
)
select
    business_date, entity_type, entity_id, metric, is_incomplete, observed, expected, lower, upper, score, status,
    finding, off_days, level_change, is_holiday_known
from final
