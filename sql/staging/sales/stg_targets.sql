-- Sales targets as they now stand. The newest snapshot of each sender up to the as-of date counts, or its first one
-- where all are later; of two senders that name the same key, the later snapshot.
with newest as (
    select
        _sender,
        coalesce(max(_period_start) filter (where _period_start <= $as_of_date), min(_period_start)) as snapshot_on
    from feeds.targets
    group by _sender
),

ranked as (
    select
        delivered.*,
        row_number() over (
            partition by delivered.scope, delivered.scope_id, delivered.period, delivered.metric
            order by
                delivered._period_start desc,
                delivered._delivered_at desc,
                delivered._sender,
                delivered._input,
                delivered._file,
                delivered._line
        ) as newest_row
    from feeds.targets as delivered
    inner join newest
        on newest._sender = delivered._sender
        and newest.snapshot_on = delivered._period_start
)

select
    scope,
    scope_id,
    period,
    metric,
    target,
    _sender,
    _file,
    _line,
    _input
from ranked
where newest_row = 1
