-- What the largest competitor sold in a region or a category by quarter, in base currency, where the market feed names
-- one for exactly this region or category: in one row for the quarter, else in rows for all of its months so far.
with
market_rows as (
    select
        case when region is not null then 'region' else 'category' end as entity_type,
        coalesce(region, category) as entity_id,
        period,
        largest_competitor_sales_amount as amount,
        coalesce(currency, $base_currency) as currency
    from stg_market
    where (region is null) <> (category is null)
        and largest_competitor_sales_amount > 0
),
rates as (
    select period, currency, rate_to_base
    from period_rates
),
months as (
    select month, quarter
    from kpi_months
),
quarters as (
    select quarter, count(*) as months
    from months
    group by quarter
),
converted as (
    select
        market_rows.entity_type,
        market_rows.entity_id,
        market_rows.period,
        market_rows.amount * rates.rate_to_base as amount
    from market_rows
    inner join rates
        on rates.period = market_rows.period
        and rates.currency = market_rows.currency
),
by_quarter as (
    select converted.entity_type, converted.entity_id, quarters.quarter, converted.amount
    from converted
    inner join quarters
        on quarters.quarter = converted.period
),
by_month as (
    select
        converted.entity_type,
        converted.entity_id,
        months.quarter,
        sum(converted.amount) as amount,
        count(*) as months
    from converted
    inner join months
        on months.month = converted.period
    group by converted.entity_type, converted.entity_id, months.quarter
),
final as (
    select entity_type, entity_id, quarter, cast(amount as decimal(18, 4)) as competitor_sales_amount
    from by_quarter
    union all
    select
        by_month.entity_type,
        by_month.entity_id,
        by_month.quarter,
        cast(by_month.amount as decimal(18, 4)) as competitor_sales_amount
    from by_month
    inner join quarters
        on quarters.quarter = by_month.quarter
        and quarters.months = by_month.months
    left anti join by_quarter
        on by_quarter.entity_type = by_month.entity_type
        and by_quarter.entity_id = by_month.entity_id
        and by_quarter.quarter = by_month.quarter
)
select entity_type, entity_id, quarter, competitor_sales_amount
from final
