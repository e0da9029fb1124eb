-- Orders, customers and regions of each channel and each partner by month, and the buyers and repeat buyers of
-- the $customer_window_days days that end with the month. None of them adds up over months.
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

months as (
    select distinct month_start
    from scoped_orders
),

customer_orders as (
    select
        months.month_start,
        scoped_orders.scope,
        scoped_orders.scope_id,
        scoped_orders.customer_id,
        count(distinct scoped_orders.order_key) as orders
    from months
    inner join scoped_orders
        on scoped_orders.business_date <= last_day(months.month_start)
        and scoped_orders.business_date > last_day(months.month_start) - $customer_window_days
    where scoped_orders.customer_id is not null
    group by months.month_start, scoped_orders.scope, scoped_orders.scope_id, scoped_orders.customer_id
),

window_buyers as (
    select
        scope,
        scope_id,
        month_start,
        count(*) as buyers,
        count(*) filter (where orders >= 2) as repeat_buyers
    from customer_orders
    group by scope, scope_id, month_start
),

keys as (
    select scope, scope_id, month_start from month_orders
    union
    select scope, scope_id, month_start from window_buyers
)

select
    keys.scope,
    keys.scope_id,
    keys.month_start,
    coalesce(month_orders.orders, 0) as orders,
    coalesce(month_orders.active_customers, 0) as active_customers,
    coalesce(month_regions.covered_regions, 0) as covered_regions,
    coalesce(window_buyers.buyers, 0) as buyers,
    coalesce(window_buyers.repeat_buyers, 0) as repeat_buyers
from keys
left join month_orders
    on month_orders.scope = keys.scope
    and month_orders.scope_id = keys.scope_id
    and month_orders.month_start = keys.month_start
left join month_regions
    on month_regions.scope = keys.scope
    and month_regions.scope_id = keys.scope_id
    and month_regions.month_start = keys.month_start
left join window_buyers
    on window_buyers.scope = keys.scope
    and window_buyers.scope_id = keys.scope_id
    and window_buyers.month_start = keys.month_start
