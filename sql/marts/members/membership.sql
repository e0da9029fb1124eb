-- Where each member stands: the tier that their spending has earned, points earned, used and expired, what is missing
-- to the next tier, and what they are entitled to or owed. None of this is known of whom it is not known since when they
-- are a member.
with
members as (
    select customer_id, joined_on, birth_date, manager, contact_allowed, contact_status from customers_current
),
sums as (
    select * from member_accounts
),
replays as (
    select * from member_tiers
),
used as (
    select * from member_points
),
contacts as (
    select business_date, customer_id, kind from stg_contacts where business_date <= $as_of_date
),
tiers as (
    select tier_no, tier, cast(from_value as decimal(38, 4)) as from_value from settings.membership_tiers
),
entitlement_rows as (
    select tier_no, position, entitlement, discount_rate from settings.membership_entitlements
),
reward_steps as (
    select reward, from_spend, amount, rate from settings.spend_rewards
),

-- Without a feed of redemptions nobody knows what was used, so neither what is left nor what expired unused.
arrived as (
    select (select count(*) from system.feeds where feed = 'points_redemptions' and arrived) > 0 as redemptions_arrived
),
month as (
    -- The last closed month: rewards are for what is final.
    select
        cast(date_trunc('month', $as_of_date + 1) as date) as ended_before,
        add_months(cast(date_trunc('month', $as_of_date + 1) as date), -1) as starts_on
),
standings as (
    select
        members.*,
        case when members.joined_on is not null then coalesce(replays.tier_no, 1) end as tier_no,
        replays.previous_tier_no,
        replays.changed_on as tier_changed_on,
        replays.review_on as tier_review_on
    from members
    left join replays
        on members.customer_id = replays.customer_id
),
steps as (
    select *, lead(from_spend) over (partition by reward order by from_spend) as next_from
    from reward_steps
),
reached as (
    -- The highest step that the spend reaches.
    select
        sums.customer_id,
        steps.reward,
        cast(steps.amount + steps.rate * sums.reward_spend as decimal(38, 4)) as reward_value
    from sums
    inner join steps
        on sums.reward_spend >= steps.from_spend
        and sums.reward_spend < coalesce(steps.next_from, sums.reward_spend + 1)
    where sums.reward_spend > 0
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
        case when standings.joined_on is not null then coalesce(sums.tier_value_12_months, 0) end as tier_value_12_months,
        case when standings.joined_on is not null then coalesce(sums.points_earned, 0) end as points_earned,
        case when standings.joined_on is not null then coalesce(sums.points_taken_back, 0) end as points_taken_back,
        case when standings.joined_on is not null then coalesce(sums.points_expiring_by_notice, 0) end
            as points_expiring_by_notice,
        case when arrived.redemptions_arrived then coalesce(used.points_redeemed, 0) end as points_redeemed,
        case
            when arrived.redemptions_arrived and standings.joined_on is not null then coalesce(used.points_expired, 0)
        end as points_expired,
        case when standings.joined_on is not null then coalesce(sums.reward_spend, 0) end as reward_spend,
        case when standings.joined_on is not null then coalesce(rewards.coupon, 0) end as coupon,
        case when standings.joined_on is not null then coalesce(rewards.cashback, 0) end as cashback,
        coupons_sent.customer_id is not null as is_coupon_sent
    from standings
    cross join arrived
    left join tiers
        on standings.tier_no = tiers.tier_no
    left join tiers as previous_tiers
        on standings.previous_tier_no = previous_tiers.tier_no
    left join tiers as next_tiers
        on standings.tier_no + 1 = next_tiers.tier_no
    left join entitlements
        on standings.tier_no = entitlements.tier_no
    left join sums
        on standings.customer_id = sums.customer_id
    left join used
        on standings.customer_id = used.customer_id
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
        contact_allowed as is_contact_allowed,
        contact_status,
        case when joined_on is null then 'no_join_date' end as membership_status,
        tier_no,
        tier,
        tier_changed_on,
        previous_tier,
        tier_review_on,
        tier_value_12_months,
        next_tier,
        case when next_from is not null then greatest(next_from - tier_value_12_months, 0) end as missing_to_next_tier,
        case
            when joined_on is null then 'no_join_date'
            when next_tier is null then 'highest_tier'
        end as next_tier_status,
        points_earned,
        points_redeemed,
        points_expired,
        points_earned - points_redeemed - points_expired as points_balance,
        -- Without further use, so much will have expired by the end of the notice.
        case
            when points_expired is not null
                then greatest(points_expiring_by_notice + points_taken_back - points_redeemed - points_expired, 0)
        end as points_expiring,
        case
            when joined_on is null then 'no_join_date'
            when points_redeemed is null then 'no_redemption_data'
            when points_earned - points_redeemed - points_expired < 0 then 'overdrawn'
        end as points_status,
        extract(month from birth_date) = extract(month from $as_of_date) as is_birthday_month,
        case when birth_date is null then 'no_birth_date' end as birthday_status,
        entitlements,
        cast(discount_rate as double) as discount_rate,
        to_char(month.starts_on, '%Y-%m') as reward_month,
        reward_spend,
        case when is_coupon_sent and joined_on is not null then 0 else coupon end as coupon_due,
        case when is_coupon_sent then 'sent' end as coupon_status,
        cashback as cashback_due
    from month
    cross join joined
)
select
    as_of_date, customer_id, joined_on, manager, is_contact_allowed, contact_status, membership_status, tier_no, tier,
    tier_changed_on, previous_tier, tier_review_on, tier_value_12_months, next_tier, missing_to_next_tier,
    next_tier_status, points_earned, points_redeemed, points_expired, points_balance, points_expiring, points_status,
    is_birthday_month, birthday_status, entitlements, discount_rate, reward_month, reward_spend, coupon_due,
    coupon_status, cashback_due
from final
