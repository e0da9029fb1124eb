-- Every monthly figure of a channel or a partner in one place: first the counts and amounts, then the rates.
-- A rate that is not defined is NULL, and its *_status says why. A month that began before the records do is neither held
-- against its target or the market nor compared with.
with measures as (
    select
        sales.*,
        sum(sales.net_sales) over (partition by sales.scope, sales.month_start) as total_net_sales,
        sum(sales.month_before_net_sales) over (partition by sales.scope, sales.month_start) as total_month_before,
        sum(sales.year_before_net_sales) over (partition by sales.scope, sales.month_start) as total_year_before
    from monthly_sales as sales
),

-- Buyers of the window that ends on the as-of date: the running month's own window is not over yet.
running_customer_orders as (
    select
        scoped.scope,
        scoped.scope_id,
        scoped.customer_id,
        count(distinct scoped.order_key) as orders
    from (
        select 'channel' as scope, channel_id as scope_id, customer_id, order_key
        from orders
        where business_date <= $as_of_date
            and business_date > $as_of_date - $customer_window_days
            and customer_id is not null
        union all
        select 'partner' as scope, partner_id as scope_id, customer_id, order_key
        from orders
        where business_date <= $as_of_date
            and business_date > $as_of_date - $customer_window_days
            and customer_id is not null
    ) as scoped
    group by scoped.scope, scoped.scope_id, scoped.customer_id
),

running_buyers as (
    select
        scope,
        scope_id,
        count(*) as buyers,
        count(*) filter (where orders >= 2) as repeat_buyers
    from running_customer_orders
    group by scope, scope_id
),

new_customers as (
    select 'channel' as scope, channel_id as scope_id, month_start, count(*) as new_customers
    from first_orders
    group by channel_id, month_start
    union all
    select 'partner' as scope, partner_id as scope_id, month_start, count(*) as new_customers
    from first_orders
    group by partner_id, month_start
),

arrived as (
    select
        (select count(*) from system.feeds where feed = 'surveys' and arrived) > 0 as surveys_arrived,
        (select count(*) from system.feeds where feed = 'complaints' and arrived) > 0 as complaints_arrived
),

together as (
    select
        measures.*,
        coalesce(activity.orders, 0) as orders,
        coalesce(activity.active_customers, 0) as active_customers,
        coalesce(activity.covered_regions, 0) as covered_regions,
        coalesce(new_customers.new_customers, 0) as new_customers,
        coalesce(case when measures.is_provisional then running_buyers.buyers else activity.buyers end, 0) as buyers,
        coalesce(
            case when measures.is_provisional then running_buyers.repeat_buyers else activity.repeat_buyers end, 0
        ) as repeat_buyers,
        case when arrived.surveys_arrived then coalesce(service.responses, 0) end as responses,
        coalesce(service.satisfied_responses, 0) as satisfied_responses,
        coalesce(service.score_total, 0) as score_total,
        case when arrived.complaints_arrived then coalesce(service.complaints, 0) end as complaints,
        coalesce(service.due_deliveries, 0) as due_deliveries,
        coalesce(service.reported_deliveries, 0) as reported_deliveries,
        coalesce(service.on_time_deliveries, 0) as on_time_deliveries,
        case when costs.rows_without_rate = 0 then costs.channel_cost end as channel_cost,
        coalesce(costs.rows_without_rate, 0) as costs_without_rate,
        costs.rebate_status,
        coalesce(coverage.expected_days, 0) as expected_days,
        coalesce(coverage.delivered_days, 0) as delivered_days,
        market_sales.market_sales_amount,
        measures.gross_sales - measures.discounts as sale_value,
        measures.net_sales - measures.cost_amount as gross_margin
    from measures
    cross join arrived
    left join monthly_activity as activity
        on activity.scope = measures.scope
        and activity.scope_id = measures.scope_id
        and activity.month_start = measures.month_start
    left join running_buyers
        on running_buyers.scope = measures.scope
        and running_buyers.scope_id = measures.scope_id
    left join new_customers
        on new_customers.scope = measures.scope
        and new_customers.scope_id = measures.scope_id
        and new_customers.month_start = measures.month_start
    left join monthly_service as service
        on service.scope = measures.scope
        and service.scope_id = measures.scope_id
        and service.month_start = measures.month_start
    left join monthly_costs as costs
        on costs.scope = measures.scope
        and costs.scope_id = measures.scope_id
        and costs.month_start = measures.month_start
    left join monthly_coverage as coverage
        on coverage.scope = measures.scope
        and coverage.scope_id = measures.scope_id
        and coverage.month_start = measures.month_start
    left join market_sales
        on market_sales.period = measures.month
)

