-- Orders and money of every customer who ever bought, as of the as-of date and, for movements, as of the end of the
-- month before it. Read once from the orders; customer_activity makes classes of it.
with
orders as (
    select business_date, customer_id, partner_id, channel_id, order_id, has_sale_line, net_amount
    from customer_orders
    where business_date <= $as_of_date
),
dates as (
    select cast(date_trunc('month', $as_of_date) as date) - 1 as month_end
),
purchases as (
    -- An order is one order, however many of its lines follow on later days.
    select customer_id, partner_id, order_id, min(business_date) as ordered_on
    from orders
    where has_sale_line
    group by customer_id, partner_id, order_id
),
bought as (
    select
        purchases.customer_id,
        min(purchases.ordered_on) as first_order_on,
        max(purchases.ordered_on) as last_now,
        max(purchases.ordered_on) filter (where purchases.ordered_on <= dates.month_end) as last_then,
        count(*) as orders_now,
        count(*) filter (where purchases.ordered_on <= dates.month_end) as orders_then,
        count(*) filter (where purchases.ordered_on > $as_of_date - $customer_window_days) as frequency_now,
        count(*) filter (
            where purchases.ordered_on > dates.month_end - $customer_window_days
                and purchases.ordered_on <= dates.month_end
        ) as frequency_then
    from purchases
    cross join dates
    group by purchases.customer_id
),
paid as (
    select
        orders.customer_id,
        min(orders.business_date) as first_seen_on,
        sum(orders.net_amount) as paid_now,
        sum(orders.net_amount) filter (where orders.business_date <= dates.month_end) as paid_then,
        sum(orders.net_amount) filter (where orders.business_date > $as_of_date - $customer_window_days) as monetary_now,
        sum(orders.net_amount) filter (
            where orders.business_date > dates.month_end - $customer_window_days
                and orders.business_date <= dates.month_end
        ) as monetary_then
    from orders
    cross join dates
    group by orders.customer_id
),
last_year_orders as (
    -- The window that ends at the customer's own last order, so that a lapsed regular still counts as one.
    select
        purchases.customer_id,
        count(*) filter (where purchases.ordered_on > bought.last_now - $customer_window_days) as orders_now,
        count(*) filter (
            where purchases.ordered_on > bought.last_then - $customer_window_days
                and purchases.ordered_on <= bought.last_then
        ) as orders_then
    from bought
    inner join purchases
        on bought.customer_id = purchases.customer_id
    group by purchases.customer_id
),
last_year_paid as (
    select
        orders.customer_id,
        sum(orders.net_amount) filter (
            where orders.business_date > bought.last_now - $customer_window_days
                and orders.business_date <= bought.last_now
        ) as paid_now,
        sum(orders.net_amount) filter (
            where orders.business_date > bought.last_then - $customer_window_days
                and orders.business_date <= bought.last_then
        ) as paid_then
    from bought
    inner join orders
        on bought.customer_id = orders.customer_id
    group by orders.customer_id
),
wide as (
    select
        paid.*,
        bought.first_order_on,
        bought.last_now,
        bought.last_then,
        coalesce(bought.orders_now, 0) as orders_now,
        coalesce(bought.orders_then, 0) as orders_then,
        coalesce(bought.frequency_now, 0) as frequency_now,
        coalesce(bought.frequency_then, 0) as frequency_then,
        last_year_orders.orders_now as last_year_orders_now,
        last_year_orders.orders_then as last_year_orders_then,
        last_year_paid.paid_now as last_year_paid_now,
        last_year_paid.paid_then as last_year_paid_then
    from paid
    left join bought
        on paid.customer_id = bought.customer_id
    left join last_year_orders
        on paid.customer_id = last_year_orders.customer_id
    left join last_year_paid
        on paid.customer_id = last_year_paid.customer_id
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
        case when evaluations.is_now then wide.frequency_now else wide.frequency_then end as frequency,
        case when evaluations.is_now then wide.orders_now else wide.orders_then end as frequency_all_time,
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
