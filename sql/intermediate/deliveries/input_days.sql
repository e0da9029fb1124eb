-- Every business date that every version of a delivered file covers. A file too broken to tell its period is
-- taken for the day before it came.
with periods as (
    select
        sender,
        feed,
        input,
        status,
        delivered_at,
        rows_read,
        rows_clean,
        rows_rejected,
        coalesce(period_start, period_end, cast(delivered_at at time zone $time_zone as date) - 1) as first_day,
        coalesce(period_end, period_start, cast(delivered_at at time zone $time_zone as date) - 1) as last_day_covered
    from system.inputs
),

covered as (
    select
        *,
        last_day_covered - first_day + 1 as days_covered,
        unnest(generate_series(first_day, last_day_covered, interval '1 day')) as business_date
    from periods
    where first_day <= last_day_covered
)

select
    sender,
    feed,
    business_date,
    input,
    status,
    delivered_at,
    days_covered,
    rows_read,
    rows_clean,
    rows_rejected
from covered
