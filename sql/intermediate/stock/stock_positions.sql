-- Where each partner's stock of each product stands: its latest count, against what it sells.
-- A product that the latest snapshot leaves out has no stock; one that sells without stock is still a row.
with
counts as (
    select
        business_date as counted_on, partner_id, sku, on_hand_quantity, on_hand_units, on_order_quantity, unit_cost,
        oldest_receipt_on
    from stock_last_counts
    where business_date <= $as_of_date
),
sales as (
    select partner_id, sku, business_date, sale_type, quantity
    from sales_lines
    where business_date > $as_of_date - $demand_window_days and business_date <= $as_of_date
),
products as (
    select sku, name, category, unit_cost, lead_time_days, launched_on
    from products_current
),
partners as (
    select partner_id, name, channel_id, territory, status, manager
    from partners_current
),
latest_snapshots as (
    select partner_id, max(counted_on) as counted_on
    from stock_snapshots
    where counted_on <= $as_of_date
    group by partner_id
),
latest_counts as (
    select counts.*
    from counts
    inner join latest_snapshots
        on counts.partner_id = latest_snapshots.partner_id
        and counts.counted_on = latest_snapshots.counted_on
),
sellers as (
    select distinct partner_id
    from partner_senders
    where month_start <= $as_of_date
),
demand as (
    -- Returns come back into stock, so they lower demand; adjustments move money, not goods.
    select partner_id, sku, sum(quantity) as net_units
    from sales
    where sale_type in ('sale', 'return')
    group by partner_id, sku
),
sold_without_stock as (
    select demand.partner_id, demand.sku, latest_snapshots.counted_on
    from demand
    inner join latest_snapshots
        on demand.partner_id = latest_snapshots.partner_id
    left anti join latest_counts
        on demand.partner_id = latest_counts.partner_id
        and demand.sku = latest_counts.sku
    where demand.net_units > 0
),
positions as (
    select partner_id, sku, counted_on, on_hand_quantity, on_hand_units, on_order_quantity, unit_cost, oldest_receipt_on
    from latest_counts
    union all
    select
        partner_id, sku, counted_on, cast(null as bigint), cast(0 as bigint), cast(null as bigint),
        cast(null as decimal(18, 4)), cast(null as date)
    from sold_without_stock
),
described as (
    select
        positions.partner_id,
        coalesce(partners.name, positions.partner_id) as partner_name,
        partners.channel_id,
        partners.territory,
        partners.status as partner_status,
        partners.manager as partner_manager,
        positions.sku,
        coalesce(products.name, positions.sku) as product_name,
        products.category,
        positions.counted_on,
        $as_of_date - positions.counted_on as count_age_days,
        positions.on_hand_quantity as reported_quantity,
        positions.on_hand_units,
        coalesce(positions.on_order_quantity, 0) as on_order_units,
        coalesce(positions.unit_cost, products.unit_cost) as unit_cost,
        positions.oldest_receipt_on,
        sellers.partner_id is not null as sells,
        greatest(coalesce(demand.net_units, 0), 0) as sell_out_units,
        coalesce(products.lead_time_days, $lead_time_default_days) as lead_time_days,
        coalesce($as_of_date - products.launched_on < $new_item_days, false) as launched_lately
    from positions
    left join partners
        on positions.partner_id = partners.partner_id
    left join products
        on positions.sku = products.sku
    left join demand
        on positions.partner_id = demand.partner_id
        and positions.sku = demand.sku
    left join sellers
        on positions.partner_id = sellers.partner_id
),
needed as (
    -- Rounded up to whole units: half a box is not on the shelf.
    select
        *,
        sells and sell_out_units = 0 and launched_lately as is_new_item,
        case when sells then
            (sell_out_units * (lead_time_days + $review_days + $safety_days) + $demand_window_days - 1)
            / $demand_window_days
        end as required_units
    from described
),
final as (
    select
        partner_id, partner_name, channel_id, territory, partner_status, partner_manager, sku, product_name, category,
        counted_on, count_age_days, reported_quantity, on_hand_units, on_order_units, unit_cost,
        cast(on_hand_units * unit_cost as decimal(18, 4)) as stock_value,
        oldest_receipt_on,
        case
            when count_age_days > $stale_count_days then 'stale_count'
            when reported_quantity is null then 'absent_from_snapshot'
            when reported_quantity < 0 then 'negative_count'
            else 'ok'
        end as count_status,
        sells,
        is_new_item,
        sell_out_units,
        lead_time_days,
        required_units,
        case
            when is_new_item then 0
            when sells then greatest(on_hand_units - required_units, 0)
        end as overstock_units,
        case when sells then greatest(required_units - on_hand_units - on_order_units, 0) end as shortage_units
    from needed
)
select
    partner_id, partner_name, channel_id, territory, partner_status, partner_manager, sku, product_name, category,
    counted_on, count_age_days, reported_quantity, on_hand_units, on_order_units, unit_cost, stock_value,
    oldest_receipt_on, count_status, sells, is_new_item, sell_out_units, lead_time_days, required_units,
    overstock_units, shortage_units
from final
