-- Orders, customers and regions of each channel and each partner by month, and the buyers and repeat buyers of
-- the $customer_window_days days that end with the month. None of them adds up over months. A month without orders
-- still has the buyers of its window.
with scoped_orders as (
    select
        'channel' as scope,
        channel_id as scope_id,
        business_date,
        cast(date_trunc('month', business_date) as date) as month_start,
        customer_id,
        order_key
    from orders
    union all
    select
        'partner' as scope,
        partner_id as scope_id,
        business_date,
        cast(date_trunc('month', business_date) as date) as month_start,
        customer_id,
        order_key
    from orders
),

scoped_regions as (
    select
        'channel' as scope,
        channel_id as scope_id,
        cast(date_trunc('month', business_date) as date) as month_start,
        region
    from sales_lines
    where sale_type = 'sale'
        and region <> 'unknown'
    union all
    select
        'partner' as scope,
        partner_id as scope_id,
        cast(date_trunc('month', business_date) as date) as month_start,
        region
    from sales_lines
    where sale_type = 'sale'
        and region <> 'unknown'
),

month_orders as (
    select
        scope,
        scope_id,
        month_start,
        count(distinct order_key) as orders,
        count(distinct customer_id) as active_customers
    from scoped_orders
    group by scope, scope_id, month_start
),

month_regions as (
    select
        scope,
        scope_id,
        month_start,
        count(distinct region) as covered_regions
    from scoped_regions
    group by scope, scope_id, month_start
),

first_month as (
    select cast(date_trunc('month', min(business_date)) as date) as month_start
    from orders
),

months as (
    select unnest(generate_series(
        greatest(month_start, $partition_from), $partition_to, interval '1 month'
    )) as month_start
    from first_month
    where month_start is not null
),

-- One row an order, so that the next step counts rows: counting distinct orders after the join would not be
-- safe, because the engine then drops the customer from the grouping.
customer_orders as (
    select
        scope,
        scope_id,
        customer_id,
        order_key,
        max(business_date) as business_date
    from scoped_orders
    where customer_id is not null
    group by scope, scope_id, customer_id, order_key
),

window_customers as (
    select
        months.month_start,
        customer_orders.scope,
        customer_orders.scope_id,
        customer_orders.customer_id,
        count(*) as orders
    from months
    inner join customer_orders
        on customer_orders.business_date <= last_day(months.month_start)
        and customer_orders.business_date > last_day(months.month_start) - $customer_window_days
    group by months.month_start, customer_orders.scope, customer_orders.scope_id, customer_orders.customer_id
),

window_buyers as (
    select
        scope,
        scope_id,
        month_start,
        count(*) as buyers,
        count(*) filter (where orders >= 2) as repeat_buyers
    from window_customers
    group by scope, scope_id, month_start
),

together as (
    select scope, scope_id, month_start, orders, active_customers, 0 as covered_regions, 0 as buyers, 0 as repeat_buyers
    from month_orders
    union all
    select scope, scope_id, month_start, 0, 0, covered_regions, 0, 0
    from month_regions
    union all
    select scope, scope_id, month_start, 0, 0, 0, buyers, repeat_buyers
    from window_buyers
)

select
    scope,
    scope_id,
    month_start,
    sum(orders) as orders,
    sum(active_customers) as active_customers,
    sum(covered_regions) as covered_regions,
    sum(buyers) as buyers,
    sum(repeat_buyers) as repeat_buyers
from together
group by scope, scope_id, month_start
