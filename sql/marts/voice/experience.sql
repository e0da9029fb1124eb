-- How customers feel about each channel at each stage, by month: satisfaction, complaints, what they speak of, and how
-- that changed against the month before. A month still running counts its complaints against the same days of the month
-- before (at most its length). A month that began before the records do is not compared with.
with
surveys as (
    select channel_id, stage, score, theme, cast(date_trunc('month', business_date) as date) as month_start
    from stg_surveys
    where business_date <= $as_of_date
),
complaints as (
    select channel_id, stage, category, business_date, cast(date_trunc('month', business_date) as date) as month_start
    from stg_complaints
    where business_date <= $as_of_date
),
channels as (
    select channel_id, name from channels_current
),
answered as (
    select
        channel_id, stage, month_start,
        count(*) as responses,
        count(*) filter (where score > $dissatisfied_score_max) as satisfied_responses,
        sum(score) as score_sum
    from surveys
    group by channel_id, stage, month_start
),
complained as (
    select channel_id, stage, month_start, count(*) as complaints
    from complaints
    group by channel_id, stage, month_start
),
complained_so_far as (
    -- Of the month before the as-of date's, the days that the as-of date's has had.
    select channel_id, stage, month_start, count(*) as complaints
    from complaints
    where
        month_start = cast(date_trunc('month', $as_of_date) - interval '1 month' as date)
        and extract(day from business_date) <= extract(day from $as_of_date)
    group by channel_id, stage, month_start
),
category_counts as (
    select channel_id, stage, month_start, category, count(*) as complaints
    from complaints
    group by channel_id, stage, month_start, category
),
top_categories as (
    select
        channel_id, stage, month_start,
        string_agg(category || ' ' || cast(complaints as text), '; ' order by complaints desc, category) as categories
    from category_counts
    group by channel_id, stage, month_start
),
theme_counts as (
    select channel_id, stage, month_start, theme, count(*) as responses
    from surveys
    where theme is not null
    group by channel_id, stage, month_start, theme
    qualify row_number() over (
        partition by channel_id, stage, month_start order by count(*) desc, theme
    ) <= $names_shown_max
),
top_themes as (
    select
        channel_id, stage, month_start,
        string_agg(theme || ' ' || cast(responses as text), '; ' order by responses desc, theme) as themes
    from theme_counts
    group by channel_id, stage, month_start
),
-- A complaints feed that never came leaves complaints unknown, not 0; so does one of surveys the responses.
arrived as (
    select
        (select count(*) from system.feeds where feed = 'surveys' and arrived) > 0 as surveys_arrived,
        (select count(*) from system.feeds where feed = 'complaints' and arrived) > 0 as complaints_arrived
),
records as (
    select least(
        (select min(first_day) from sales_history),
        (select min(business_date) from complaints),
        (select min(business_date) from stg_surveys where business_date <= $as_of_date)
    ) as begin_on
),
begun as (
    select channel_id, stage, min(month_start) as first_month
    from (
        select channel_id, stage, month_start from answered
        union all
        select channel_id, stage, month_start from complained
    ) as spoken
    group by channel_id, stage
),
months as (
    select cast(
        unnest(generate_series((select min(first_month) from begun), $as_of_date, interval '1 month')) as date
    ) as month_start
),
-- A month in which nobody said anything is one of the series: what follows it is compared with it.
everything as (
    select begun.channel_id, begun.stage, months.month_start
    from begun
    inner join months
        on months.month_start >= begun.first_month
),
monthly as (
    select
        everything.channel_id,
        everything.stage,
        everything.month_start,
        case when arrived.surveys_arrived then coalesce(answered.responses, 0) end as responses,
        case when arrived.surveys_arrived then coalesce(answered.satisfied_responses, 0) end as satisfied_responses,
        ratio(answered.satisfied_responses, answered.responses) as satisfaction_rate,
        ratio(answered.score_sum, answered.responses) as average_score,
        case when arrived.complaints_arrived then coalesce(complained.complaints, 0) end as complaints,
        case when not arrived.complaints_arrived then 'no_complaint_data' end as complaints_status,
        top_categories.categories,
        top_themes.themes
    from everything
    cross join arrived
    left join answered
        on everything.channel_id = answered.channel_id
        and everything.stage = answered.stage
        and everything.month_start = answered.month_start
    left join complained
        on everything.channel_id = complained.channel_id
        and everything.stage = complained.stage
        and everything.month_start = complained.month_start
    left join top_categories
        on everything.channel_id = top_categories.channel_id
        and everything.stage = top_categories.stage
        and everything.month_start = top_categories.month_start
    left join top_themes
        on everything.channel_id = top_themes.channel_id
        and everything.stage = top_themes.stage
        and everything.month_start = top_themes.month_start
),
final as (
    select
        monthly.channel_id,
        coalesce(channels.name, monthly.channel_id) as channel_name,
        monthly.stage,
        to_char(monthly.month_start, '%Y-%m') as month,
        monthly.month_start,
        case
            when records.begin_on >= monthly.month_start then 'no_prior_period'
            when records.begin_on > cast(monthly.month_start - interval '1 month' as date) then 'incomplete_history'
        end as before_status,
        cast(monthly.month_start + interval '1 month' as date) > $as_of_date + 1 as is_provisional,
        monthly.responses,
        monthly.satisfied_responses,
        monthly.satisfaction_rate,
        monthly.average_score,
        case
            when monthly.responses is null then 'no_survey_data'
            when monthly.responses = 0 then 'no_responses'
        end as satisfaction_status,
        monthly.complaints,
        monthly.complaints_status,
        monthly.categories as complaint_categories,
        monthly.themes as top_themes,
        before.satisfaction_rate as previous_satisfaction_rate,
        before.responses as previous_responses,
        case
            when monthly.complaints is null then null
            when cast(monthly.month_start + interval '1 month' as date) > $as_of_date + 1 then
                coalesce(complained_so_far.complaints, 0)
            else coalesce(before.complaints, 0)
        end as known_complaints
    from monthly
    cross join records
    left join monthly as before
        on monthly.channel_id = before.channel_id
        and monthly.stage = before.stage
        and before.month_start = cast(monthly.month_start - interval '1 month' as date)
    left join complained_so_far
        on monthly.channel_id = complained_so_far.channel_id
        and monthly.stage = complained_so_far.stage
        and complained_so_far.month_start = cast(monthly.month_start - interval '1 month' as date)
    left join channels
        on monthly.channel_id = channels.channel_id
),
compared as (
    select
        *,
        case when before_status is null then satisfaction_rate - previous_satisfaction_rate end as satisfaction_change,
        case
            when responses is null then 'no_survey_data'
            when before_status is not null then before_status
            when previous_satisfaction_rate is null then 'no_prior_period'
            when responses = 0 then 'no_responses'
        end as satisfaction_change_status,
        case when before_status is null then known_complaints end as previous_complaints
    from final
)
select
    channel_id, channel_name, stage, month, month_start, is_provisional, responses, satisfied_responses, satisfaction_rate,
    average_score, satisfaction_status, complaints, complaints_status, complaint_categories, top_themes, previous_satisfaction_rate,
    previous_responses, satisfaction_change, satisfaction_change_status, previous_complaints,
    complaints - previous_complaints as complaints_change,
    coalesce(complaints_status, before_status) as complaints_change_status
from compared
