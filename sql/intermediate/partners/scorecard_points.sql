-- Each metric's value on a scale from 0 to 100 by the settings table scorecard_metrics, and what it adds to the
-- partner's score: what is missing is left out, and the rest carries its weight.
with metrics as (
    select metric, dimension, weight, zero_at, full_at
    from settings.scorecard_metrics
),

placed as (
    select
        facts.partner_id,
        facts.quarter,
        facts.metric,
        metrics.dimension,
        cast(metrics.weight as decimal(38,6)) as weight,
        facts.value,
        facts.value_status,
        (facts.value - cast(metrics.zero_at as double))
            / nullif(cast(metrics.full_at - metrics.zero_at as double), 0) as place_in_range
    from scorecard_values as facts
    inner join metrics on metrics.metric = facts.metric
),

-- least and greatest pass over NULL, so a missing value needs its own answer.
scaled as (
    select
        *,
        case
            when place_in_range is not null
                then cast(round(100 * least(greatest(place_in_range, 0), 1), 6) as decimal(38,6))
        end as metric_score
    from placed
),

weights as (
    select
        *,
        sum(case when metric_score is not null then weight else 0 end) over (partition by partner_id, quarter)
            as weight_present
    from scaled
)

select
    partner_id,
    quarter,
    metric,
    dimension,
    cast(weight as decimal(12,6)) as weight,
    value,
    value_status,
    cast(metric_score as decimal(12,6)) as metric_score,
    weight_present,
    cast(cast(weight * metric_score as decimal(38,12)) / nullif(weight_present, 0) as decimal(12,6)) as score_points,
    cast(cast(weight * (100 - metric_score) as decimal(38,12)) / nullif(weight_present, 0) as decimal(12,6))
        as score_points_lost
from weights
