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
