-- What customers said and how deliveries kept their promise, for each channel and each partner by month.
with responses as (
    select
        cast(date_trunc('month', business_date) as date) as month_start,
        channel_id,
        partner_id,
        score
    from stg_surveys
    where score is not null
),

scoped_responses as (
    select 'channel' as scope, channel_id as scope_id, month_start, score
    from responses
    union all
    select 'partner' as scope, partner_id as scope_id, month_start, score
    from responses
    where partner_id is not null
),

surveys as (
    select
        scope,
        scope_id,
        month_start,
        count(*) as responses,
        count(*) filter (where score > $dissatisfied_score_max) as satisfied_responses,
        sum(score) as score_total,
        0 as complaints,
        0 as due_deliveries,
        0 as reported_deliveries,
        0 as on_time_deliveries
    from scoped_responses
    group by scope, scope_id, month_start
),

scoped_complaints as (
    select
        'channel' as scope,
        channel_id as scope_id,
        cast(date_trunc('month', business_date) as date) as month_start
    from stg_complaints
    union all
    select
        'partner' as scope,
        partner_id as scope_id,
        cast(date_trunc('month', business_date) as date) as month_start
    from stg_complaints
    where partner_id is not null
),

complaints as (
    select
        scope,
        scope_id,
        month_start,
        0 as responses,
        0 as satisfied_responses,
        0 as score_total,
        count(*) as complaints,
        0 as due_deliveries,
        0 as reported_deliveries,
        0 as on_time_deliveries
    from scoped_complaints
    group by scope, scope_id, month_start
),

-- A delivery is due when it was made, or when its day has passed without one. Many senders report sales on the day of
-- the order and never say when they delivered: what is due and not reported is counted, and not called late.
due_promises as (
    select
        cast(date_trunc('month', business_date) as date) as month_start,
        channel_id,
        partner_id,
        case when promised_on <= $as_of_date then lines else delivered_lines end as due_lines,
        delivered_lines,
        on_time_lines
    from delivery_promises
),

scoped_promises as (
    select 'channel' as scope, channel_id as scope_id, month_start, due_lines, delivered_lines, on_time_lines
    from due_promises
    union all
    select 'partner' as scope, partner_id as scope_id, month_start, due_lines, delivered_lines, on_time_lines
    from due_promises
),

deliveries as (
    select
        scope,
        scope_id,
        month_start,
        0 as responses,
        0 as satisfied_responses,
        0 as score_total,
        0 as complaints,
        sum(due_lines) as due_deliveries,
        sum(delivered_lines) as reported_deliveries,
        sum(on_time_lines) as on_time_deliveries
    from scoped_promises
    group by scope, scope_id, month_start
),

together as (
    select * from surveys
    union all
    select * from complaints
    union all
    select * from deliveries
)

select
    scope,
    scope_id,
    month_start,
    sum(responses) as responses,
    sum(satisfied_responses) as satisfied_responses,
    sum(score_total) as score_total,
    sum(complaints) as complaints,
    sum(due_deliveries) as due_deliveries,
    sum(reported_deliveries) as reported_deliveries,
    sum(on_time_deliveries) as on_time_deliveries
from together
group by scope, scope_id, month_start
