-- What each member earned since joining: spend, points and what counts towards a tier and a reward. One pass over all
-- days, from which tiers, points and the membership mart go on.
with
members as (
    select customer_id, joined_on from customers_current
),
days as (
    select business_date, customer_id, net_amount from customer_days where business_date <= $as_of_date
),
month as (
    -- The last closed month: rewards are for what is final.
    select
        cast(date_trunc('month', $as_of_date + 1) as date) as ended_before,
        add_months(cast(date_trunc('month', $as_of_date + 1) as date), -1) as starts_on
),
member_days as (
    -- What was bought before joining earns nothing. Points are whole, cut off toward zero, so that bringing the same
    -- goods back takes exactly the same points.
    select
        days.customer_id,
        days.business_date,
        days.net_amount,
        cast(trunc(days.net_amount * $points_per_unit) as bigint) as points
    from days
    inner join members
        on days.customer_id = members.customer_id
        and days.business_date >= members.joined_on
),
valued_days as (
    select
        *, cast(case when $membership_basis = 'points' then points else net_amount end as decimal(38, 4)) as tier_value
    from member_days
),
final as (
    select
        valued_days.customer_id,
        sum(valued_days.points) as points_earned,
        sum(valued_days.points) filter (where valued_days.points < 0) as points_taken_back,
        sum(valued_days.points) filter (
            where valued_days.points > 0
                and add_months(valued_days.business_date, $points_valid_months) <= $as_of_date + $points_notice_days
        ) as points_expiring_by_notice,
        sum(valued_days.tier_value) filter (
            where add_months(valued_days.business_date, 12) > $as_of_date
        ) as tier_value_12_months,
        sum(valued_days.tier_value) filter (where valued_days.tier_value > 0) as tier_value_ever,
        sum(valued_days.net_amount) filter (
            where valued_days.business_date >= month.starts_on and valued_days.business_date < month.ended_before
        ) as reward_spend
    from month
    cross join valued_days
    group by valued_days.customer_id
)
select
    customer_id, points_earned, points_taken_back, points_expiring_by_notice, tier_value_12_months, tier_value_ever,
    reward_spend
from final
