-- Exchange rates to the base currency, each with the days on which it is the newest known one.
-- A rate once published stays: a snapshot that brings only the day's rates takes none of the earlier away.
-- In force on day d: rate_date <= d < superseded_from.
with ranked as (
    select
        *,
        row_number() over (
            partition by currency, rate_date
            order by _period_start desc, _delivered_at desc, _sender, _input, _file, _line
        ) as newest_row
    from feeds.fx_rates
)

select
    currency,
    rate_date,
    lead(rate_date, 1, date '9999-12-31') over (partition by currency order by rate_date) as superseded_from,
    rate_to_base,
    _sender,
    _file,
    _line,
    _input
from ranked
where newest_row = 1
