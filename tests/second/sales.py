"""Sales line by line, and by day, partner, channel, region and article."""


def order_lines(world):
    world.sql("""
        create table m_order_lines as
        select day as business_date, sold_at, local_day(sold_at) as sold_on, partner_id, channel_id, region, order_id,
            partner_id || ' / ' || order_id as order_key, line_no, customer_id, sku, coalesce(category, 'unknown') as category,
            sale_type, promotion_id, promised_on, delivered_on,
            case when sale_type = 'sale' then gross else 0 end as gross_sales,
            case when sale_type = 'sale' then discount else 0 end as discounts,
            case when sale_type = 'return' then -net else 0 end as returns,
            case when sale_type = 'adjustment' then net else 0 end as adjustments, net as net_sales,
            case when sale_type = 'adjustment' then 0 else quantity end as units,
            case when sale_type = 'adjustment' then 0 else quantity end * list_price as list_price_value,
            case when sale_type = 'adjustment' then 0 else quantity end * unit_cost as cost_amount,
            case when is_stale then 'stale_rate' end as net_sales_status, unit_price as source_unit_price,
            net_source as source_net_sales, currency, _sender as sender, _file as file, _line as line
        from lines
    """)


def sales_daily(world):
    world.sql("""
        create table m_sales_daily as
        select day as business_date, partner_id, channel_id, region, sku, any_value(category) as category,
            coalesce(sum(gross) filter (sale_type = 'sale'), 0) as gross_sales,
            coalesce(sum(discount) filter (sale_type = 'sale'), 0) as discounts,
            coalesce(-sum(net) filter (sale_type = 'return'), 0) as returns,
            coalesce(sum(net) filter (sale_type = 'adjustment'), 0) as adjustments,
            sum(net) as net_sales,
            cast(coalesce(sum(quantity) filter (sale_type <> 'adjustment'), 0) as bigint) as units,
            count(distinct order_key) filter (sale_type = 'sale') as orders,
            count(distinct customer_id) filter (sale_type = 'sale') as customers,
            coalesce(sum(quantity * list_price) filter (sale_type <> 'adjustment'), 0) as list_price_value,
            coalesce(sum(quantity * unit_cost) filter (sale_type <> 'adjustment'), 0) as cost_amount,
            case when bool_or(is_stale) then 'stale_rate' end as net_sales_status
        from lines group by all
    """)
