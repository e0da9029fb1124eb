-- Of the customers who first bought in a month, how many come back in each later month, what they spend, and what they
-- are worth from now on: over all, by the channel of the first purchase, and by today's segment. Cohort `all` adds them
-- up.
with
segments as (
    select customer_id, segment, clv from customer_scores
),
customer_flows as (
    select customer_id, month_start, orders, net_sales from customer_months
),
customers as (
    select
        cohorts.customer_id,
        cohorts.cohort_start,
        cohorts.first_channel_id as first_channel,
        coalesce(segments.segment, 'unknown') as segment,
        segments.clv,
        cohorts.repeated_in
    from customer_cohorts as cohorts
    left join segments
        on cohorts.customer_id = segments.customer_id
),
memberships as (
    select customer_id, cohort_start, repeated_in, clv, 'all' as dimension, 'all' as dimension_value from customers
    union all
    select customer_id, cohort_start, repeated_in, clv, 'first_channel' as dimension, first_channel as dimension_value
    from customers
    union all
    select customer_id, cohort_start, repeated_in, clv, 'segment' as dimension, segment as dimension_value
    from customers
),
cohorts as (
    select
        dimension,
        dimension_value,
        cohort_start,
        count(*) as cohort_customers,
        count(clv) as clv_customers,
        sum(clv) as clv
    from memberships
    group by dimension, dimension_value, cohort_start
),
months as (
    select
        dimension,
        dimension_value,
        cohort_start,
        cohort_customers,
        clv_customers,
        clv,
        unnest(generate_series(
            cohort_start, cast(date_trunc('month', $as_of_date) as date), interval '1 month'
        )) as month_start
    from cohorts
),
flows as (
    select
        memberships.dimension,
        memberships.dimension_value,
        memberships.cohort_start,
        customer_flows.month_start,
        count(*) filter (where customer_flows.orders > 0) as active_customers,
        sum(customer_flows.net_sales) as net_sales
    from memberships
    inner join customer_flows
        on memberships.customer_id = customer_flows.customer_id
    group by
        memberships.dimension, memberships.dimension_value, memberships.cohort_start, customer_flows.month_start
),
repeated as (
    select dimension, dimension_value, cohort_start, repeated_in, count(*) as customers
    from memberships
    where repeated_in is not null
    group by dimension, dimension_value, cohort_start, repeated_in
),
joined as (
    select
        months.dimension,
        months.dimension_value,
        months.cohort_start,
        months.month_start,
        months.cohort_customers,
        months.clv_customers,
        months.clv,
        coalesce(flows.active_customers, 0) as active_customers,
        coalesce(flows.net_sales, 0) as net_sales,
        sum(coalesce(repeated.customers, 0)) over (
            partition by months.dimension, months.dimension_value, months.cohort_start
            order by months.month_start
            rows between unbounded preceding and current row
        ) as repeat_customers
    from months
    left join flows
        on months.dimension = flows.dimension
        and months.dimension_value = flows.dimension_value
        and months.cohort_start = flows.cohort_start
        and months.month_start = flows.month_start
    left join repeated
        on months.dimension = repeated.dimension
        and months.dimension_value = repeated.dimension_value
        and months.cohort_start = repeated.cohort_start
        and months.month_start = repeated.repeated_in
),
added_up as (
    -- Each cohort, and all of them together. (Not by grouping sets: over a window's partitions the engine gives a total
    -- for each of them.)
    select
        dimension, dimension_value, cohort_start, month_start, cohort_customers, clv_customers, clv, active_customers,
        net_sales, repeat_customers
    from joined
    union all
    select
        dimension,
        dimension_value,
        null as cohort_start,
        month_start,
        sum(cohort_customers) as cohort_customers,
        sum(clv_customers) as clv_customers,
        sum(clv) as clv,
        sum(active_customers) as active_customers,
        sum(net_sales) as net_sales,
        sum(repeat_customers) as repeat_customers
    from joined
    group by dimension, dimension_value, month_start
),
final as (
    select
        dimension,
        dimension_value,
        coalesce(to_char(cohort_start, '%Y-%m'), 'all') as cohort_month,
        cohort_start,
        to_char(month_start, '%Y-%m') as month,
        month_start,
        cast(
            (extract(year from month_start) - extract(year from cohort_start)) * 12
            + extract(month from month_start) - extract(month from cohort_start) as bigint
        ) as months_since,
        cast(month_start + interval '1 month' as date) > $as_of_date + 1 as is_provisional,
        cohort_customers,
        active_customers,
        ratio(active_customers, cohort_customers) as retention_rate,
        cast(net_sales as decimal(18, 4)) as net_sales,
        repeat_customers,
        ratio(repeat_customers, cohort_customers) as repeat_rate,
        clv_customers,
        cast(clv as decimal(18, 4)) as clv,
        per_unit(clv, clv_customers) as average_clv,
        case when clv_customers = 0 then 'no_lifetime_value' end as clv_status
    from added_up
)
select
    dimension, dimension_value, cohort_month, cohort_start, month, month_start, months_since, is_provisional,
    cohort_customers, active_customers, retention_rate, net_sales, repeat_customers, repeat_rate, clv_customers, clv,
    average_clv, clv_status
from final
