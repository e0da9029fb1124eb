-- The figures of every channel by day: those that mean something on a single day.
-- A row for every day from a channel's first sale to the as-of date, also without sales, so that a stop is seen.
-- The period before a day is the same weekday a week earlier, as a weekend is no decline on Friday; the year before is the
-- same date. The month to date stands beside the same elapsed days of the month and the year before, and on a month's last
-- day beside the whole of them, so that on every evening it is the figure of channel_kpis.
-- Market size and channel costs are told by month (or longer) only. What of them falls on one day nobody knows, and to
-- spread them evenly would make every weekend dear: market_share, channel_cost and cost_rate are in channel_kpis alone.
with sales as (
    select
        channel_id,
        business_date,
        sum(gross_sales) as gross_sales,
        sum(discounts) as discounts,
        sum(returns) as returns,
        sum(adjustments) as adjustments,
        sum(net_sales) as net_sales,
        sum(stale_rate_lines) as stale_rate_lines,
        sum(units) as units,
        case when sum(articles_without_list_price) = 0 then sum(list_price_value) end as list_price_value,
        case when sum(articles_without_cost) = 0 then sum(cost_amount) end as cost_amount
    from partner_channel_days
    where business_date <= $as_of_date
    group by channel_id, business_date
),

first_days as (
    select
        channel_id,
        min(business_date) as first_day
    from sales
    group by channel_id
),

days as (
    select
        channel_id,
        unnest(generate_series(first_day, $as_of_date, interval '1 day')) as business_date
    from first_days
),

months_to_date as (
    select
        days.channel_id,
        days.business_date,
        sum(coalesce(sales.net_sales, 0)) over (
            partition by days.channel_id, date_trunc('month', days.business_date)
            order by days.business_date
            rows between unbounded preceding and current row
        ) as net_sales
    from days
    left join sales
        on sales.channel_id = days.channel_id
        and sales.business_date = days.business_date
),

compared_days as (
    -- Which day closes the stretch of the month before and of the year before: the same one, or the last if there is none.
    select
        channel_id,
        business_date,
        case
            when business_date = last_day(business_date)
                then last_day(cast(business_date - interval '1 month' as date))
            else cast(business_date - interval '1 month' as date)
        end as month_before_on,
        case
            when business_date = last_day(business_date)
                then last_day(cast(business_date - interval '12 months' as date))
            else cast(business_date - interval '12 months' as date)
        end as year_before_on,
        net_sales
    from months_to_date
),

months_compared as (
    select
        compared_days.channel_id,
        compared_days.business_date,
        compared_days.net_sales as month_to_date_net_sales,
        coalesce(month_before.net_sales, 0) as month_before_to_date_net_sales,
        coalesce(year_before.net_sales, 0) as year_before_to_date_net_sales
    from compared_days
    left join months_to_date as month_before
        on month_before.channel_id = compared_days.channel_id
        and month_before.business_date = compared_days.month_before_on
    left join months_to_date as year_before
        on year_before.channel_id = compared_days.channel_id
        and year_before.business_date = compared_days.year_before_on
),

new_customers as (
    select
        channel_id,
        business_date,
        count(*) as new_customers
    from first_orders
    group by channel_id, business_date
),

surveys as (
    select
        channel_id,
        business_date,
        count(*) as responses,
        count(*) filter (where score > $dissatisfied_score_max) as satisfied_responses,
        sum(score) as score_total
    from stg_surveys
    where score is not null
    group by channel_id, business_date
),

complaints as (
    select
        channel_id,
        business_date,
        count(*) as complaints
    from stg_complaints
    group by channel_id, business_date
),

arrived as (
    select
        (select count(*) from system.feeds where feed = 'surveys' and arrived) > 0 as surveys_arrived,
        (select count(*) from system.feeds where feed = 'complaints' and arrived) > 0 as complaints_arrived
),

coverage as (
    select
        channel_id,
        business_date,
        count(*) as expected_days,
        count(*) filter (where is_delivered) as delivered_days
    from coverage_days
    group by channel_id, business_date
),

parts as (
    -- Months that began before the records do, and those that are compared with one.
    select
        kpi_months.month_start,
        kpi_months.is_part,
        coalesce(before.is_part, false) as month_before_is_part,
        coalesce(year_ago.is_part, false) as year_before_is_part
    from kpi_months
    left join kpi_months as before
        on before.month_start = cast(kpi_months.month_start - interval '1 month' as date)
    left join kpi_months as year_ago
        on year_ago.month_start = cast(kpi_months.month_start - interval '12 months' as date)
),

promises as (
    select
        channel_id,
        business_date,
        sum(case when promised_on <= $as_of_date then lines else delivered_lines end) as due_deliveries,
        sum(delivered_lines) as reported_deliveries,
        sum(on_time_lines) as on_time_deliveries
    from delivery_promises
    group by channel_id, business_date
),

