-- Is each partner's stock of each product too much, too little or too old, and what to do about it?
with
positions as (
    select * from stock_positions
),
ageing as (
    select * from stock_ageing
),
turnover as (
    select * from stock_turnover
),
transfers as (
    select * from stock_transfers
),
channels as (
    select channel_id, name, manager from channels_current
),
given as (
    select
        sku,
        from_partner_id as partner_id,
        sum(units) as units,
        first_value(to_partner_id order by units desc, to_partner_id) as partner,
        string_agg(concat(to_partner_id, ':', cast(units as text)), ';' order by units desc, to_partner_id) as plan
    from transfers
    group by sku, from_partner_id
),
received as (
    select
        sku,
        to_partner_id as partner_id,
        sum(units) as units,
        string_agg(concat(from_partner_id, ':', cast(units as text)), ';' order by units desc, from_partner_id) as plan
    from transfers
    group by sku, to_partner_id
),
measured as (
    select
        positions.*,
        cast(
            cast(positions.sell_out_units as decimal(38, 4)) / nullif(positions.days_on_sale, 0) as decimal(38, 4)
        ) as average_daily_sell_out,
        cast(positions.on_hand_units as double) * positions.days_on_sale
        / nullif(cast(positions.sell_out_units as double), 0) as days_of_inventory,
        coalesce(positions.partner_status, 'active') <> 'ended' as is_supplied
    from positions
),
judged as (
    select
        measured.*,
        channels.name as channel_name,
        channels.manager as channel_manager,
        is_supplied and measured.days_of_inventory < measured.lead_time_days as below_lead_time,
        coalesce(ageing.units_age_0_30, 0) as units_age_0_30,
        coalesce(ageing.units_age_31_60, 0) as units_age_31_60,
        coalesce(ageing.units_age_61_90, 0) as units_age_61_90,
        coalesce(ageing.units_age_91_plus, 0) as units_age_91_plus,
        coalesce(ageing.units_age_unknown, 0) as units_age_unknown,
        ageing.ageing_method,
        turnover.cogs,
        turnover.average_stock_value,
        turnover.inventory_turnover,
        turnover.turnover_status,
        turnover.partner_id is not null as in_turnover,
        given.partner as transfer_partner,
        given.plan as transfer_plan,
        coalesce(given.units, 0) as transfer_out_units,
        received.plan as receive_plan,
        coalesce(received.units, 0) as transfer_in_units,
        -- Nobody supplies a partner whose cooperation has ended.
        case when is_supplied then measured.shortage_units - coalesce(received.units, 0) else 0 end as replenish_units
    from measured
    left join channels
        on measured.channel_id = channels.channel_id
    left join ageing
        on measured.partner_id = ageing.partner_id
        and measured.sku = ageing.sku
    left join turnover
        on measured.partner_id = turnover.partner_id
        and measured.sku = turnover.sku
    left join given
        on measured.partner_id = given.partner_id
        and measured.sku = given.sku
    left join received
        on measured.partner_id = received.partner_id
        and measured.sku = received.sku
),
surplus as (
    -- What is left of the surplus after the moves, if it is worth doing something about.
    select
        *,
        count_status <> 'stale_count' and sells and not is_new_item as is_advised,
        overstock_units - transfer_out_units as rest_units,
        overstock_units - transfer_out_units > $overstock_limit * on_hand_units as is_rest_large,
        sell_out_units = 0 or units_age_91_plus >= $old_stock_share * on_hand_units as is_slow
    from judged
),
parted as (
    -- Slow stock has to be sold by a promotion; stock that still moves runs down by itself once supply is reduced.
    select
        *,
        case when is_advised then case when is_rest_large and is_slow then rest_units else 0 end end as promote_units,
        case when is_advised then case when is_rest_large and not is_slow then rest_units else 0 end end
            as reduce_supply_units,
        case when is_advised then case when not is_rest_large then rest_units else 0 end end as tolerated_units
    from surplus
),
advised as (
    -- The largest part of the surplus names the advice; without surplus it is about what is short.
    select
        *,
        case
            when not is_advised or required_units is null then null
            when transfer_out_units > 0 and transfer_out_units >= promote_units + reduce_supply_units
                then concat('transfer_to ', transfer_partner)
            when promote_units > 0 then 'promote'
            when reduce_supply_units > 0 then 'reduce_supply'
            when replenish_units > 0 then concat('replenish ', cast(replenish_units as text))
            when transfer_in_units > 0 then 'receive_transfer'
            when below_lead_time and on_order_units > 0 then 'expedite'
            else 'none'
        end as advice,
        case
            when not is_advised then null
            else nullif(concat_ws(
                '; ',
                replace(nullif(concat('transfer ', transfer_plan), 'transfer '), ';', '; transfer '),
                case when promote_units > 0 then concat('promote ', cast(promote_units as text)) end,
                case when reduce_supply_units > 0 then concat('reduce_supply ', cast(reduce_supply_units as text)) end,
                case when tolerated_units > 0 then concat('keep ', cast(tolerated_units as text)) end,
                replace(nullif(concat('receive ', receive_plan), 'receive '), ';', '; receive '),
                case when replenish_units > 0 then concat('replenish ', cast(replenish_units as text)) end,
                case when below_lead_time and on_order_units > 0
                    then concat('expedite ', cast(on_order_units as text)) end
            ), '')
        end as advice_parts,
        case
            when count_status = 'stale_count' then 'stale_count'
            when not sells then 'no_sales_feed'
            when is_new_item then 'new_item'
            when required_units is null then 'no_days_on_sale'
        end as advice_status
    from parted
),
final as (
    select
        $as_of_date as as_of_date,
        partner_id,
        partner_name,
        partner_manager,
        channel_id,
        channel_name,
        channel_manager,
        sku,
        product_name,
        category,
        counted_on,
        count_age_days,
        count_status,
        reported_quantity,
        on_hand_units,
        on_order_units,
        unit_cost,
        stock_value,
        case when sells then sell_out_units end as sell_out_units,
        case when sells then days_on_sale end as days_on_sale,
        case when sells then average_daily_sell_out end as average_daily_sell_out,
        case when sells then days_of_inventory end as days_of_inventory,
        case when sells then days_of_inventory / 7 end as weeks_of_supply,
        case
            when not sells then 'no_sales_feed'
            when days_on_sale = 0 then 'no_days_on_sale'
            when sell_out_units = 0 then 'no_sales'
        end as cover_status,
        case when sells then cogs end as cogs,
        average_stock_value,
        case when sells then inventory_turnover end as inventory_turnover,
        case
            when not sells then 'no_sales_feed'
            when not in_turnover then 'no_stock'
            else turnover_status
        end as turnover_status,
        lead_time_days,
        required_units,
        overstock_units,
        overstock_value,
        case when not is_new_item then cast(overstock_value as double) / nullif(cast(stock_value as double), 0) end
            as overstock_rate,
        partner_overstock_rate,
        case
            when not sells then 'no_sales_feed'
            when stock_value is null then 'no_cost'
            when stock_value = 0 then 'no_stock'
            when is_new_item then 'new_item'
        end as overstock_status,
        shortage_units,
        -- What does not sell cannot run out; of what was not there to be sold nobody can tell.
        case when sells and days_on_sale > 0 then sell_out_units > 0 and below_lead_time end as is_stockout_risk,
        units_age_0_30,
        units_age_31_60,
        units_age_61_90,
        units_age_91_plus,
        units_age_unknown,
        cast(units_age_0_30 * unit_cost as decimal(18, 4)) as value_age_0_30,
        cast(units_age_31_60 * unit_cost as decimal(18, 4)) as value_age_31_60,
        cast(units_age_61_90 * unit_cost as decimal(18, 4)) as value_age_61_90,
        cast(units_age_91_plus * unit_cost as decimal(18, 4)) as value_age_91_plus,
        cast(units_age_unknown * unit_cost as decimal(18, 4)) as value_age_unknown,
        case when on_hand_units = 0 then 'no_stock' else ageing_method end as ageing_status,
        transfer_out_units,
        transfer_plan,
        transfer_in_units,
        receive_plan,
        case when count_status <> 'stale_count' then replenish_units end as replenish_units,
        promote_units,
        reduce_supply_units,
        tolerated_units,
        advice,
        advice_parts,
        advice_status
    from advised
)
select
    as_of_date, partner_id, partner_name, partner_manager, channel_id, channel_name, channel_manager, sku, product_name,
    category, counted_on, count_age_days, count_status, reported_quantity, on_hand_units, on_order_units, unit_cost,
    stock_value, sell_out_units, days_on_sale, average_daily_sell_out, days_of_inventory, weeks_of_supply, cover_status,
    cogs, average_stock_value, inventory_turnover, turnover_status, lead_time_days, required_units, overstock_units,
    overstock_value, overstock_rate, partner_overstock_rate, overstock_status, shortage_units, is_stockout_risk,
    units_age_0_30, units_age_31_60, units_age_61_90, units_age_91_plus, units_age_unknown, value_age_0_30,
    value_age_31_60, value_age_61_90, value_age_91_plus, value_age_unknown, ageing_status, transfer_out_units,
    transfer_plan, transfer_in_units, receive_plan, replenish_units, promote_units, reduce_supply_units,
    tolerated_units, advice, advice_parts, advice_status
from final
