-- Market notes: of every note, the latest delivery counts.
select
    business_date, note_id, noted_on, partner_id, channel_id, region, kind, text, _sender, _file, _line, _input,
    _delivered_at
from feeds.market_notes_newest
