-- What customers want improved: each theme and category with how often it came up, whether it grows, where, since when,
-- and whether it is still open. A complaint's category belongs to a theme by settings.complaint_themes; a survey speaks
-- when its score is low, under the category survey.
with
complaints as (
    select
        complaint_id,
        channel_id,
        stage,
        coalesce(nullif(trim(category), ''), 'unknown') as category,
        is_open,
        cast(opened_at at time zone $time_zone as date) as business_date
    from complaint_sla
),
surveys as (
    select channel_id, stage, trim(theme) as theme, comment, response_id, business_date
    from stg_surveys
    where business_date <= $as_of_date and score <= $dissatisfied_score_max and nullif(trim(theme), '') is not null
),
themes as (
    select category, theme from settings.complaint_themes
),
channels as (
    select channel_id, name from channels_current
),
mentions as (
    select
        coalesce(themes.theme, complaints.category) as theme,
        complaints.category,
        complaints.channel_id,
        complaints.stage,
        complaints.business_date,
        complaints.is_open,
        cast(null as text) as comment,
        complaints.complaint_id as mention_id
    from complaints
    left join themes
        on complaints.category = themes.category
    union all
    select theme, 'survey', channel_id, stage, business_date, false, nullif(trim(comment), ''), response_id
    from surveys
),
by_channel as (
    select theme, category, channel_id, count(*) as mentions
    from mentions
    where business_date > $as_of_date - $improvement_window_days
    group by theme, category, channel_id
),
affected as (
    select
        by_channel.theme,
        by_channel.category,
        count(*) as channels,
        string_agg(
            concat(coalesce(channels.name || ' (' || by_channel.channel_id || ')', by_channel.channel_id), ' ', cast(by_channel.mentions as text)),
            '; ' order by by_channel.mentions desc, by_channel.channel_id
        ) as affected_channels
    from by_channel
    left join channels
        on by_channel.channel_id = channels.channel_id
    group by by_channel.theme, by_channel.category
),
comments as (
    select theme, category, comment
    from mentions
    where comment is not null
    qualify row_number() over (partition by theme, category order by business_date desc, mention_id desc) = 1
),
counted as (
    select
        theme,
        category,
        count(*) as mentions,
        count(*) filter (where business_date > $as_of_date - $improvement_window_days) as mentions_recent,
        count(*) filter (
            where
                business_date <= $as_of_date - $improvement_window_days
                and business_date > $as_of_date - 2 * $improvement_window_days
        ) as mentions_before,
        count(*) filter (where is_open) as open_complaints,
        min(business_date) as first_seen_on,
        max(business_date) as last_seen_on
    from mentions
    group by theme, category
),
records as (
    -- The window before the recent one is known in part only where the records begin in it.
    select least(
        (select min(first_day) from sales_history), (select min(business_date) from mentions)
    ) > $as_of_date - 2 * $improvement_window_days + 1 as begin_late
),
grown as (
    select
        counted.*,
        coalesce(records.begin_late, false) as begin_late,
        case when not coalesce(records.begin_late, false)
            then growth(counted.mentions_recent, counted.mentions_before)
        end as mentions_growth
    from counted
    cross join records
),
final as (
    select
        $as_of_date as as_of_date,
        grown.theme,
        grown.category,
        grown.mentions,
        grown.mentions_recent,
        grown.mentions_before,
        grown.mentions_growth,
        case when grown.begin_late then 'incomplete_history' else growth_status(grown.mentions_before) end
            as mentions_growth_status,
        case
            when grown.mentions_recent = 0 then 'quiet'
            when grown.begin_late then null
            when grown.first_seen_on > $as_of_date - $improvement_window_days then 'new'
            when grown.mentions_before = 0 or grown.mentions_growth >= $improvement_trend_min then 'rising'
            when grown.mentions_growth <= -$improvement_trend_min then 'falling'
            else 'steady'
        end as trend,
        coalesce(affected.channels, 0) as channels,
        affected.affected_channels,
        grown.first_seen_on,
        grown.last_seen_on,
        grown.open_complaints,
        grown.open_complaints > 0 or grown.mentions_recent > 0 as is_still_open,
        comments.comment as latest_comment,
        row_number() over (
            order by grown.mentions_recent desc, grown.mentions desc, grown.theme, grown.category
        ) as priority
    from grown
    left join affected
        on grown.theme = affected.theme
        and grown.category = affected.category
    left join comments
        on grown.theme = comments.theme
        and grown.category = comments.category
)
select
    as_of_date, theme, category, mentions, mentions_recent, mentions_before, mentions_growth, mentions_growth_status,
    trend, channels, affected_channels, first_seen_on, last_seen_on, open_complaints, is_still_open, latest_comment, priority
from final