targets as (
    select
        kpi_months.month_start,
        stg_targets.scope_id as channel_id,
        stg_targets.target
    from stg_targets
    inner join kpi_months on kpi_months.month = stg_targets.period
    where stg_targets.metric = 'net_sales'
        and stg_targets.scope = 'channel'
),

together as (
    select
        days.channel_id,
        days.business_date,
        coalesce(sales.gross_sales, 0) as gross_sales,
        coalesce(sales.discounts, 0) as discounts,
        coalesce(sales.returns, 0) as returns,
        coalesce(sales.adjustments, 0) as adjustments,
        coalesce(sales.net_sales, 0) as net_sales,
        coalesce(sales.stale_rate_lines, 0) as stale_rate_lines,
        coalesce(sales.units, 0) as units,
        case when sales.channel_id is null then 0 else sales.list_price_value end as list_price_value,
        sales.net_sales - sales.cost_amount as gross_margin,
        sales.channel_id is null as is_quiet,
        coalesce(sales.gross_sales - sales.discounts, 0) as sale_value,
        coalesce(week_before.net_sales, 0) as week_before_net_sales,
        coalesce(year_before.net_sales, 0) as year_before_net_sales,
        months_compared.month_to_date_net_sales,
        months_compared.month_before_to_date_net_sales,
        months_compared.year_before_to_date_net_sales,
        coalesce(daily_activity.orders, 0) as orders,
        coalesce(daily_activity.active_customers, 0) as active_customers,
        coalesce(daily_activity.covered_regions, 0) as covered_regions,
        coalesce(new_customers.new_customers, 0) as new_customers,
        case when arrived.surveys_arrived then coalesce(surveys.responses, 0) end as responses,
        coalesce(surveys.satisfied_responses, 0) as satisfied_responses,
        coalesce(surveys.score_total, 0) as score_total,
        coalesce(daily_buyers.buyers, 0) as buyers,
        coalesce(daily_buyers.repeat_buyers, 0) as repeat_buyers,
        coalesce(promises.due_deliveries, 0) as due_deliveries,
        coalesce(promises.reported_deliveries, 0) as reported_deliveries,
        coalesce(promises.on_time_deliveries, 0) as on_time_deliveries,
        targets.target,
        parts.is_part,
        parts.month_before_is_part,
        parts.year_before_is_part,
        case when arrived.complaints_arrived then coalesce(complaints.complaints, 0) end as complaints,
        coalesce(coverage.expected_days, 0) as expected_days,
        coalesce(coverage.delivered_days, 0) as delivered_days
    from days
    cross join arrived
    inner join parts
        on parts.month_start = cast(date_trunc('month', days.business_date) as date)
    left join sales
        on sales.channel_id = days.channel_id
        and sales.business_date = days.business_date
    left join sales as week_before
        on week_before.channel_id = days.channel_id
        and week_before.business_date = days.business_date - 7
    left join sales as year_before
        on year_before.channel_id = days.channel_id
        and year_before.business_date = cast(days.business_date - interval '12 months' as date)
    left join months_compared
        on months_compared.channel_id = days.channel_id
        and months_compared.business_date = days.business_date
    left join daily_activity
        on daily_activity.channel_id = days.channel_id
        and daily_activity.business_date = days.business_date
    left join new_customers
        on new_customers.channel_id = days.channel_id
        and new_customers.business_date = days.business_date
    left join surveys
        on surveys.channel_id = days.channel_id
        and surveys.business_date = days.business_date
    left join complaints
        on complaints.channel_id = days.channel_id
        and complaints.business_date = days.business_date
    left join coverage
        on coverage.channel_id = days.channel_id
        and coverage.business_date = days.business_date
    left join daily_buyers
        on daily_buyers.channel_id = days.channel_id
        and daily_buyers.business_date = days.business_date
    left join promises
        on promises.channel_id = days.channel_id
        and promises.business_date = days.business_date
    left join targets
        on targets.channel_id = days.channel_id
        and targets.month_start = cast(date_trunc('month', days.business_date) as date)
),

totals as (
    select
        *,
        sum(net_sales) over (partition by business_date) as total_net_sales,
        sum(week_before_net_sales) over (partition by business_date) as total_week_before,
        sum(year_before_net_sales) over (partition by business_date) as total_year_before
    from together
)

