-- Recency, frequency and money of every customer who ever bought, as of the as-of date and, for movements,
-- as of the end of the month before it.
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
evaluated as (
    select
        $as_of_date as evaluated_on,
        customer_id,
        first_order_on,
        last_now as last_order_on,
        frequency_now as frequency,
        orders_now as frequency_all_time,
        coalesce(monetary_now, 0) as monetary,
        paid_now as monetary_all_time,
        last_year_orders_now as orders_before_last,
        last_year_paid_now as paid_before_last
    from wide
    union all
    select
        dates.month_end,
        wide.customer_id,
        case when wide.first_order_on <= dates.month_end then wide.first_order_on end,
        wide.last_then,
        wide.frequency_then,
        wide.orders_then,
        coalesce(wide.monetary_then, 0),
        coalesce(wide.paid_then, 0),
        wide.last_year_orders_then,
        wide.last_year_paid_then
    from wide
    cross join dates
    where wide.first_seen_on <= dates.month_end
),
joined as (
    -- Who only ever brought something back has money but no order, and so neither recency nor cell.
    select
        *,
        evaluated_on - last_order_on as recency_days,
        cast(
            cast(paid_before_last as decimal(28, 10)) / nullif(orders_before_last, 0) as decimal(28, 10)
        ) as average_before_last
    from evaluated
),
medians as (
    select evaluated_on, median_exact(average_before_last) as average_before_last
    from joined
    group by evaluated_on
),
final as (
    select
        joined.evaluated_on,
        joined.customer_id,
        joined.first_order_on,
        joined.last_order_on,
        joined.recency_days,
        joined.frequency,
        joined.frequency_all_time,
        cast(joined.monetary as decimal(18, 4)) as monetary,
        cast(joined.monetary_all_time as decimal(18, 4)) as monetary_all_time,
        joined.orders_before_last,
        case when joined.last_order_on is not null then concat(
            case when joined.recency_days <= $near_days then 'N' else 'F' end,
            case when joined.orders_before_last >= $high_frequency_orders then 'H' else 'L' end,
            case when joined.average_before_last >= medians.average_before_last then 'H' else 'L' end
        ) end as rfm_cell
    from joined
    inner join medians
        on joined.evaluated_on = medians.evaluated_on
)
select
    evaluated_on, customer_id, first_order_on, last_order_on, recency_days, frequency, frequency_all_time, monetary,
    monetary_all_time, orders_before_last, rfm_cell
from final
