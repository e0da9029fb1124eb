-- Holidays, shopping festivals and moved workdays as they now stand. The newest snapshot of each sender counts;
-- of two senders that name the same key, the later snapshot.
with newest as (
    select
        _sender,
        max(_period_start) as snapshot_on
    from feeds.calendar
    group by _sender
),

ranked as (
    select
        delivered.*,
        row_number() over (
            partition by delivered."date", delivered.region
            order by
                delivered._period_start desc,
                delivered._delivered_at desc,
                delivered._sender,
                delivered._input,
                delivered._file,
                delivered._line
        ) as newest_row
    from feeds.calendar as delivered
    inner join newest
        on newest._sender = delivered._sender
        and newest.snapshot_on = delivered._period_start
)

select
    "date",
    region,
    kind,
    name,
    is_workday,
    _sender,
    _file,
    _line,
    _input
from ranked
where newest_row = 1
