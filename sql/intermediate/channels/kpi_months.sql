-- The months from the first sale to the as-of date; the last one is provisional while it runs, and the first one is part
-- of a month where sales are not known from its first day on.
with months as (
    select
        first_day,
        unnest(generate_series(
            cast(date_trunc('month', first_day) as date),
            cast(date_trunc('month', $as_of_date) as date),
            interval '1 month'
        )) as month_start
    from sales_history
)

select
    month_start,
    period_month(month_start) as month,
    period_quarter(month_start) as quarter,
    least(last_day(month_start), $as_of_date) as closes_on,
    last_day(month_start) > $as_of_date as is_provisional,
    first_day > month_start as is_part
from months
