-- When and through which channel every buyer first bought, and in which month the second order came.
with
months as (
    select
        customer_id,
        month_start,
        orders,
        first_channel_id,
        row_number() over (partition by customer_id order by month_start) as place
    from customer_months
    where orders > 0
)
select
    customer_id,
    max(case when place = 1 then month_start end) as cohort_start,
    max(case when place = 1 then first_channel_id end) as first_channel_id,
    min(case when place = 2 or orders > 1 then month_start end) as repeated_in
from months
where place <= 2
group by customer_id
