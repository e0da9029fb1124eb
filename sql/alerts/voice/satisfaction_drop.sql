-- Channels whose customers are clearly less satisfied than in the month before.
with
monthly as (
    select
        channel_id,
        max(channel_name) as channel_name,
        month,
        month_start,
        sum(responses) as responses,
        sum(satisfied_responses) as satisfied_responses,
        sum(complaints) as complaints,
        bool_or(coalesce(satisfaction_change_status, '') = 'incomplete_history') as before_is_part
    from experience
    group by channel_id, month, month_start
),
stages as (
    select channel_id, stage, month_start, responses, satisfaction_change, top_themes
    from experience
    where satisfaction_change is not null
    qualify row_number() over (
        partition by channel_id, month_start order by satisfaction_change, stage
    ) = 1
),
channels as (
    select channel_id, name, manager from channels_current
),
compared as (
    select
        monthly.*,
        before.responses as previous_responses,
        ratio(monthly.satisfied_responses, monthly.responses) as satisfaction_rate,
        ratio(before.satisfied_responses, before.responses) as previous_rate,
        before.complaints as previous_complaints
    from monthly
    inner join monthly as before
        on monthly.channel_id = before.channel_id
        and before.month_start = cast(monthly.month_start - interval '1 month' as date)
    where monthly.month_start = cast(date_trunc('month', $as_of_date) as date)
        and not monthly.before_is_part
),
final as (
    select
        compared.channel_id,
        coalesce(channels.name, compared.channel_name) as channel_name,
        channels.manager as channel_manager,
        compared.month,
        compared.responses,
        compared.previous_responses,
        compared.satisfaction_rate,
        compared.previous_rate,
        round(compared.previous_rate - compared.satisfaction_rate, 9) as points_lost,
        compared.complaints,
        compared.previous_complaints,
        stages.stage as worst_stage,
        stages.satisfaction_change as worst_stage_change,
        stages.top_themes
    from compared
    left join stages
        on compared.channel_id = stages.channel_id
        and compared.month_start = stages.month_start
    left join channels
        on compared.channel_id = channels.channel_id
    where
        compared.responses >= $satisfaction_responses_min
        and compared.previous_responses >= $satisfaction_responses_min
        and round(compared.previous_rate - compared.satisfaction_rate, 9) >= $satisfaction_drop
)
select
    channel_id, channel_name, channel_manager, month, responses, previous_responses, satisfaction_rate, previous_rate,
    points_lost, complaints, previous_complaints, worst_stage, worst_stage_change, top_themes
from final
