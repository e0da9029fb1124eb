-- Who brings customers in: the customers that each referred, what those spent in their first year as members, and the
-- reward earned for it.
with
members as (
    select customer_id, joined_on, referred_by, manager from customers_current
),
days as (
    select business_date, customer_id, net_amount, is_purchase from customer_days where business_date <= $as_of_date
),

friends as (
    -- Nobody refers themselves.
    select customer_id, joined_on, referred_by as referrer_id
    from members
    where referred_by is not null and referred_by <> customer_id
),
first_years as (
    select
        friends.referrer_id,
        friends.customer_id,
        friends.joined_on,
        sum(days.net_amount) as net_sales,
        coalesce(bool_or(days.is_purchase), false) as has_bought
    from friends
    left join days
        on friends.customer_id = days.customer_id
        and days.business_date >= friends.joined_on
        and days.business_date < add_months(friends.joined_on, 12)
    group by friends.referrer_id, friends.customer_id, friends.joined_on
),
rewarded as (
    -- Who brought everything back earns the referrer nothing.
    select
        referrer_id,
        joined_on,
        has_bought,
        coalesce(net_sales, 0) as net_sales,
        case
            when has_bought and net_sales > 0
            then least($referral_bonus + $referral_reward_rate * net_sales, $referral_reward_max)
            else 0
        end as reward
    from first_years
),
summed as (
    select
        referrer_id,
        count(*) as referred_customers,
        count(*) filter (where has_bought) as referred_buyers,
        count(*) filter (where add_months(joined_on, 12) > $as_of_date) as referred_in_first_year,
        max(joined_on) as latest_joined_on,
        sum(net_sales) as first_year_net_sales,
        sum(cast(reward as decimal(18, 4))) as reward
    from rewarded
    group by referrer_id
),
final as (
    select
        $as_of_date as as_of_date,
        summed.referrer_id,
        members.manager,
        summed.referred_customers,
        summed.referred_buyers,
        summed.referred_in_first_year,
        summed.latest_joined_on,
        summed.first_year_net_sales,
        case when members.customer_id is not null then summed.reward end as reward_due,
        case when members.customer_id is null then 'unknown_referrer' end as reward_status
    from summed
    left join members
        on summed.referrer_id = members.customer_id
)
select
    as_of_date, referrer_id, manager, referred_customers, referred_buyers, referred_in_first_year, latest_joined_on,
    first_year_net_sales, reward_due, reward_status
from final