select
    totals.channel_id,
    stg_channels.name as channel_name,
    stg_channels.channel_type,
    totals.business_date,
    cast(totals.gross_sales as decimal(18,4)) as gross_sales,
    cast(totals.discounts as decimal(18,4)) as discounts,
    cast(totals.returns as decimal(18,4)) as returns,
    cast(totals.adjustments as decimal(18,4)) as adjustments,
    cast(totals.net_sales as decimal(18,4)) as net_sales,
    case when totals.stale_rate_lines > 0 then 'stale_rate' end as net_sales_status,
    cast(totals.month_to_date_net_sales as decimal(18,4)) as month_to_date_net_sales,
    totals.units,
    totals.orders,
    totals.active_customers,
    totals.new_customers,

    per_unit(totals.net_sales, totals.orders) as average_order_value,
    case when totals.orders = 0 then 'no_sales' end as average_order_value_status,

    ratio(totals.net_sales, totals.total_net_sales) as contribution_share,
    case when totals.total_net_sales <= 0 then 'no_sales' end as contribution_share_status,

    cast(totals.week_before_net_sales as decimal(18,4)) as week_before_net_sales,
    growth(totals.net_sales, totals.week_before_net_sales) as sales_growth_wow,
    growth_status(totals.week_before_net_sales) as sales_growth_wow_status,

    cast(totals.year_before_net_sales as decimal(18,4)) as year_before_net_sales,
    growth(totals.net_sales, totals.year_before_net_sales) as sales_growth_yoy,
    growth_status(totals.year_before_net_sales) as sales_growth_yoy_status,

    ratio(totals.net_sales - totals.week_before_net_sales, totals.total_week_before) as growth_contribution_wow,
    growth_status(totals.total_week_before) as growth_contribution_wow_status,

    ratio(totals.net_sales - totals.year_before_net_sales, totals.total_year_before) as growth_contribution_yoy,
    growth_status(totals.total_year_before) as growth_contribution_yoy_status,

    cast(totals.month_before_to_date_net_sales as decimal(18,4)) as month_before_to_date_net_sales,
    case when totals.month_before_is_part is not true
        then growth(totals.month_to_date_net_sales, totals.month_before_to_date_net_sales)
    end as month_to_date_growth_mom,
    case when totals.month_before_is_part then 'incomplete_history'
        else growth_status(totals.month_before_to_date_net_sales)
    end as month_to_date_growth_mom_status,

    cast(totals.year_before_to_date_net_sales as decimal(18,4)) as year_before_to_date_net_sales,
    case when totals.year_before_is_part is not true
        then growth(totals.month_to_date_net_sales, totals.year_before_to_date_net_sales)
    end as month_to_date_growth_yoy,
    case when totals.year_before_is_part then 'incomplete_history'
        else growth_status(totals.year_before_to_date_net_sales)
    end as month_to_date_growth_yoy_status,

    totals.target as month_target,
    case when totals.is_part is not true then ratio(totals.month_to_date_net_sales, totals.target) end
        as month_to_date_attainment,
    case
        when coalesce(totals.target, 0) <= 0 then 'no_target'
        when totals.is_part then 'incomplete_history'
    end as month_to_date_attainment_status,

    cast(totals.gross_margin as decimal(18,4)) as gross_margin,
    case
        when totals.is_quiet then 'no_sales'
        when totals.gross_margin is null then 'no_cost_data'
    end as gross_margin_status,

    ratio(totals.gross_margin, totals.net_sales) as gross_margin_rate,
    case
        when totals.net_sales <= 0 then 'no_sales'
        when totals.gross_margin is null then 'no_cost_data'
    end as gross_margin_rate_status,

    ratio(totals.returns, totals.sale_value) as return_rate,
    case when totals.sale_value <= 0 then 'no_sales' end as return_rate_status,

    totals.responses,
    ratio(totals.satisfied_responses, totals.responses) as satisfaction_rate,
    case
        when totals.responses is null then 'no_survey_data'
        when totals.responses = 0 then 'no_responses'
    end as satisfaction_rate_status,

    ratio(totals.score_total, totals.responses) as average_score,
    case
        when totals.responses is null then 'no_survey_data'
        when totals.responses = 0 then 'no_responses'
    end as average_score_status,

    totals.complaints,
    case when totals.complaints is null then 'no_complaint_data' end as complaints_status,
    ratio(totals.complaints, totals.orders) as complaint_rate,
    case
        when totals.complaints is null then 'no_complaint_data'
        when totals.orders = 0 then 'no_sales'
    end as complaint_rate_status,

    totals.buyers,
    totals.repeat_buyers,
    ratio(totals.repeat_buyers, totals.buyers) as repeat_purchase_rate,
    case when totals.buyers = 0 then 'no_known_customers' end as repeat_purchase_rate_status,

    totals.covered_regions,

    cast(totals.list_price_value as decimal(18,4)) as list_price_value,
    ratio(totals.net_sales, totals.list_price_value) as price_realisation_rate,
    case when coalesce(totals.list_price_value, 0) <= 0 then 'no_list_value' end as price_realisation_rate_status,

    totals.due_deliveries,
    totals.reported_deliveries,
    ratio(totals.on_time_deliveries, totals.reported_deliveries) as on_time_delivery_rate,
    case
        when totals.due_deliveries = 0 then 'no_promises'
        when totals.reported_deliveries = 0 then 'no_deliveries_reported'
    end as on_time_delivery_rate_status,

    ratio(totals.delivered_days, totals.expected_days) as coverage_share,
    case when totals.expected_days = 0 then 'no_expected_deliveries' end as coverage_share_status
from totals
left join stg_channels
    on stg_channels.channel_id = totals.channel_id
    and stg_channels.valid_from <= totals.business_date
    and stg_channels.superseded_from > totals.business_date
