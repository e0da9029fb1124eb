-- Every sale line that is evidence of a conflict, once for each kind: what the findings and the cases are made of.
select
    business_date, sold_at, kind, reason, partner_id, channel_id, region, sku, order_id, line_no, promotion_id,
    quantity, net_amount, list_value, limit_price, is_adjacent, affected_partner_id, affected_partners, _input,
    _file, _line,
    cast(null as date) as war_started_on,
    cast(null as text) as first_mover_id,
    cast(null as text) as war_partners
from conflict_lines
where kind <> 'price_low'
union all
select
    business_date, sold_at, kind, reason, partner_id, channel_id, region, sku, order_id, line_no, promotion_id,
    quantity, net_amount, list_value, limit_price, is_adjacent, affected_partner_id, affected_partners, _input,
    _file, _line, started_on as war_started_on, first_mover_id, war_partners
from price_wars
