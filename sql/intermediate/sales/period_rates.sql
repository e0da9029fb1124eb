-- The rate of each currency for amounts that belong to a month or a quarter as a whole: that of its last day.
with
months as (
    select month, quarter, month_start, currency, rate_to_base, closes_on, rate_age_days, rate_status
    from month_end_rates
),
last_months as (
    select quarter, currency, rate_to_base, closes_on, rate_age_days, rate_status
    from months
    qualify row_number() over (partition by quarter, currency order by month_start desc) = 1
)
select month as period, currency, rate_to_base, closes_on, rate_age_days, rate_status
from months
union all
select quarter as period, currency, rate_to_base, closes_on, rate_age_days, rate_status
from last_months
