-- Market size by period in base currency, at the coarsest level delivered for that period: the whole market,
-- else the sum over regions, else over categories, else over both. Levels are never mixed.
with levels as (
    select
        *,
        case
            when region is null and category is null then 0
            when category is null then 1
            when region is null then 2
            else 3
        end as level
    from stg_market
),

coarsest as (
    select
        *,
        min(level) over (partition by period) as coarsest_level
    from levels
),

period_rates as (
    select month as period, currency, rate_to_base
    from month_end_rates
    union all
    select
        period,
        currency,
        rate_to_base
    from (
        select
            quarter as period,
            currency,
            rate_to_base,
            row_number() over (partition by quarter, currency order by month_start desc) as place
        from month_end_rates
    ) as quarter_rates
    where place = 1
)

select
    coarsest.period,
    cast(
        case
            when count(*) = count(period_rates.rate_to_base)
                then sum(coarsest.market_sales_amount * period_rates.rate_to_base)
        end as decimal(18,4)
    ) as market_sales_amount
from coarsest
left join period_rates
    on period_rates.period = coarsest.period
    and period_rates.currency = coalesce(coarsest.currency, $base_currency)
where coarsest.level = coarsest.coarsest_level
group by coarsest.period
