-- The last month of which every day is over by the as-of date.
with days as (
    select $as_of_date + 1 as next_day
),

months as (
    select cast(date_trunc('month', next_day) - interval '1 month' as date) as month_start
    from days
)

select
    month_start,
    last_day(month_start) as month_end
from months
