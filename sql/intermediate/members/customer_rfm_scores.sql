-- Scores 1 to 5 for recency, frequency and money of every buyer, by $score_method. Cuts come from those who bought in the
-- window, so that long-gone customers do not move them.
with
activity as (
    select customer_id, last_order_on, recency_days, frequency, monetary
    from customer_activity
    where evaluated_on = $as_of_date
),
fixed_cuts as (
    select measure, position, cut from settings.score_cuts
),
quantiles as (
    select
        quantile_exact(cast(recency_days as decimal(38, 4)), 0.2) as recency_1,
        quantile_exact(cast(recency_days as decimal(38, 4)), 0.4) as recency_2,
        quantile_exact(cast(recency_days as decimal(38, 4)), 0.6) as recency_3,
        quantile_exact(cast(recency_days as decimal(38, 4)), 0.8) as recency_4,
        quantile_exact(cast(frequency as decimal(38, 4)), 0.2) as frequency_1,
        quantile_exact(cast(frequency as decimal(38, 4)), 0.4) as frequency_2,
        quantile_exact(cast(frequency as decimal(38, 4)), 0.6) as frequency_3,
        quantile_exact(cast(frequency as decimal(38, 4)), 0.8) as frequency_4,
        quantile_exact(monetary, 0.2) as monetary_1,
        quantile_exact(monetary, 0.4) as monetary_2,
        quantile_exact(monetary, 0.6) as monetary_3,
        quantile_exact(monetary, 0.8) as monetary_4
    from activity
    where frequency > 0 and $score_method in ('quantile', 'quantile_plus_one')
),
quantile_cuts as (
    select 'recency' as measure, unnest(make_array(recency_1, recency_2, recency_3, recency_4)) as cut from quantiles
    union all
    select 'frequency' as measure, unnest(make_array(frequency_1, frequency_2, frequency_3, frequency_4)) as cut
    from quantiles
    union all
    select 'monetary' as measure, unnest(make_array(monetary_1, monetary_2, monetary_3, monetary_4)) as cut
    from quantiles
),
cuts as (
    select measure, cast(cut as decimal(38, 10)) as cut
    from quantile_cuts
    where cut is not null
    union all
    select measure, cast(cut as decimal(38, 10)) as cut
    from fixed_cuts
    where $score_method = 'fixed'
),
buyers as (
    select * from activity where last_order_on is not null
),
measures as (
    select 'recency' as measure, cast(recency_days as decimal(38, 10)) as value from buyers
    union
    select 'frequency' as measure, cast(frequency as decimal(38, 10)) as value from buyers
    union
    select 'monetary' as measure, cast(monetary as decimal(38, 10)) as value from buyers
),
value_scores as (
    -- Equal values share a score, because it depends on nothing but the value.
    select
        measures.measure,
        measures.value,
        1 + count(*) filter (
            where case
                when $score_method = 'quantile_plus_one' then measures.value >= cuts.cut + 1
                else measures.value > cuts.cut
            end
        ) as score
    from measures
    inner join cuts
        on measures.measure = cuts.measure
    group by measures.measure, measures.value
),
tile_scores as (
    -- Fifths by rank; ties go by customer_id.
    select
        customer_id,
        ntile(5) over (order by recency_days desc, customer_id) as r_score,
        ntile(5) over (order by frequency, customer_id) as f_score,
        ntile(5) over (order by monetary, customer_id) as m_score
    from buyers
    where $score_method = 'ntile'
),
final as (
    select
        buyers.customer_id,
        coalesce(tile_scores.r_score, 6 - recency_scores.score) as r_score,
        coalesce(tile_scores.f_score, frequency_scores.score) as f_score,
        coalesce(tile_scores.m_score, monetary_scores.score) as m_score
    from buyers
    left join tile_scores
        on buyers.customer_id = tile_scores.customer_id
    left join value_scores as recency_scores
        on recency_scores.measure = 'recency'
        and cast(buyers.recency_days as decimal(38, 10)) = recency_scores.value
    left join value_scores as frequency_scores
        on frequency_scores.measure = 'frequency'
        and cast(buyers.frequency as decimal(38, 10)) = frequency_scores.value
    left join value_scores as monetary_scores
        on monetary_scores.measure = 'monetary'
        and cast(buyers.monetary as decimal(38, 10)) = monetary_scores.value
)
select customer_id, r_score, f_score, m_score
from final
