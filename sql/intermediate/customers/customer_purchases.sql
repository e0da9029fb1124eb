-- When, how often and for how much each customer bought on purchase days, over all history: what the lifetime value
-- models are fitted to. The first purchase makes a customer; what follows are repeat purchases. A day that cost nothing
-- tells when somebody bought, and nothing of what they spend: paid_repeat_purchases leaves it out.
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
        bool_or(business_date > $as_of_date - $customer_window_days) as is_active,
        bool_or(
            business_date > $as_of_date - 2 * $customer_window_days
            and business_date <= $as_of_date - $customer_window_days
        ) as was_active
    from days
    group by customer_id
),
repeats as (
    select firsts.customer_id, count(*) as paid_purchases, sum(days.net_amount) as spend
    from firsts
    inner join days
        on firsts.customer_id = days.customer_id
        and days.business_date > firsts.first_purchase_on
    where days.net_amount > 0
    group by firsts.customer_id
),
final as (
    select
        firsts.customer_id,
        firsts.first_purchase_on,
        firsts.last_purchase_on,
        cast(firsts.purchase_days - 1 as bigint) as repeat_purchases,
        cast(firsts.last_purchase_on - firsts.first_purchase_on as bigint) as recency_days,
        cast($as_of_date - firsts.first_purchase_on as bigint) as age_days,
        cast(coalesce(repeats.paid_purchases, 0) as bigint) as paid_repeat_purchases,
        cast(coalesce(repeats.spend, 0) as decimal(18, 4)) as repeat_spend,
        firsts.is_active,
        firsts.was_active
    from firsts
    left join repeats
        on firsts.customer_id = repeats.customer_id
)
select
    customer_id, first_purchase_on, last_purchase_on, repeat_purchases, recency_days, age_days, paid_repeat_purchases,
    repeat_spend, is_active, was_active
from final
