-- Survey responses: of every response, the latest delivery counts.
select
    business_date, response_id, customer_id, partner_id, channel_id, stage, score, answered_at, theme, comment,
    _sender, _file, _line, _input, _delivered_at
from feeds.surveys_newest
