-- Net sales of every unit by quarter from its first sale on, beside the quarter before and the same quarter of
-- the year before. The running quarter stands beside the same elapsed days of the earlier ones.
-- A unit is judged against the year before from its fifth quarter on, against the quarter before until then. A quarter
-- that began before the records do is no base for either.
with quarters as (
    select
        kpi_months.quarter,
        cast(date_trunc('quarter', min(kpi_months.month_start)) as date) as quarter_start,
        max(kpi_months.closes_on) as closes_on,
        min(sales_history.first_day) > cast(date_trunc('quarter', min(kpi_months.month_start)) as date) as is_part
    from kpi_months
    cross join sales_history
    group by kpi_months.quarter
),

sales as (
    select
        entity_type,
        entity_id,
        cast(date_trunc('quarter', business_date) as date) as quarter_start,
        sum(net_sales) as net_sales,
        sum(net_sales) filter (
            where business_date - cast(date_trunc('quarter', business_date) as date)
                <= $as_of_date - cast(date_trunc('quarter', $as_of_date) as date)
        ) as net_sales_elapsed
    from unit_days
    where business_date <= $as_of_date
    group by entity_type, entity_id, cast(date_trunc('quarter', business_date) as date)
),

first_quarters as (
    select
        entity_type,
        entity_id,
        min(quarter_start) as first_quarter_start
    from sales
    group by entity_type, entity_id
),

spine as (
    select
        first_quarters.entity_type,
        first_quarters.entity_id,
        quarters.quarter,
        quarters.quarter_start,
        quarters.closes_on,
        quarters.closes_on < cast(quarters.quarter_start + interval '3 months' as date) - 1 as is_provisional,
        coalesce(before.is_part, false) as quarter_before_is_part,
        coalesce(year_ago.is_part, false) as year_before_is_part,
        cast(row_number() over (
            partition by first_quarters.entity_type, first_quarters.entity_id
            order by quarters.quarter_start
        ) as bigint) as quarter_no
    from first_quarters
    inner join quarters on quarters.quarter_start >= first_quarters.first_quarter_start
    left join quarters as before
        on before.quarter_start = cast(quarters.quarter_start - interval '3 months' as date)
    left join quarters as year_ago
        on year_ago.quarter_start = cast(quarters.quarter_start - interval '12 months' as date)
)

select
    spine.entity_type,
    spine.entity_id,
    spine.quarter,
    spine.quarter_start,
    spine.closes_on,
    spine.is_provisional,
    spine.quarter_no,
    spine.quarter_before_is_part,
    spine.year_before_is_part,
    case
        when spine.quarter_no >= 5 and not spine.year_before_is_part then 'year_on_year'
        when spine.quarter_no >= 2 and not spine.quarter_before_is_part then 'prior_quarter'
        else 'none'
    end as growth_basis,
    cast(coalesce(sales.net_sales, 0) as decimal(18,4)) as net_sales,
    cast(
        comparable(spine.is_provisional, quarter_before.net_sales_elapsed, quarter_before.net_sales) as decimal(18,4)
    ) as quarter_before_net_sales,
    cast(
        comparable(spine.is_provisional, year_before.net_sales_elapsed, year_before.net_sales) as decimal(18,4)
    ) as year_before_net_sales
from spine
left join sales
    on sales.entity_type = spine.entity_type
    and sales.entity_id = spine.entity_id
    and sales.quarter_start = spine.quarter_start
left join sales as quarter_before
    on quarter_before.entity_type = spine.entity_type
    and quarter_before.entity_id = spine.entity_id
    and quarter_before.quarter_start = cast(spine.quarter_start - interval '3 months' as date)
left join sales as year_before
    on year_before.entity_type = spine.entity_type
    and year_before.entity_id = spine.entity_id
    and year_before.quarter_start = cast(spine.quarter_start - interval '12 months' as date)
