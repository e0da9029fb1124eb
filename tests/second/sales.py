"""Sales by day, partner, channel, region and article, and what channels and partners come to by month and day."""


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
