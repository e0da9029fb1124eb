-- Survey responses: of every response, the latest delivery counts.
with ranked as (
    select
        *,
        row_number() over (
            partition by response_id
            order by _delivered_at desc, _input desc, _file desc, _line desc
        ) as newest_row
    from feeds.surveys
)

select
    business_date,
    response_id,
    customer_id,
    partner_id,
    channel_id,
    stage,
    score,
    answered_at,
    theme,
    comment,
    _sender,
    _file,
    _line,
    _input,
    _delivered_at
from ranked
where newest_row = 1
