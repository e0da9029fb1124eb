-- Redeemed points: of every redemption, the latest delivery counts.
with ranked as (
    select
        *,
        row_number() over (
            partition by redemption_id
            order by _delivered_at desc, _input desc, _file desc, _line desc
        ) as newest_row
    from feeds.points_redemptions
)

select
    business_date,
    redemption_id,
    customer_id,
    redeemed_at,
    points,
    _sender,
    _file,
    _line,
    _input,
    _delivered_at
from ranked
where newest_row = 1