select
    scope,
    scope_id,
    month,
    month_start,
    closes_on,
    is_provisional,
    gross_sales,
    discounts,
    returns,
    adjustments,
    net_sales,
    net_sales_status,
    units,
    orders,
    active_customers,
    new_customers,

    per_unit(net_sales, orders) as average_order_value,
    case when orders = 0 then 'no_sales' end as average_order_value_status,

    ratio(net_sales, total_net_sales) as contribution_share,
    case when total_net_sales <= 0 then 'no_sales' end as contribution_share_status,

    case when is_part is not true then ratio(net_sales, market_sales_amount) end as market_share,
    case
        when coalesce(market_sales_amount, 0) <= 0 then 'no_market_data'
        when is_part then 'incomplete_history'
    end as market_share_status,

    month_before_net_sales,
    case when month_before_is_part is not true then growth(net_sales, month_before_net_sales) end as sales_growth_mom,
    case when month_before_is_part then 'incomplete_history' else growth_status(month_before_net_sales) end
        as sales_growth_mom_status,

    year_before_net_sales,
    case when year_before_is_part is not true then growth(net_sales, year_before_net_sales) end as sales_growth_yoy,
    case when year_before_is_part then 'incomplete_history' else growth_status(year_before_net_sales) end
        as sales_growth_yoy_status,

    case when month_before_is_part is not true then ratio(net_sales - month_before_net_sales, total_month_before) end
        as growth_contribution,
    case when month_before_is_part then 'incomplete_history' else growth_status(total_month_before) end
        as growth_contribution_status,

    case when year_before_is_part is not true then ratio(net_sales - year_before_net_sales, total_year_before) end
        as growth_contribution_yoy,
    case when year_before_is_part then 'incomplete_history' else growth_status(total_year_before) end
        as growth_contribution_yoy_status,

    cast(gross_margin as decimal(18,4)) as gross_margin,
    case
        when gross_margin is not null then null
        when gross_sales = 0 and net_sales = 0 and units = 0 then 'no_sales'
        else 'no_cost_data'
    end as gross_margin_status,

    ratio(gross_margin, net_sales) as gross_margin_rate,
    case
        when net_sales <= 0 then 'no_sales'
        when gross_margin is null then 'no_cost_data'
    end as gross_margin_rate_status,

    channel_cost,
    case
        when channel_cost is not null then null
        when costs_without_rate > 0 then 'no_rate'
        else coalesce(rebate_status, 'no_cost_data')
    end as channel_cost_status,

    ratio(channel_cost, net_sales) as cost_rate,
    case
        when net_sales <= 0 then 'no_sales'
        when channel_cost is not null then null
        when costs_without_rate > 0 then 'no_rate'
        else coalesce(rebate_status, 'no_cost_data')
    end as cost_rate_status,

    ratio(returns, sale_value) as return_rate,
    case when sale_value <= 0 then 'no_sales' end as return_rate_status,

    responses,
    ratio(satisfied_responses, responses) as satisfaction_rate,
    case
        when responses is null then 'no_survey_data'
        when responses = 0 then 'no_responses'
    end as satisfaction_rate_status,
    ratio(score_total, responses) as average_score,
    case
        when responses is null then 'no_survey_data'
        when responses = 0 then 'no_responses'
    end as average_score_status,

    complaints,
    case when complaints is null then 'no_complaint_data' end as complaints_status,
    ratio(complaints, orders) as complaint_rate,
    case
        when complaints is null then 'no_complaint_data'
        when orders = 0 then 'no_sales'
    end as complaint_rate_status,

    target,
    case when is_part is not true then ratio(net_sales, target) end as attainment,
    case
        when coalesce(target, 0) <= 0 then 'no_target'
        when is_part then 'incomplete_history'
    end as attainment_status,

    buyers,
    repeat_buyers,
    ratio(repeat_buyers, buyers) as repeat_purchase_rate,
    case when buyers = 0 then 'no_known_customers' end as repeat_purchase_rate_status,

    covered_regions,

    list_price_value,
    ratio(net_sales, list_price_value) as price_realisation_rate,
    case when coalesce(list_price_value, 0) <= 0 then 'no_list_value' end as price_realisation_rate_status,

    due_deliveries,
    reported_deliveries,
    ratio(on_time_deliveries, reported_deliveries) as on_time_delivery_rate,
    case
        when due_deliveries = 0 then 'no_promises'
        when reported_deliveries = 0 then 'no_deliveries_reported'
    end as on_time_delivery_rate_status,

    expected_days,
    ratio(delivered_days, expected_days) as coverage_share,
    case when expected_days = 0 then 'no_expected_deliveries' end as coverage_share_status
from together
