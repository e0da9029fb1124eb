-- Who brings customers in: the customers that each referred, what those spent in their first year as members, and the
-- reward earned for it. A first year that began before the known sales, or nobody knows when, cannot be told: it counts
-- for nothing, neither as sales nor for a reward, and the status says so.
with
members as (
    select customer_id, joined_on, referred_by, manager from customers_current
),
days as (
    select business_date, customer_id, net_amount, is_purchase from customer_days where business_date <= $as_of_date
),
sales as (
    select business_date from partner_channel_days
),

history as (
    select min(business_date) as begin_on from sales
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
        coalesce(sum(days.net_amount), 0) as net_sales,
        coalesce(bool_or(days.is_purchase), false) as has_bought
    from friends
    left join days
        on friends.customer_id = days.customer_id
        and days.business_date >= friends.joined_on
        and days.business_date < add_months(friends.joined_on, 12)
    group by friends.referrer_id, friends.customer_id, friends.joined_on
),
known as (
    select
        first_years.*,
        coalesce(first_years.joined_on >= history.begin_on, false) as is_known,
        add_months(first_years.joined_on, 12) > $as_of_date as is_running
    from history
    cross join first_years
),
rewarded as (
    -- Who brought everything back earns the referrer nothing.
    select
        *,
        case
            when is_known and has_bought and net_sales > 0
            then least($referral_bonus + $referral_reward_rate * net_sales, $referral_reward_max)
            else 0
        end as reward
    from known
),
summed as (
    select
        referrer_id,
        count(*) as referred_customers,
        count(*) filter (where not is_known) as referred_before_history,
        count(*) filter (where is_known and has_bought) as known_buyers,
        count(*) filter (where is_running) as referred_in_first_year,
        count(*) filter (where is_known and is_running) as known_in_first_year,
        max(joined_on) as latest_joined_on,
        sum(net_sales) filter (where is_known) as first_year_net_sales,
        sum(cast(reward as decimal(38, 4))) filter (where is_known) as reward
    from rewarded
    group by referrer_id
),
judged as (
    select
        *,
        case
            when referred_before_history = referred_customers then 'incomplete_history'
            when referred_before_history > 0 then 'partly_incomplete_history'
            when known_in_first_year > 0 then 'provisional'
        end as first_year_status
    from summed
),
final as (
    select
        $as_of_date as as_of_date,
        judged.referrer_id,
        members.manager,
        judged.referred_customers,
        judged.referred_before_history,
        case
            when judged.referred_before_history < judged.referred_customers then judged.known_buyers
        end as referred_buyers,
        judged.referred_in_first_year,
        judged.latest_joined_on,
        cast(judged.first_year_net_sales as decimal(18, 4)) as first_year_net_sales,
        judged.first_year_status,
        case when members.customer_id is not null then cast(judged.reward as decimal(18, 4)) end as reward_due,
        case
            when members.customer_id is null then 'unknown_referrer'
            else judged.first_year_status
        end as reward_status
    from judged
    left join members
        on judged.referrer_id = members.customer_id
)
select
    as_of_date, referrer_id, manager, referred_customers, referred_before_history, referred_buyers,
    referred_in_first_year, latest_joined_on, first_year_net_sales, first_year_status, reward_due, reward_status
from final
