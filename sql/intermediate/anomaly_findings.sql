-- The judged days that lie outside their band and far enough off to matter.
with
bands as (
    select * from anomaly_bands where status is null
),
final as (
    select
        business_date,
        entity_type,
        entity_id,
        metric,
        observed,
        expected,
        lower,
        upper,
        observed - expected as gap,
        (observed - expected) / nullif(abs(expected), 0) as gap_rate,
        score,
        case when observed > expected then 'up' else 'down' end as direction
    from bands
    where
        abs(score) > $anomaly_band
        and (expected = 0 or abs(observed - expected) >= $anomaly_gap_min * abs(expected))
)
select
    business_date, entity_type, entity_id, metric, observed, expected, lower, upper, gap, gap_rate, score, direction
from final
