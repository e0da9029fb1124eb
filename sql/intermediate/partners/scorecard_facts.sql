-- What the scorecard measures of each partner and quarter, in one row: sums and counts only, rates come after.
-- NULL means that nothing is known; 0 that it is known to be none.
with quarters as (
    select * from partner_quarters
),

sales as (
    select entity_id as partner_id, quarter, net_sales, year_before_net_sales, year_before_is_part
    from unit_quarters
    where entity_type = 'partner'
),

margins as (
    select
        partner_id,
        period_quarter(business_date) as quarter,
        sum(net_sales) as margin_net_sales,
        case when sum(articles_without_cost) = 0 then sum(net_sales) - sum(cost_amount) end as gross_margin
    from partner_channel_days
    where business_date <= $as_of_date
    group by partner_id, period_quarter(business_date)
),

activity as (
    select
        partner_id,
        period_quarter(month_start) as quarter,
        max_by(orders, month_start) as orders,
        max_by(customers, month_start) as customers
    from quarter_activity
    group by partner_id, period_quarter(month_start)
),

-- Stock: what was too much at the close of the quarter's last month with a count; days over all its months.
stock_months_of_quarters as (
    select
        entity_id as partner_id,
        period_quarter(month_start) as quarter,
        overstock_value,
        overstock_rate,
        case when turnover_status is null or turnover_status = 'no_stock' then average_stock_value end
            as average_stock_value,
        case when turnover_status is null or turnover_status = 'no_stock' then cogs end as cogs,
        least(last_day(month_start), $as_of_date) - month_start + 1 as days,
        row_number() over (
            partition by entity_id, period_quarter(month_start)
            order by month_start desc
        ) as place
    from inventory_kpis
    where entity_type = 'partner'
        and turnover_status is distinct from 'stale_count'
),

stock as (
    select
        partner_id,
        quarter,
        sum(cast(average_stock_value as decimal(38,4)) * days) as stock_days_value,
        sum(cogs) as stock_cogs,
        max(overstock_rate) filter (where place = 1) as overstock_rate
    from stock_months_of_quarters
    group by partner_id, quarter
),

service as (
    select
        scope_id as partner_id,
        period_quarter(month_start) as quarter,
        sum(responses) as responses,
        sum(satisfied_responses) as satisfied_responses,
        sum(complaints) as complaints
    from monthly_service
    where scope = 'partner'
    group by scope_id, period_quarter(month_start)
),

arrived as (
    select
        (select count(*) from system.feeds where feed = 'surveys' and arrived) > 0 as surveys_arrived,
        (select count(*) from system.feeds where feed = 'complaints' and arrived) > 0 as complaints_arrived
),

conflicts as (
    select partner_id, period_quarter(month_start) as quarter, sum(conflict_value) as conflict_value
    from conflict_cases
    group by partner_id, period_quarter(month_start)
),

-- A file counts as good when it came in time, once, and without a refused row. A partner answers for those of its
-- senders while it cooperates.
files as (
    select
        sender,
        business_date,
        status = 'on_time' and rejected = 0 as is_clean
    from deliveries
    where late_hours_status is distinct from 'not_expected'
),

partner_files as (
    select
        spans.partner_id,
        period_quarter(files.business_date) as quarter,
        count(*) as expected_files,
        count(*) filter (where files.is_clean) as clean_files
    from reporting_spans as spans
    inner join files
        on files.sender = spans.sender
        and files.business_date >= spans.starts_on
        and files.business_date <= spans.ends_on
    group by spans.partner_id, period_quarter(files.business_date)
),

-- Reviews of the quarter itself or of a month in it; one of a whole year says nothing of a quarter.
reviews as (
    select
        partner_id,
        period_quarter(period_start(period)) as quarter,
        count(*) as reviews,
        sum(brand_alignment_score + cooperation_score) as review_points
    from stg_partner_reviews
    where period <> period_year(period_start(period))
    group by partner_id, period_quarter(period_start(period))
)

select
    quarters.partner_id,
    quarters.quarter,
    quarters.channel_id,
    quarters.is_candidate,
    quarters.sales_team_size,
    sales.net_sales,
    sales.year_before_net_sales,
    coalesce(sales.year_before_is_part, false) as year_before_is_part,
    margins.margin_net_sales,
    margins.gross_margin,
    period_targets.target,
    -- Of a running quarter only the elapsed part of the target is due.
    period_targets.target_due,
    period_targets.target_due_status,
    regional_shares.own_net_sales,
    regional_shares.region_net_sales,
    activity.orders,
    activity.customers,
    stock.stock_days_value,
    stock.stock_cogs,
    stock.overstock_rate,
    case when arrived.surveys_arrived then coalesce(service.responses, 0) end as responses,
    service.satisfied_responses,
    case when arrived.complaints_arrived then coalesce(service.complaints, 0) end as complaints,
    coalesce(conflicts.conflict_value, 0) as conflict_value,
    partner_files.expected_files,
    partner_files.clean_files,
    reviews.reviews,
    reviews.review_points
from quarters
cross join arrived
left join sales
    on sales.partner_id = quarters.partner_id
    and sales.quarter = quarters.quarter
left join margins
    on margins.partner_id = quarters.partner_id
    and margins.quarter = quarters.quarter
left join period_targets
    on period_targets.scope = 'partner'
    and period_targets.metric = 'net_sales'
    and period_targets.scope_id = quarters.partner_id
    and period_targets.period = quarters.quarter
left join regional_shares
    on regional_shares.partner_id = quarters.partner_id
    and regional_shares.quarter = quarters.quarter
left join activity
    on activity.partner_id = quarters.partner_id
    and activity.quarter = quarters.quarter
left join stock
    on stock.partner_id = quarters.partner_id
    and stock.quarter = quarters.quarter
left join service
    on service.partner_id = quarters.partner_id
    and service.quarter = quarters.quarter
left join conflicts
    on conflicts.partner_id = quarters.partner_id
    and conflicts.quarter = quarters.quarter
left join partner_files
    on partner_files.partner_id = quarters.partner_id
    and partner_files.quarter = quarters.quarter
left join reviews
    on reviews.partner_id = quarters.partner_id
    and reviews.quarter = quarters.quarter
