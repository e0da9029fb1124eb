-- What reviewers think of the partners of each channel, by quarter: the mean marks, what the channel is best and worst
-- at beside all channels, and the newest remarks. A review counts once its period is over, in every quarter that the
-- period touches (one of a year in four), for the channel that the partner belonged to at the end of the quarter.
with
quarters as (
    select
        quarter,
        cast(date_trunc('quarter', min(month_start)) as date) as quarter_start,
        max(closes_on) as closes_on
    from kpi_months
    group by quarter
),
reviews as (
    select
        partner_id,
        reviewer,
        period_start(period) as period_start,
        period_end(period) as period_end,
        service_score,
        logistics_score,
        cooperation_score,
        brand_alignment_score,
        nullif(trim(comment), '') as comment
    from stg_partner_reviews
    where period_end(period) <= $as_of_date
),
partner_versions as (
    select partner_id, name, channel_id, valid_from, superseded_from
    from stg_partners
),
channel_versions as (
    select channel_id, name, channel_type, valid_from, superseded_from
    from stg_channels
),
selling as (
    select entity_id as channel_id, quarter_start
    from unit_quarters
    where entity_type = 'channel'
),
placed as (
    select
        quarters.quarter,
        quarters.quarter_start,
        quarters.closes_on,
        coalesce(partner_versions.channel_id, 'unknown') as channel_id,
        reviews.partner_id,
        coalesce(partner_versions.name, reviews.partner_id) as partner_name,
        reviews.reviewer,
        reviews.period_end,
        reviews.service_score,
        reviews.logistics_score,
        reviews.cooperation_score,
        reviews.brand_alignment_score,
        reviews.comment
    from reviews
    inner join quarters
        on reviews.period_start <= quarters.closes_on
        and reviews.period_end >= quarters.quarter_start
    left join partner_versions
        on partner_versions.partner_id = reviews.partner_id
        and partner_versions.valid_from <= quarters.closes_on
        and partner_versions.superseded_from > quarters.closes_on
),
marks as (
    select quarter_start, channel_id, 1 as place, 'service' as dimension, service_score as score from placed
    union all
    select quarter_start, channel_id, 2 as place, 'logistics' as dimension, logistics_score as score from placed
    union all
    select quarter_start, channel_id, 3 as place, 'cooperation' as dimension, cooperation_score as score from placed
    union all
    select quarter_start, channel_id, 4 as place, 'brand_alignment' as dimension, brand_alignment_score as score
    from placed
),
sums as (
    select
        quarter_start,
        channel_id,
        place,
        dimension,
        sum(score) as score_total,
        count(score) as scores
    from marks
    group by quarter_start, channel_id, place, dimension
),
sums_beside as (
    select
        *,
        sum(score_total) over (partition by quarter_start, dimension) as all_score_total,
        sum(scores) over (partition by quarter_start, dimension) as all_scores,
        count(*) filter (where scores > 0) over (partition by quarter_start, dimension) as channels
    from sums
),
means as (
    select
        quarter_start,
        channel_id,
        place,
        dimension,
        score_total,
        scores,
        channels,
        cast(score_total as double) / nullif(scores, 0) as mean,
        round(
            cast(score_total as double) / nullif(scores, 0) - cast(all_score_total as double) / nullif(all_scores, 0), 9
        ) as ahead
    from sums_beside
),
ranked as (
    -- What only one channel has marks for cannot be better or worse than elsewhere.
    select
        quarter_start,
        channel_id,
        dimension,
        ahead,
        count(*) over (partition by quarter_start, channel_id) as dimensions,
        row_number() over (partition by quarter_start, channel_id order by ahead desc, place) as best_place,
        row_number() over (partition by quarter_start, channel_id order by ahead, place desc) as worst_place
    from means
    where ahead is not null
        and channels > 1
),
stood_out as (
    -- Of a single dimension nobody can say that it is the best one, or the worst.
    select
        quarter_start,
        channel_id,
        max(dimensions) as dimensions,
        max(case when best_place = 1 and dimensions > 1 then dimension end) as strength,
        max(case when best_place = 1 and dimensions > 1 then ahead end) as strength_lead,
        max(case when worst_place = 1 and dimensions > 1 then dimension end) as weakness,
        max(case when worst_place = 1 and dimensions > 1 then ahead end) as weakness_lead
    from ranked
    group by quarter_start, channel_id
),
marked as (
    select
        quarter_start,
        channel_id,
        max(case when dimension = 'service' then mean end) as service_score,
        max(case when dimension = 'logistics' then mean end) as logistics_score,
        max(case when dimension = 'cooperation' then mean end) as cooperation_score,
        max(case when dimension = 'brand_alignment' then mean end) as brand_alignment_score,
        cast(sum(score_total) as double) / nullif(sum(scores), 0) as overall_score
    from means
    group by quarter_start, channel_id
),
counted as (
    select quarter_start, channel_id, count(*) as reviews, count(distinct partner_id) as partners
    from placed
    group by quarter_start, channel_id
),
remarks as (
    -- The same words about the same partner count once.
    select quarter_start, channel_id, partner_id, max(partner_name) as partner_name, comment, max(period_end) as said_on
    from placed
    where comment is not null
    group by quarter_start, channel_id, partner_id, comment
),
newest_remarks as (
    select quarter_start, channel_id, partner_id, partner_name, comment, said_on
    from remarks
    qualify row_number() over (
        partition by quarter_start, channel_id order by said_on desc, partner_id, comment
    ) <= $assessment_comments_max
),
comments as (
    select
        quarter_start,
        channel_id,
        string_agg(partner_name || ': ' || comment, ' | ' order by said_on desc, partner_id, comment) as recent_comments
    from newest_remarks
    group by quarter_start, channel_id
),
everyone as (
    select quarter_start, channel_id from selling
    union
    select quarter_start, channel_id from counted
),
final as (
    select
        quarters.quarter,
        everyone.quarter_start,
        quarters.closes_on < cast(everyone.quarter_start + interval '3 months' as date) - 1 as is_provisional,
        everyone.channel_id,
        coalesce(channel_versions.name, everyone.channel_id) as channel_name,
        coalesce(channel_versions.channel_type, 'unknown') as channel_type,
        coalesce(counted.reviews, 0) as reviews,
        coalesce(counted.partners, 0) as partners,
        marked.service_score,
        marked.logistics_score,
        marked.cooperation_score,
        marked.brand_alignment_score,
        marked.overall_score,
        case when marked.overall_score is null then 'no_reviews' end as scores_status,
        before.overall_score as previous_overall_score,
        round(marked.overall_score - before.overall_score, 9) as overall_change,
        case
            when marked.overall_score is null then 'no_reviews'
            when before.overall_score is null then 'no_prior_period'
        end as overall_change_status,
        stood_out.strength,
        stood_out.strength_lead,
        stood_out.weakness,
        stood_out.weakness_lead,
        case
            when marked.overall_score is null then 'no_reviews'
            when stood_out.dimensions is null then 'no_other_channel'
            when stood_out.dimensions = 1 then 'one_dimension'
        end as strength_status,
        comments.recent_comments,
        case
            when counted.reviews is null then 'no_reviews'
            when comments.recent_comments is null then 'no_comments'
        end as recent_comments_status
    from everyone
    inner join quarters
        on quarters.quarter_start = everyone.quarter_start
    left join counted
        on counted.quarter_start = everyone.quarter_start
        and counted.channel_id = everyone.channel_id
    left join marked
        on marked.quarter_start = everyone.quarter_start
        and marked.channel_id = everyone.channel_id
    left join stood_out
        on stood_out.quarter_start = everyone.quarter_start
        and stood_out.channel_id = everyone.channel_id
    left join marked as before
        on before.quarter_start = cast(everyone.quarter_start - interval '3 months' as date)
        and before.channel_id = everyone.channel_id
    left join comments
        on comments.quarter_start = everyone.quarter_start
        and comments.channel_id = everyone.channel_id
    left join channel_versions
        on channel_versions.channel_id = everyone.channel_id
        and channel_versions.valid_from <= quarters.closes_on
        and channel_versions.superseded_from > quarters.closes_on
)
select
    quarter, quarter_start, is_provisional, channel_id, channel_name, channel_type, reviews, partners, service_score,
    logistics_score, cooperation_score, brand_alignment_score, overall_score, scores_status, previous_overall_score,
    overall_change, overall_change_status, strength, strength_lead, weakness, weakness_lead, strength_status,
    recent_comments, recent_comments_status
from final
