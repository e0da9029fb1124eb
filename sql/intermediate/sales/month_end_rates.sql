-- The rate of each currency on the last day of each month: for amounts that belong to a month as a whole.
with currencies as (
    select distinct currency
    from stg_fx_rates
    where currency <> $base_currency
)

select
    kpi_months.month,
    kpi_months.quarter,
    kpi_months.month_start,
    currencies.currency,
    stg_fx_rates.rate_to_base,
    kpi_months.closes_on,
    kpi_months.closes_on - stg_fx_rates.rate_date as rate_age_days,
    case when kpi_months.closes_on - stg_fx_rates.rate_date > $fx_rate_days_max then 'stale_rate' end as rate_status
from kpi_months
cross join currencies
inner join stg_fx_rates
    on stg_fx_rates.currency = currencies.currency
    and stg_fx_rates.rate_date <= kpi_months.closes_on
    and stg_fx_rates.superseded_from > kpi_months.closes_on
union all
select
    month,
    quarter,
    month_start,
    $base_currency as currency,
    cast(1 as decimal(18,8)) as rate_to_base,
    closes_on,
    0 as rate_age_days,
    null as rate_status
from kpi_months
