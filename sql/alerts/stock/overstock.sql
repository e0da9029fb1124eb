-- Partners whose stock is worth too much more than they need, with the product that matters most and what to do.
with
stock as (
    select *
    from inventory_health
    where count_status <> 'stale_count' and overstock_value is not null
),
transfers as (
    select sku, from_partner_id, to_partner_id, units from stock_transfers
),
partners as (
    select partner_id, name from partners_current
),
channel_rates as (
    select
        channel_id,
        cast(sum(overstock_value) as double) / nullif(cast(sum(stock_value) as double), 0) as overstock_rate
    from stock
    group by channel_id
),
over as (
    select *
    from stock
    where partner_overstock_rate > $overstock_limit and overstock_units > 0
),
ranked as (
    -- Products with something to do come first, then by the money they tie up.
    select
        *,
        row_number() over (
            partition by partner_id order by advice = 'none', overstock_value desc, sku
        ) as place
    from over
),
summed as (
    select
        partner_id,
        count(*) as products,
        string_agg(
            product_name || ' (' || sku || ') +' || cast(overstock_units as text), '; ' order by place
        ) filter (where place <= $mail_products_max) as top_products,
        string_agg(
            replace(product_name, ';', ',') || '|' || cast(required_units as text) || '|' || cast(overstock_units as text),
            ';' order by place
        ) filter (where place <= $mail_products_max) as product_bars,
        cast(sum(transfer_out_units * unit_cost) as double) as transfer_value,
        cast(sum(promote_units * unit_cost) as double) as promote_value,
        cast(sum(reduce_supply_units * unit_cost) as double) as reduce_supply_value
    from ranked
    group by partner_id
),
totals as (
    select partner_id, sum(stock_value) as stock_value, sum(overstock_value) as overstock_value
    from stock
    group by partner_id
),
first_moves as (
    select sku, from_partner_id, to_partner_id, units
    from transfers
    qualify row_number() over (partition by sku, from_partner_id order by units desc, to_partner_id) = 1
),
final as (
    select
        ranked.as_of_date,
        ranked.partner_id,
        ranked.partner_name,
        ranked.partner_manager,
        ranked.channel_id,
        coalesce(ranked.channel_name, ranked.channel_id) as channel_name,
        ranked.channel_manager,
        ranked.partner_overstock_rate as overstock_rate,
        cast($overstock_limit as double) as overstock_limit,
        channel_rates.overstock_rate as channel_overstock_rate,
        cast(totals.stock_value as double) as stock_value,
        cast(totals.overstock_value as double) as overstock_value,
        summed.products,
        summed.top_products,
        summed.product_bars,
        summed.transfer_value,
        summed.promote_value,
        summed.reduce_supply_value,
        ranked.sku as worst_sku,
        ranked.product_name as worst_product,
        ranked.overstock_units as worst_units,
        ranked.required_units as worst_required_units,
        ranked.promote_units as worst_promote_units,
        ranked.reduce_supply_units as worst_reduce_units,
        cast(ceil(
            cast(ranked.overstock_units as double) / nullif(cast(ranked.average_daily_sell_out as double), 0)
        ) as bigint) as worst_days_to_clear,
        first_moves.units as transfer_units,
        first_moves.to_partner_id as transfer_partner_id,
        coalesce(partners.name, first_moves.to_partner_id) as transfer_partner_name
    from ranked
    inner join summed
        on ranked.partner_id = summed.partner_id
    inner join totals
        on ranked.partner_id = totals.partner_id
    left join channel_rates
        on ranked.channel_id = channel_rates.channel_id
    left join first_moves
        on ranked.partner_id = first_moves.from_partner_id
        and ranked.sku = first_moves.sku
    left join partners
        on first_moves.to_partner_id = partners.partner_id
    where ranked.place = 1
)
select
    as_of_date, partner_id, partner_name, partner_manager, channel_id, channel_name, channel_manager, overstock_rate,
    overstock_limit, channel_overstock_rate, stock_value, overstock_value, products, top_products, product_bars,
    transfer_value, promote_value, reduce_supply_value, worst_sku, worst_product, worst_units, worst_required_units,
    worst_promote_units, worst_reduce_units, worst_days_to_clear, transfer_units, transfer_partner_id, transfer_partner_name
from final
