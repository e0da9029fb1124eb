-- The months from the first sale to the as-of date; the last one is provisional while it runs.
with first_sale as (
    select min(business_date) as first_day
    from partner_channel_days
),

months as (
    select
        unnest(generate_series(
            cast(date_trunc('month', first_day) as date),
            cast(date_trunc('month', $as_of_date) as date),
            interval '1 month'
        )) as month_start
    from first_sale
    where first_day is not null
)

select
    month_start,
    period_month(month_start) as month,
    period_quarter(month_start) as quarter,
    least(last_day(month_start), $as_of_date) as closes_on,
    last_day(month_start) > $as_of_date as provisional
from months
