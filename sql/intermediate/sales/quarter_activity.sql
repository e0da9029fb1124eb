-- Distinct orders and known customers of each partner from the quarter's first day to the month's end. They do not add
-- up over months, so each month counts anew; a quarter is the row of its last month, also where nobody ordered in it.
with first_month as (
    select cast(date_trunc('month', min(business_date)) as date) as month_start
    from orders
),

calendar_months as (
    select unnest(generate_series(
        greatest(month_start, $partition_from), $partition_to, interval '1 month'
    )) as month_start
    from first_month
    where month_start is not null
),

months as (
    select
        month_start,
        cast(date_trunc('quarter', month_start) as date) as quarter_start
    from calendar_months
),

partner_orders as (
    select
        partner_id,
        order_key,
        cast(date_trunc('quarter', business_date) as date) as quarter_start,
        min(business_date) as business_date
    from orders
    group by partner_id, order_key, cast(date_trunc('quarter', business_date) as date)
),

partner_customers as (
    select
        partner_id,
        customer_id,
        cast(date_trunc('quarter', business_date) as date) as quarter_start,
        min(business_date) as business_date
    from orders
    where customer_id is not null
    group by partner_id, customer_id, cast(date_trunc('quarter', business_date) as date)
),

counted as (
    select months.month_start, partner_orders.partner_id, count(*) as orders, 0 as customers
    from months
    inner join partner_orders
        on partner_orders.quarter_start = months.quarter_start
        and partner_orders.business_date <= last_day(months.month_start)
    group by months.month_start, partner_orders.partner_id
    union all
    select months.month_start, partner_customers.partner_id, 0 as orders, count(*) as customers
    from months
    inner join partner_customers
        on partner_customers.quarter_start = months.quarter_start
        and partner_customers.business_date <= last_day(months.month_start)
    group by months.month_start, partner_customers.partner_id
)

select
    month_start,
    partner_id,
    sum(orders) as orders,
    sum(customers) as customers
from counted
group by month_start, partner_id
