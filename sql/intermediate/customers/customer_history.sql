-- Orders and money of every customer who ever bought, as of the as-of date and, for movements, as of the end of the
-- month before it. Counted from the customers' days; customer_activity makes classes of it.
with
days as (
    select business_date, customer_id, orders, net_amount
    from customer_days
    where business_date <= $as_of_date
),
dates as (
    select cast(date_trunc('month', $as_of_date) as date) - 1 as month_end
),
totals as (
    select
        days.customer_id,
        min(days.business_date) as first_seen_on,
        min(days.business_date) filter (where days.orders > 0) as first_order_on,
        max(days.business_date) filter (where days.orders > 0) as last_now,
        max(days.business_date) filter (where days.orders > 0 and days.business_date <= dates.month_end) as last_then,
        sum(days.orders) as orders_now,
        sum(days.orders) filter (where days.business_date <= dates.month_end) as orders_then,
        sum(days.orders) filter (where days.business_date > $as_of_date - $customer_window_days) as frequency_now,
        sum(days.orders) filter (
            where days.business_date > dates.month_end - $customer_window_days
                and days.business_date <= dates.month_end
        ) as frequency_then,
        sum(days.net_amount) as paid_now,
        sum(days.net_amount) filter (where days.business_date <= dates.month_end) as paid_then,
        sum(days.net_amount) filter (where days.business_date > $as_of_date - $customer_window_days) as monetary_now,
        sum(days.net_amount) filter (
            where days.business_date > dates.month_end - $customer_window_days
                and days.business_date <= dates.month_end
        ) as monetary_then
    from days
    cross join dates
    group by days.customer_id
),
last_years as (
    -- The window that ends at the customer's own last order, so that a lapsed regular still counts as one. What came back
    -- after it comes off its money: who keeps nothing has spent nothing.
    select
        days.customer_id,
        sum(days.orders) filter (
            where days.business_date > totals.last_now - $customer_window_days and days.business_date <= totals.last_now
        ) as orders_now,
        sum(days.orders) filter (
            where days.business_date > totals.last_then - $customer_window_days
                and days.business_date <= totals.last_then
        ) as orders_then,
        sum(days.net_amount) filter (
            where days.business_date > totals.last_now - $customer_window_days
        ) as paid_now,
        sum(days.net_amount) filter (
            where days.business_date > totals.last_then - $customer_window_days
                and days.business_date <= dates.month_end
        ) as paid_then
    from dates
    cross join totals
    inner join days
        on totals.customer_id = days.customer_id
    group by days.customer_id
),
wide as (
    select
        totals.*,
        last_years.orders_now as last_year_orders_now,
        last_years.orders_then as last_year_orders_then,
        last_years.paid_now as last_year_paid_now,
        last_years.paid_then as last_year_paid_then
    from totals
    left join last_years
        on totals.customer_id = last_years.customer_id
),
evaluations as (
    -- Twice the same figures of each customer, then and now, without reading the orders twice.
    select $as_of_date as evaluated_on, true as is_now
    union all
    select month_end as evaluated_on, false as is_now
    from dates
),
evaluated as (
    select
        evaluations.evaluated_on,
        wide.customer_id,
        case when wide.first_order_on <= evaluations.evaluated_on then wide.first_order_on end as first_order_on,
        case when evaluations.is_now then wide.last_now else wide.last_then end as last_order_on,
        coalesce(case when evaluations.is_now then wide.frequency_now else wide.frequency_then end, 0) as frequency,
        coalesce(case when evaluations.is_now then wide.orders_now else wide.orders_then end, 0) as frequency_all_time,
        coalesce(case when evaluations.is_now then wide.monetary_now else wide.monetary_then end, 0) as monetary,
        coalesce(case when evaluations.is_now then wide.paid_now else wide.paid_then end, 0) as monetary_all_time,
        case when evaluations.is_now then wide.last_year_orders_now else wide.last_year_orders_then
        end as orders_before_last,
        case when evaluations.is_now then wide.last_year_paid_now else wide.last_year_paid_then end as paid_before_last
    from wide
    inner join evaluations
        on wide.first_seen_on <= evaluations.evaluated_on
),
final as (
    -- Who only ever brought something back has money but no order, and so no recency.
    select
        evaluated_on,
        customer_id,
        first_order_on,
        last_order_on,
        evaluated_on - last_order_on as recency_days,
        frequency,
        frequency_all_time,
        cast(monetary as decimal(18, 4)) as monetary,
        cast(monetary_all_time as decimal(18, 4)) as monetary_all_time,
        orders_before_last,
        cast(
            cast(paid_before_last as decimal(28, 10)) / nullif(orders_before_last, 0) as decimal(28, 10)
        ) as average_before_last
    from evaluated
)
select
    evaluated_on, customer_id, first_order_on, last_order_on, recency_days, frequency, frequency_all_time, monetary,
    monetary_all_time, orders_before_last, average_before_last
from final
