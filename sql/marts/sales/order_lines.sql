-- Every clean line that was sold, brought back or corrected, with the same amounts as sales_daily: those add up to these.
with lines as (
    select *
    from sales_lines
)

select
    business_date,
    sold_at,
    cast(sold_at at time zone $time_zone as date) as sold_on,
    partner_id,
    channel_id,
    region,
    order_id,
    partner_id || ' / ' || order_id as order_key,
    line_no,
    customer_id,
    sku,
    category,
    sale_type,
    promotion_id,
    promised_on,
    delivered_on,
    cast(case when sale_type = 'sale' then gross_amount else 0 end as decimal(18,4)) as gross_sales,
    cast(case when sale_type = 'sale' then discount_amount else 0 end as decimal(18,4)) as discounts,
    cast(case when sale_type = 'return' then -net_amount else 0 end as decimal(18,4)) as returns,
    cast(case when sale_type = 'adjustment' then net_amount else 0 end as decimal(18,4)) as adjustments,
    net_amount as net_sales,
    case when sale_type = 'adjustment' then 0 else quantity end as units,
    list_value as list_price_value,
    cost_amount,
    rate_status as net_sales_status,
    unit_price as source_unit_price,
    source_net_amount as source_net_sales,
    currency,
    _sender as sender,
    _file as file,
    _line as line
from lines
