-- Partner reviews: of every partner × period × reviewer, the latest delivery counts.
select
    business_date, partner_id, period, reviewer, service_score, logistics_score, cooperation_score,
    brand_alignment_score, comment, _sender, _file, _line, _input, _delivered_at
from feeds.partner_reviews_newest
