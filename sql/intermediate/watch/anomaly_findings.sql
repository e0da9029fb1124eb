-- The judged days that are told: out of their band and far enough off to matter, or the first day of a new level.
with
bands as (
    select * from anomaly_bands where finding is not null
),
final as (
    select
        business_date,
        entity_type,
        entity_id,
        metric,
        case metric when 'stock_level' then 'inventory' when 'complaints' then 'complaints' else 'sales' end as feed,
        observed,
        expected,
        lower,
        upper,
        observed - expected as gap,
        (observed - expected) / nullif(abs(expected), 0) as gap_rate,
        score,
        case when score > 0 then 'up' else 'down' end as direction,
        finding,
        off_days,
        level_change,
        is_holiday_known
    from bands
)
select
    business_date, entity_type, entity_id, metric, feed, observed, expected, lower, upper, gap, gap_rate, score,
    direction, finding, off_days, level_change, is_holiday_known
from final
