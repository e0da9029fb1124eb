-- Net sales of everything that is classified, day by day: channels, regions, partners and product categories.
select business_date, 'channel' as entity_type, channel_id as entity_id, cast(sum(net_amount) as decimal(18,4)) as net_sales
from sales_lines
group by business_date, channel_id
union all
select business_date, 'region' as entity_type, region as entity_id, cast(sum(net_amount) as decimal(18,4)) as net_sales
from sales_lines
group by business_date, region
union all
select business_date, 'partner' as entity_type, partner_id as entity_id, cast(sum(net_amount) as decimal(18,4)) as net_sales
from sales_lines
group by business_date, partner_id
union all
select business_date, 'category' as entity_type, category as entity_id, cast(sum(net_amount) as decimal(18,4)) as net_sales
from sales_lines
group by business_date, category
