-- Where each member stands: tier replayed from what they spent, points earned, used and expired, what is missing to the next
-- tier, and what they are entitled to or owed.
with
members as (
    select customer_id, joined_on, birth_date, manager, contact_allowed from customers_current
),
days as (
    select business_date, customer_id, net_amount from customer_days where business_date <= $as_of_date
),
redemptions as (
    select business_date, customer_id, points from stg_points_redemptions where business_date <= $as_of_date
),
contacts as (
    select business_date, customer_id, kind from stg_contacts where business_date <= $as_of_date
),
tiers as (
    select tier_no, tier, cast(from_value as decimal(18, 4)) as from_value from settings.membership_tiers
),
entitlement_rows as (
    select tier_no, position, entitlement, discount_rate from settings.membership_entitlements
),
reward_steps as (
    select reward, from_spend, amount, rate from settings.spend_rewards
),

member_days as (
    -- What was bought before joining earns nothing. Points are whole, cut off toward zero, so that bringing the same
    -- goods back takes exactly the same points.
    select
        days.customer_id,
        days.business_date,
        days.net_amount,
        cast(days.net_amount * $points_per_unit as bigint) as points
    from days
    inner join members
        on days.customer_id = members.customer_id
        and days.business_date >= members.joined_on
),
valued_days as (
    select
        customer_id,
        business_date,
        net_amount,
        points,
        cast(case when $membership_basis = 'points' then points else net_amount end as decimal(18, 4)) as tier_value,
        add_months(business_date, $points_valid_months) as points_expire_on
    from member_days
),
month as (
    -- The last closed month: rewards are for what is final.
    select
        cast(date_trunc('month', $as_of_date + 1) as date) as ended_before,
        add_months(cast(date_trunc('month', $as_of_date + 1) as date), -1) as starts_on
),
sums as (
    select
        valued_days.customer_id,
        sum(valued_days.net_amount) as spend,
        sum(valued_days.points) as points_earned,
        sum(valued_days.points) filter (where valued_days.points < 0) as points_taken_back,
        sum(valued_days.points) filter (
            where valued_days.points > 0 and valued_days.points_expire_on <= $as_of_date + $points_notice_days
        ) as points_expiring_by_notice,
        sum(valued_days.tier_value) filter (
            where add_months(valued_days.business_date, 12) > $as_of_date
        ) as tier_value_12_months,
        sum(valued_days.tier_value) filter (where valued_days.tier_value > 0) as tier_value_ever,
        sum(valued_days.net_amount) filter (
            where valued_days.business_date >= month.starts_on and valued_days.business_date < month.ended_before
        ) as reward_spend
    from valued_days
    cross join month
    group by valued_days.customer_id
),

-- Tiers. Who never spent enough for the second tier needs no replay.
thresholds as (
    select sorted_rows(from_value) as list, min(from_value) filter (where tier_no = 2) as second_from
    from tiers
),
climbers as (
    select sums.customer_id
    from sums
    cross join thresholds
    where sums.tier_value_ever >= thresholds.second_from
),
histories as (
    select valued_days.customer_id, sorted_rows(valued_days.business_date, valued_days.tier_value) as list
    from valued_days
    inner join climbers
        on valued_days.customer_id = climbers.customer_id
    group by valued_days.customer_id
),
replays as (
    select histories.customer_id, tier_replay(histories.list, thresholds.list, $as_of_date) as replay
    from histories
    cross join thresholds
),
standings as (
    select
        members.*,
        coalesce(replays.replay['tier'], 1) as tier_no,
        replays.replay['previous_tier'] as previous_tier_no,
        replays.replay['changed_on'] as tier_changed_on,
        replays.replay['review_on'] as tier_review_on
    from members
    left join replays
        on members.customer_id = replays.customer_id
),

-- Points. Used points come off the oldest ones, so of what was earned by a day, that much is expired by then that was not
-- used before; the most that ever was, as nothing comes back.
expiries as (
    select customer_id, points_expire_on as on_day, 0 as place, sum(points) as points
    from valued_days
    where points > 0 and points_expire_on <= $as_of_date
    group by customer_id, points_expire_on
),
uses as (
    select customer_id, business_date as on_day, 1 as place, -points as points
    from redemptions
    union all
    select customer_id, business_date as on_day, 1 as place, points
    from valued_days
    where points < 0
),
movements as (
    select customer_id, on_day, place, points from expiries
    union all
    select uses.customer_id, uses.on_day, uses.place, uses.points
    from uses
    inner join (select customer_id, max(on_day) as on_day from expiries group by customer_id) as last_expiries
        on uses.customer_id = last_expiries.customer_id
        and uses.on_day <= last_expiries.on_day
),
unused as (
    select
        customer_id,
        place,
        sum(points) over (
            partition by customer_id order by on_day, place, points rows between unbounded preceding and current row
        ) as points
    from movements
),
expired as (
    select customer_id, greatest(max(points), 0) as points
    from unused
    where place = 0
    group by customer_id
),
redeemed as (
    select customer_id, sum(points) as points
    from redemptions
    group by customer_id
),

