-- Holidays, shopping festivals and moved workdays as they now stand. Of each year what its sender's newest snapshot holds
-- that speaks of this year: next year's calendar takes nothing away from this one; of two senders that name the same key,
-- the later snapshot.
with newest as (
    select
        _sender,
        extract(year from "date") as year,
        max(_period_start) as snapshot_on
    from feeds.calendar
    group by _sender, extract(year from "date")
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
        and newest.year = extract(year from delivered."date")
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
