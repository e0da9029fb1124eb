-- The tier of every member who ever spent enough for the second one, replayed from the days on which they bought: up at
-- once, down one step at an anniversary of the last change. Everybody else has always been in the lowest.
with
accounts as (
    select customer_id, tier_value_ever from member_accounts
),
members as (
    select customer_id, joined_on from customers_current
),
days as (
    select business_date, customer_id, net_amount from customer_days where business_date <= $as_of_date
),
tiers as (
    select tier_no, cast(from_value as decimal(38, 4)) as from_value from settings.membership_tiers
),

thresholds as (
    select sorted_rows(from_value) as list, min(from_value) filter (where tier_no = 2) as second_from
    from tiers
),
climbers as (
    select accounts.customer_id, members.joined_on
    from thresholds
    cross join accounts
    inner join members
        on accounts.customer_id = members.customer_id
    where accounts.tier_value_ever >= thresholds.second_from
),
climber_days as (
    select
        days.customer_id,
        days.business_date,
        cast(
            case when $membership_basis = 'points' then cast(trunc(days.net_amount * $points_per_unit) as bigint)
                else days.net_amount
            end as decimal(38, 4)
        ) as tier_value
    from days
    inner join climbers
        on days.customer_id = climbers.customer_id
        and days.business_date >= climbers.joined_on
),
histories as (
    select customer_id, sorted_rows(business_date, tier_value) as list
    from climber_days
    group by customer_id
),
replays as (
    select histories.customer_id, tier_replay(histories.list, thresholds.list, $as_of_date) as replay
    from thresholds
    cross join histories
),
final as (
    select
        customer_id,
        replay['tier'] as tier_no,
        replay['changed_on'] as changed_on,
        replay['previous_tier'] as previous_tier_no,
        replay['review_on'] as review_on,
        cast(replay['amount'] as decimal(18, 4)) as tier_value_12_months
    from replays
)
select customer_id, tier_no, changed_on, previous_tier_no, review_on, tier_value_12_months
from final
