-- When, how often and for how much each customer bought on purchase days, over all history: what the lifetime value
-- models are fitted to. The first purchase makes a customer; what follows are repeat purchases.
with
days as (
    select business_date, customer_id, net_amount
    from customer_days
    where is_purchase and business_date <= $as_of_date
),
firsts as (
    select
        customer_id,
        min(business_date) as first_purchase_on,
        max(business_date) as last_purchase_on,
        count(*) as purchase_days,
        sum(net_amount) as spend,
        bool_or(business_date > $as_of_date - $customer_window_days) as is_active,
        bool_or(
            business_date > $as_of_date - 2 * $customer_window_days
            and business_date <= $as_of_date - $customer_window_days
        ) as was_active
    from days
    group by customer_id
),
final as (
    select
        firsts.customer_id,
        firsts.first_purchase_on,
        firsts.last_purchase_on,
        cast(firsts.purchase_days - 1 as bigint) as repeat_purchases,
        cast(firsts.last_purchase_on - firsts.first_purchase_on as bigint) as recency_days,
        cast($as_of_date - firsts.first_purchase_on as bigint) as age_days,
        cast(firsts.spend - days.net_amount as decimal(18, 4)) as repeat_spend,
        firsts.is_active,
        firsts.was_active
    from firsts
    inner join days
        on firsts.customer_id = days.customer_id
        and firsts.first_purchase_on = days.business_date
)
select
    customer_id, first_purchase_on, last_purchase_on, repeat_purchases, recency_days, age_days, repeat_spend, is_active,
    was_active
from final
