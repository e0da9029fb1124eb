-- Channel costs as they now stand. The newest snapshot of each sender up to the as-of date counts, or its first one
-- where all are later; of two senders that name the same key, the later snapshot.
with newest as (
    select
        _sender,
        coalesce(max(_period_start) filter (where _period_start <= $as_of_date), min(_period_start)) as snapshot_on
    from feeds.channel_costs
    group by _sender
),

ranked as (
    select
        delivered.*,
        row_number() over (
            partition by delivered.channel_id, delivered.partner_id, delivered.month, delivered.cost_type
            order by
                delivered._period_start desc,
                delivered._delivered_at desc,
                delivered._sender,
                delivered._input,
                delivered._file,
                delivered._line
        ) as newest_row
    from feeds.channel_costs as delivered
    inner join newest
        on newest._sender = delivered._sender
        and newest.snapshot_on = delivered._period_start
)

select
    channel_id,
    partner_id,
    month,
    cost_type,
    amount,
    currency,
    _sender,
    _file,
    _line,
    _input
from ranked
where newest_row = 1
