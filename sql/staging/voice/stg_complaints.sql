-- Complaints: of every complaint, the latest delivery counts.
with ranked as (
    select
        *,
        row_number() over (
            partition by complaint_id
            order by _delivered_at desc, _input desc, _file desc, _line desc
        ) as newest_row
    from feeds.complaints
)

select
    business_date,
    complaint_id,
    customer_id,
    partner_id,
    channel_id,
    medium,
    opened_at,
    first_response_at,
    resolved_at,
    paused_hours,
    category,
    stage,
    severity,
    _sender,
    _file,
    _line,
    _input,
    _delivered_at
from ranked
where newest_row = 1
