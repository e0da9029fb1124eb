-- Market notes: of every note, the latest delivery counts.
with ranked as (
    select
        *,
        row_number() over (
            partition by note_id
            order by _delivered_at desc, _input desc, _file desc, _line desc
        ) as newest_row
    from feeds.market_notes
)

select
    business_date,
    note_id,
    noted_on,
    partner_id,
    channel_id,
    region,
    kind,
    text,
    _sender,
    _file,
    _line,
    _input,
    _delivered_at
from ranked
where newest_row = 1
