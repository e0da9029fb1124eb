-- Partners about to run out of products that sell: stock lasts less long than a replacement takes.
with
stock as (
    select *
    from inventory_health
    where is_stockout_risk and advice_status is null and sell_out_units > 0
),
partners as (
    select partner_id, name from partners_current
),
ranked as (
    -- What is empty or nearly so comes first; among equals, what sells most money.
    select
        *,
        -- What will not be sold before a replacement can be there, at cost.
        cast(average_daily_sell_out * unit_cost as double) * (lead_time_days - days_of_inventory) as sales_at_risk,
        row_number() over (
            partition by partner_id order by days_of_inventory, average_daily_sell_out * unit_cost desc, sku
        ) as place
    from stock
),
summed as (
    select
        partner_id,
        count(*) as products,
        count(*) filter (where on_hand_units = 0) as products_empty,
        sum(replenish_units) as replenish_units,
        sum(sales_at_risk) as sales_at_risk,
        string_agg(
            product_name || ' (' || sku || ') ' || cast(on_hand_units as text), '; ' order by place
        ) filter (where place <= $mail_products_max) as top_products
    from ranked
    group by partner_id
),
final as (
    select
        ranked.as_of_date,
        ranked.partner_id,
        ranked.partner_name,
        ranked.partner_manager,
        ranked.channel_manager,
        summed.products,
        summed.products_empty,
        case when summed.products_empty > 0 then 'warning' else 'info' end as severity,
        summed.replenish_units as replenish_in_all,
        summed.sales_at_risk,
        summed.top_products,
        ranked.sku as worst_sku,
        ranked.product_name as worst_product,
        ranked.days_of_inventory as worst_days,
        ranked.on_hand_units as worst_on_hand,
        ranked.on_order_units as worst_on_order,
        ranked.lead_time_days as worst_lead_time_days,
        ranked.replenish_units as worst_replenish_units,
        ranked.transfer_in_units as worst_transfer_units,
        givers.partner_id as worst_transfer_from,
        coalesce(givers.name, givers.partner_id) as worst_transfer_name,
        cast(ranked.average_daily_sell_out as double) as worst_daily_units
    from ranked
    inner join summed
        on ranked.partner_id = summed.partner_id
    left join partners as givers
        on split_part(split_part(ranked.receive_plan, ';', 1), ':', 1) = givers.partner_id
    where ranked.place = 1
)
select
    as_of_date, partner_id, partner_name, partner_manager, channel_manager, products, products_empty, severity,
    replenish_in_all, sales_at_risk, top_products, worst_sku, worst_product, worst_days, worst_on_hand, worst_on_order,
    worst_lead_time_days, worst_replenish_units, worst_transfer_units, worst_transfer_from, worst_transfer_name,
    worst_daily_units
from final
