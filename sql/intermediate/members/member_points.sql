-- Points of members that were redeemed or expired. Used points come off the oldest ones, so of what was earned by a
-- day, that much is expired by then that was not used before; the most that ever was, as nothing comes back.
with
members as (
    select customer_id, joined_on from customers_current
),
days as (
    select business_date, customer_id, net_amount from customer_days where business_date <= $as_of_date
),
redemptions as (
    select business_date, customer_id, points from stg_points_redemptions where business_date <= $as_of_date
),

expiring_days as (
    select customer_id, business_date, cast(trunc(net_amount * $points_per_unit) as bigint) as points
    from days
    where net_amount > 0 and add_months(business_date, $points_valid_months) <= $as_of_date
),
expiries as (
    select
        expiring_days.customer_id,
        add_months(expiring_days.business_date, $points_valid_months) as on_day,
        0 as place,
        sum(expiring_days.points) as points
    from expiring_days
    inner join members
        on expiring_days.customer_id = members.customer_id
        and expiring_days.business_date >= members.joined_on
    group by expiring_days.customer_id, add_months(expiring_days.business_date, $points_valid_months)
),
taken_back as (
    select
        days.customer_id,
        days.business_date as on_day,
        1 as place,
        cast(trunc(days.net_amount * $points_per_unit) as bigint) as points
    from days
    inner join members
        on days.customer_id = members.customer_id
        and days.business_date >= members.joined_on
    where days.net_amount < 0
),
uses as (
    select customer_id, business_date as on_day, 1 as place, -points as points from redemptions
    union all
    select customer_id, on_day, place, points from taken_back
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
    -- Points expire as their last day ends, before anything of the next day is used.
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
final as (
    select
        coalesce(expired.customer_id, redeemed.customer_id) as customer_id,
        coalesce(expired.points, 0) as points_expired,
        coalesce(redeemed.points, 0) as points_redeemed
    from expired
    full join redeemed
        on expired.customer_id = redeemed.customer_id
)
select customer_id, points_expired, points_redeemed
from final
