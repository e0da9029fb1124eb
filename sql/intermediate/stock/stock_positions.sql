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
presence as (
    select partner_id, sku, business_date, state, since
    from stock_presence
    where business_date > $as_of_date - $demand_window_days and business_date <= $as_of_date
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
    select
        partner_id,
        sku,
        sum(quantity) as net_units,
        min(business_date) filter (where sale_type = 'sale') as first_sold_on
    from sales
    where sale_type in ('sale', 'return')
    group by partner_id, sku
),
arrivals as (
    select partner_id, sku, max(since) as arrived_on
    from presence
    where state = 'arrived'
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
        null, cast(null as date)
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
        coalesce(products.launched_on > $as_of_date - $new_item_days, false)
        or coalesce(arrivals.arrived_on > $as_of_date - $new_item_days, false) as is_new_here,
        -- From its launch, or its arrival at this partner; what was sold before its launch was on sale before it.
        greatest(
            $as_of_date - $demand_window_days + 1,
            arrivals.arrived_on,
            case when products.launched_on is not null then least(products.launched_on, demand.first_sold_on) end
        ) as on_sale_from
    from positions
    left join partners
        on positions.partner_id = partners.partner_id
    left join products
        on positions.sku = products.sku
    left join demand
        on positions.partner_id = demand.partner_id
        and positions.sku = demand.sku
    left join arrivals
        on positions.partner_id = arrivals.partner_id
        and positions.sku = arrivals.sku
    left join sellers
        on positions.partner_id = sellers.partner_id
),
gone as (
    select described.partner_id, described.sku, count(*) as missing_days
    from described
    inner join presence
        on described.partner_id = presence.partner_id
        and described.sku = presence.sku
        and presence.business_date >= described.on_sale_from
    where presence.state = 'missing'
    group by described.partner_id, described.sku
),
timed as (
    select
        described.*,
        greatest($as_of_date - described.on_sale_from + 1 - coalesce(gone.missing_days, 0), 0) as days_on_sale
    from described
    left join gone
        on described.partner_id = gone.partner_id
        and described.sku = gone.sku
),
needed as (
    -- Rounded up to whole units: half a box is not on the shelf. Who had none of it all the time shows no demand.
    select
        *,
        sells and sell_out_units = 0 and is_new_here as is_new_item,
        case when sells and days_on_sale > 0 then
            cast(ceil(
                cast(sell_out_units * (lead_time_days + $review_days + $safety_days) as double) / days_on_sale
            ) as bigint)
        end as required_units
    from timed
),
judged as (
    select
        *,
        case
            when not sells then null
            when is_new_item or on_hand_units = 0 then 0
            else greatest(on_hand_units - required_units, 0)
        end as overstock_units
    from needed
),
valued as (
    select
        *,
        on_hand_units * unit_cost as stock_value,
        overstock_units * unit_cost as overstock_value
    from judged
),
rated as (
    select
        partner_id,
        cast(sum(overstock_value) as double) / nullif(cast(sum(stock_value) as double), 0) as partner_overstock_rate
    from valued
    group by partner_id
),
final as (
    select
        valued.*,
        rated.partner_overstock_rate,
        case
            when count_age_days > $stale_count_days then 'stale_count'
            when reported_quantity is null then 'absent_from_snapshot'
            when reported_quantity < 0 then 'negative_count'
            else 'ok'
        end as count_status,
        case when required_units is not null then greatest(required_units - on_hand_units - on_order_units, 0) end
            as shortage_units
    from valued
    inner join rated
        on valued.partner_id = rated.partner_id
)
select
    partner_id, partner_name, channel_id, territory, partner_status, partner_manager, sku, product_name, category,
    counted_on, count_age_days, reported_quantity, on_hand_units, on_order_units, unit_cost, stock_value,
    oldest_receipt_on, count_status, sells, is_new_item, sell_out_units, days_on_sale, lead_time_days, required_units,
    overstock_units, overstock_value, partner_overstock_rate, shortage_units
from final
