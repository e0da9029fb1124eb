-- Since when the customers who are worth a visit have been so, told from their own orders alone: since they order often,
-- or, for who spends much in few orders, since the first order after their last pause. What other customers do moves
-- nobody's date, and neither does the night of the run.
with
scores as (
    select customer_id, segment, abc_class from customer_scores
),
days as (
    select customer_id, business_date, orders from customer_days where orders > 0 and business_date <= $as_of_date
),

valued_days as (
    select
        days.customer_id,
        days.business_date,
        days.business_date - date '1970-01-01' as day_no,
        sum(days.orders) over (partition by days.customer_id order by days.business_date) as orders_so_far,
        lag(days.business_date) over (partition by days.customer_id order by days.business_date) as previous_on
    from days
    inner join scores
        on days.customer_id = scores.customer_id
    where scores.segment = 'high_value' or scores.abc_class = 'A'
),
counted as (
    -- Orders in the window that ends on the day: all so far less those before the window.
    select
        customer_id,
        business_date,
        previous_on,
        orders_so_far - coalesce(
            max(orders_so_far) over (
                partition by customer_id order by day_no
                range between unbounded preceding and $customer_window_days preceding
            ),
            0
        ) >= $high_frequency_orders as is_often
    from valued_days
),
turned as (
    select
        *,
        lag(is_often) over (partition by customer_id order by business_date) as was_often
    from counted
),
final as (
    select
        customer_id,
        max(business_date) filter (
            where previous_on is null or business_date - previous_on > $near_days
        ) as buying_since,
        max(business_date) filter (where is_often and not coalesce(was_often, false)) as often_since
    from turned
    group by customer_id
)
select customer_id, buying_since, often_since, greatest(buying_since, coalesce(often_since, buying_since)) as valued_since
from final
