-- Recency, frequency and money of every customer who ever bought, as of the as-of date and, for movements,
-- as of the end of the month before it.
with
orders as (
    select business_date, customer_id, partner_id, channel_id, order_id, has_sale_line, net_amount
    from customer_orders
    where business_date <= $as_of_date
),
days as (
    select $as_of_date as evaluated_on
    union
    select cast(date_trunc('month', $as_of_date) as date) - 1 as evaluated_on
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
        days.evaluated_on,
        purchases.customer_id,
        min(purchases.ordered_on) as first_order_on,
        max(purchases.ordered_on) as last_order_on,
        count(*) as frequency_all_time,
        count(*) filter (where purchases.ordered_on > days.evaluated_on - $customer_window_days) as frequency
    from purchases
    inner join days
        on purchases.ordered_on <= days.evaluated_on
    group by days.evaluated_on, purchases.customer_id
),
paid as (
    select
        days.evaluated_on,
        orders.customer_id,
        sum(orders.net_amount) as monetary_all_time,
        coalesce(
            sum(orders.net_amount) filter (where orders.business_date > days.evaluated_on - $customer_window_days), 0
        ) as monetary
    from orders
    inner join days
        on orders.business_date <= days.evaluated_on
    group by days.evaluated_on, orders.customer_id
),
last_year_orders as (
    -- The window that ends at the customer's own last order, so that a lapsed regular still counts as one.
    select bought.evaluated_on, bought.customer_id, count(*) as orders_before_last
    from purchases
    inner join bought
        on purchases.customer_id = bought.customer_id
        and purchases.ordered_on > bought.last_order_on - $customer_window_days
        and purchases.ordered_on <= bought.last_order_on
    group by bought.evaluated_on, bought.customer_id
),
last_year_paid as (
    select bought.evaluated_on, bought.customer_id, sum(orders.net_amount) as paid_before_last
    from orders
    inner join bought
        on orders.customer_id = bought.customer_id
        and orders.business_date > bought.last_order_on - $customer_window_days
        and orders.business_date <= bought.last_order_on
    group by bought.evaluated_on, bought.customer_id
),
joined as (
    -- Who only ever brought something back has money but no order, and so neither recency nor cell.
    select
        paid.evaluated_on,
        paid.customer_id,
        bought.first_order_on,
        bought.last_order_on,
        paid.evaluated_on - bought.last_order_on as recency_days,
        coalesce(bought.frequency, 0) as frequency,
        coalesce(bought.frequency_all_time, 0) as frequency_all_time,
        paid.monetary,
        paid.monetary_all_time,
        last_year_orders.orders_before_last,
        cast(last_year_paid.paid_before_last as decimal(28, 10)) / last_year_orders.orders_before_last
            as average_before_last
    from paid
    left join bought
        on paid.evaluated_on = bought.evaluated_on
        and paid.customer_id = bought.customer_id
    left join last_year_orders
        on paid.evaluated_on = last_year_orders.evaluated_on
        and paid.customer_id = last_year_orders.customer_id
    left join last_year_paid
        on paid.evaluated_on = last_year_paid.evaluated_on
        and paid.customer_id = last_year_paid.customer_id
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
