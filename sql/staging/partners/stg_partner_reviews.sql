-- Partner reviews: of every partner × period × reviewer, the latest delivery counts.
with ranked as (
    select
        *,
        row_number() over (
            partition by partner_id, period, reviewer
            order by _delivered_at desc, _input desc, _file desc, _line desc
        ) as newest_row
    from feeds.partner_reviews
)

select
    business_date,
    partner_id,
    period,
    reviewer,
    service_score,
    logistics_score,
    cooperation_score,
    brand_alignment_score,
    comment,
    _sender,
    _file,
    _line,
    _input,
    _delivered_at
from ranked
where newest_row = 1
