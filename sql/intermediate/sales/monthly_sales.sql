-- Sales of each channel and each partner by month, beside those of the month before and of the year before.
-- A row for every month from the first sale or target on (of a partner, or goods received), also without sales, so
-- that a stop is seen.
-- The running month stands beside the same elapsed days of the earlier ones. Of a month that began before the records
-- do, only a part is known: is_part, and of what is compared with it month_before_is_part and year_before_is_part.
with scoped_days as (
    select 'channel' as scope, channel_id as scope_id, partner_channel_days.*
    from partner_channel_days
    union all
    select 'partner' as scope, partner_id as scope_id, partner_channel_days.*
    from partner_channel_days
),

sales as (
    select
        scope,
        scope_id,
        cast(date_trunc('month', business_date) as date) as month_start,
        sum(gross_sales) as gross_sales,
        sum(discounts) as discounts,
        sum(returns) as returns,
        sum(adjustments) as adjustments,
        sum(net_sales) as net_sales,
        sum(net_sales) filter (
            where extract(day from business_date) <= extract(day from $as_of_date)
        ) as net_sales_elapsed,
        sum(units) as units,
        case when sum(articles_without_list_price) = 0 then sum(list_price_value) end as list_price_value,
        case when sum(articles_without_cost) = 0 then sum(cost_amount) end as cost_amount,
        sum(stale_rate_lines) as stale_rate_lines
    from scoped_days
    group by scope, scope_id, cast(date_trunc('month', business_date) as date)
),

targets as (
    select
        stg_targets.scope,
        stg_targets.scope_id,
        kpi_months.month_start,
        stg_targets.target
    from stg_targets
    inner join kpi_months on kpi_months.month = stg_targets.period
    where stg_targets.metric = 'net_sales'
        and stg_targets.scope in ('channel', 'partner')
),

received as (
    select distinct
        partner_id,
        cast(date_trunc('month', business_date) as date) as month_start
    from sell_in_lines
    where business_date <= $as_of_date
),

first_months as (
    select
        scope,
        scope_id,
        min(month_start) as first_month
    from (
        select scope, scope_id, month_start from sales
        union all
        select scope, scope_id, month_start from targets
        union all
        select 'partner' as scope, partner_id as scope_id, month_start from received
    ) as starts
    group by scope, scope_id
),

spine as (
    select
        first_months.scope,
        first_months.scope_id,
        kpi_months.month_start,
        kpi_months.month,
        kpi_months.closes_on,
        kpi_months.is_provisional,
        kpi_months.is_part,
        coalesce(before.is_part, false) as month_before_is_part,
        coalesce(year_ago.is_part, false) as year_before_is_part
    from first_months
    inner join kpi_months on kpi_months.month_start >= first_months.first_month
    left join kpi_months as before
        on before.month_start = cast(kpi_months.month_start - interval '1 month' as date)
    left join kpi_months as year_ago
        on year_ago.month_start = cast(kpi_months.month_start - interval '12 months' as date)
)

select
    spine.scope,
    spine.scope_id,
    spine.month_start,
    spine.month,
    spine.closes_on,
    spine.is_provisional,
    spine.is_part,
    spine.month_before_is_part,
    spine.year_before_is_part,
    cast(coalesce(sales.gross_sales, 0) as decimal(18,4)) as gross_sales,
    cast(coalesce(sales.discounts, 0) as decimal(18,4)) as discounts,
    cast(coalesce(sales.returns, 0) as decimal(18,4)) as returns,
    cast(coalesce(sales.adjustments, 0) as decimal(18,4)) as adjustments,
    cast(coalesce(sales.net_sales, 0) as decimal(18,4)) as net_sales,
    case when sales.stale_rate_lines > 0 then 'stale_rate' end as net_sales_status,
    coalesce(sales.units, 0) as units,
    cast(sales.list_price_value as decimal(18,4)) as list_price_value,
    cast(sales.cost_amount as decimal(18,4)) as cost_amount,
    targets.target,
    cast(
        comparable(spine.is_provisional, month_before.net_sales_elapsed, month_before.net_sales) as decimal(18,4)
    ) as month_before_net_sales,
    cast(
        comparable(spine.is_provisional, year_before.net_sales_elapsed, year_before.net_sales) as decimal(18,4)
    ) as year_before_net_sales
from spine
left join sales
    on sales.scope = spine.scope
    and sales.scope_id = spine.scope_id
    and sales.month_start = spine.month_start
left join sales as month_before
    on month_before.scope = spine.scope
    and month_before.scope_id = spine.scope_id
    and month_before.month_start = cast(spine.month_start - interval '1 month' as date)
left join sales as year_before
    on year_before.scope = spine.scope
    and year_before.scope_id = spine.scope_id
    and year_before.month_start = cast(spine.month_start - interval '12 months' as date)
left join targets
    on targets.scope = spine.scope
    and targets.scope_id = spine.scope_id
    and targets.month_start = spine.month_start