-- Rewards for the spend of the last closed month.
reached as (
    select
        sums.customer_id,
        reward_steps.reward,
        max_by(
            cast(reward_steps.amount + reward_steps.rate * sums.reward_spend as decimal(18, 4)), reward_steps.from_spend
        ) as reward_value
    from sums
    inner join reward_steps
        on sums.reward_spend >= reward_steps.from_spend
    where sums.reward_spend > 0
    group by sums.customer_id, reward_steps.reward
),
rewards as (
    select
        customer_id,
        max(reward_value) filter (where reward = 'coupon') as coupon,
        max(reward_value) filter (where reward = 'cashback') as cashback
    from reached
    group by customer_id
),
coupons_sent as (
    select distinct contacts.customer_id
    from contacts
    cross join month
    where contacts.kind = 'coupon' and contacts.business_date >= month.ended_before
),
entitlements as (
    select
        tiers.tier_no,
        string_agg(entitlement_rows.entitlement, '; ' order by entitlement_rows.position) as entitlements,
        max(entitlement_rows.discount_rate) as discount_rate
    from tiers
    inner join entitlement_rows
        on entitlement_rows.tier_no <= tiers.tier_no
    group by tiers.tier_no
),
joined as (
    select
        standings.*,
        tiers.tier,
        previous_tiers.tier as previous_tier,
        next_tiers.tier as next_tier,
        next_tiers.from_value as next_from,
        entitlements.entitlements,
        entitlements.discount_rate,
        coalesce(sums.spend, 0) as spend,
        coalesce(sums.tier_value_12_months, 0) as tier_value_12_months,
        coalesce(sums.points_earned, 0) as points_earned,
        coalesce(sums.points_taken_back, 0) as points_taken_back,
        coalesce(sums.points_expiring_by_notice, 0) as points_expiring_by_notice,
        coalesce(redeemed.points, 0) as points_redeemed,
        coalesce(expired.points, 0) as points_expired,
        coalesce(sums.reward_spend, 0) as reward_spend,
        coalesce(rewards.coupon, 0) as coupon,
        coalesce(rewards.cashback, 0) as cashback,
        coupons_sent.customer_id is not null as is_coupon_sent
    from standings
    inner join tiers
        on standings.tier_no = tiers.tier_no
    left join tiers as previous_tiers
        on standings.previous_tier_no = previous_tiers.tier_no
    left join tiers as next_tiers
        on standings.tier_no + 1 = next_tiers.tier_no
    left join entitlements
        on standings.tier_no = entitlements.tier_no
    left join sums
        on standings.customer_id = sums.customer_id
    left join redeemed
        on standings.customer_id = redeemed.customer_id
    left join expired
        on standings.customer_id = expired.customer_id
    left join rewards
        on standings.customer_id = rewards.customer_id
    left join coupons_sent
        on standings.customer_id = coupons_sent.customer_id
),
final as (
    select
        $as_of_date as as_of_date,
        customer_id,
        joined_on,
        manager,
        contact_allowed,
        tier_no,
        tier,
        tier_changed_on,
        previous_tier,
        tier_review_on,
        tier_value_12_months,
        next_tier,
        case when next_from is not null then greatest(next_from - tier_value_12_months, 0) end as missing_to_next_tier,
        case when next_tier is null then 'highest_tier' end as next_tier_status,
        points_earned,
        points_redeemed,
        points_expired,
        points_earned - points_redeemed - points_expired as points_balance,
        -- Without further use, so much will have expired by the end of the notice.
        greatest(
            points_expiring_by_notice + points_taken_back - points_redeemed - points_expired, 0
        ) as points_expiring,
        case when points_earned - points_redeemed - points_expired < 0 then 'overdrawn' end as points_status,
        extract(month from birth_date) = extract(month from $as_of_date) as birthday_this_month,
        case when birth_date is null then 'no_birth_date' end as birthday_status,
        entitlements,
        cast(discount_rate as double) as discount_rate,
        to_char(month.starts_on, '%Y-%m') as reward_month,
        reward_spend,
        case when is_coupon_sent then 0 else coupon end as coupon_due,
        case when is_coupon_sent then 'sent' end as coupon_status,
        cashback as cashback_due
    from joined
    cross join month
)
select
    as_of_date, customer_id, joined_on, manager, contact_allowed, tier_no, tier, tier_changed_on, previous_tier,
    tier_review_on, tier_value_12_months, next_tier, missing_to_next_tier, next_tier_status, points_earned,
    points_redeemed, points_expired, points_balance, points_expiring, points_status, birthday_this_month,
    birthday_status, entitlements, discount_rate, reward_month, reward_spend, coupon_due, coupon_status, cashback_due
from final
