-- Units that each partner sold of each article by month, returns deducted: small enough to be read whole.
select
    cast(date_trunc('month', business_date) as date) as month_start,
    partner_id,
    sku,
    coalesce(sum(quantity) filter (where sale_type <> 'adjustment'), 0) as units
from sales_lines
group by cast(date_trunc('month', business_date) as date), partner_id, sku
