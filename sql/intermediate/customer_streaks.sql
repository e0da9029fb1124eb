-- Since when each customer buys without a pause: the first order after the last time that they were far (or the first
-- order of all). Only the customer's own orders move it, so what is counted from it keeps its date from night to night.
with
days as (
    select customer_id, business_date from customer_days where orders > 0 and business_date <= $as_of_date
),
paced as (
    select
        customer_id,
        business_date,
        lag(business_date) over (partition by customer_id order by business_date) as previous_on
    from days
)
select
    customer_id,
    max(business_date) filter (
        where previous_on is null or business_date - previous_on > $near_days
    ) as buying_since,
    max(business_date) as last_order_on
from paced
group by customer_id
