-- Exchange rates to the base currency, each with the days on which it is the newest known one. A rate belongs to its
-- day whichever snapshot brought it: one that brings only the day's rates takes none of the earlier away.
-- In force on day d: rate_date <= d < superseded_from.
select
    currency,
    rate_date,
    lead(rate_date, 1, date '9999-12-31') over (partition by currency order by rate_date) as superseded_from,
    rate_to_base,
    _sender,
    _file,
    _line,
    _input
from feeds.fx_rates_newest
