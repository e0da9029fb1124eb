-- Complaints: of every complaint, the latest delivery counts.
select
    business_date, complaint_id, customer_id, partner_id, channel_id, medium, opened_at, first_response_at,
    resolved_at, paused_hours, category, stage, severity, _sender, _file, _line, _input, _delivered_at
from feeds.complaints_newest
