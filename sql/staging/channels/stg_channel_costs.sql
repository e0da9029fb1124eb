-- Channel costs: of every channel, partner, month and type the newest row, whichever snapshot brought it.
select
    channel_id, partner_id, month, cost_type, amount, currency, _sender, _file, _line, _input
from feeds.channel_costs_newest
