-- Redeemed points: of every redemption, the latest delivery counts.
select
    business_date, redemption_id, customer_id, redeemed_at, points, _sender, _file, _line, _input, _delivered_at
from feeds.points_redemptions_newest
