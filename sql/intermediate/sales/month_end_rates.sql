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
    stg_fx_rates.rate_to_base
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
    cast(1 as decimal(18,8)) as rate_to_base
from kpi_months
