-- On which days each partner counted its stock.
select business_date, partner_id, counted_on
from inventory_counts
group by business_date, partner_id, counted_on
