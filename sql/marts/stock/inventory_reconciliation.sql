-- Does each partner's stock add up from month to month, and is the channel being filled beyond what it sells?
with
roll as (
    select * from stock_roll
),
partners as (
    select partner_id, name, channel_id, manager from partners_current
),
products as (
    select sku, name, unit_cost from products_current
),
feeds as (
    select
        (select count(*) from system.feeds where feed = 'shipments' and arrived) > 0 as has_shipments
),
sellers as (
    select distinct partner_id from partner_senders
),
missing_files as (
    select distinct partner_id, business_date
    from coverage_days
    where not is_delivered
),
periods as (
    select distinct month_start, partner_id, opening_counted_on, closing_counted_on from roll
),
gaps as (
    select periods.month_start, periods.partner_id, count(*) as sales_days_missing
    from periods
    inner join missing_files
        on periods.partner_id = missing_files.partner_id
        and missing_files.business_date > coalesce(periods.opening_counted_on, periods.month_start - 1)
        and missing_files.business_date <= periods.closing_counted_on
    group by periods.month_start, periods.partner_id
),
priced as (
    select
        roll.*,
        coalesce(roll.unit_cost, products.unit_cost) as cost,
        products.name as product_name,
        cast(roll.closing_counted_on - coalesce(roll.opening_counted_on, roll.month_start - 1) as double) as days,
        case
            when not feeds.has_shipments then 'no_shipments'
            when sellers.partner_id is null then 'no_sales_feed'
            when roll.opening_units is null then 'no_opening_count'
        end as reconciliation_status
    from roll
    cross join feeds
    left join products
        on roll.sku = products.sku
    left join sellers
        on roll.partner_id = sellers.partner_id
),
compared as (
    select
        *,
        case when reconciliation_status is null then opening_units + sell_in_units end as available_units,
        case when reconciliation_status is null then opening_units + sell_in_units - sell_out_units
        end as expected_closing_units
    from priced
),
varied as (
    select *, closing_units - expected_closing_units as variance_units
    from compared
),

-- Stuffing is judged by product, and over all products of the partner at cost.
by_product as (
    select
        month_start, partner_id, sku,
        cast(sell_in_units as double) as came,
        cast(sell_out_units as double) as went,
        sell_in_units - sell_out_units as excess_units,
        (sell_in_units - sell_out_units) * cost as excess_value,
        cast(greatest(closing_units, 0) as double) * days / nullif(cast(greatest(sell_out_units, 0) as double), 0)
            as days_of_inventory
    from varied
    where reconciliation_status is null or reconciliation_status = 'no_opening_count'
),
by_partner as (
    select
        month_start,
        partner_id,
        '' as sku,
        cast(sum(sell_in_units * cost) as double) as came,
        cast(sum(sell_out_units * cost) as double) as went,
        sum(sell_in_units - sell_out_units) as excess_units,
        sum((sell_in_units - sell_out_units) * cost) as excess_value,
        cast(sum(greatest(closing_units, 0) * cost) as double) * max(days)
        / nullif(cast(sum(greatest(sell_out_units, 0) * cost) as double), 0) as days_of_inventory
    from varied
    where reconciliation_status is null or reconciliation_status = 'no_opening_count'
    group by month_start, partner_id
),
paces as (
    select * from by_product
    union all
    select * from by_partner
),
judged as (
    -- Nothing sold while goods came in is the plainest case; its days of inventory have no end.
    select
        *,
        -- A few units, or little money, fill no channel; where the cost is not known the units have to tell.
        came > 0
        and came >= $stuffing_ratio * greatest(went, 0)
        and excess_units >= $stuffing_units_min
        and coalesce(excess_value >= $stuffing_value_min, true) as is_overfilled,
        lag(days_of_inventory) over (partition by partner_id, sku order by month_start) as days_before,
        extract(year from month_start) * 12 + extract(month from month_start) as month_no
    from paces
),
islands as (
    -- Months in a row share the difference between their number and their rank.
    select
        *,
        month_no - row_number() over (partition by partner_id, sku, is_overfilled order by month_no) as island
    from judged
),
stuffed as (
    select
        month_start,
        partner_id,
        sku,
        days_of_inventory,
        is_overfilled
        and row_number() over (
            partition by partner_id, sku, is_overfilled, island order by month_no
        ) >= $stuffing_months
        and (days_of_inventory is null or coalesce(days_of_inventory > days_before, false)) as is_stuffed
    from islands
),
joined as (
    select
        varied.*,
        of_product.days_of_inventory,
        coalesce(gaps.sales_days_missing, 0) as sales_days_missing,
        of_product.is_stuffed,
        of_partner.is_stuffed as is_partner_stuffed,
        coalesce(partners.name, varied.partner_id) as partner_name,
        partners.channel_id,
        partners.manager as partner_manager
    from varied
    left join stuffed as of_product
        on varied.month_start = of_product.month_start
        and varied.partner_id = of_product.partner_id
        and varied.sku = of_product.sku
    left join stuffed as of_partner
        on varied.month_start = of_partner.month_start
        and varied.partner_id = of_partner.partner_id
        and of_partner.sku = ''
    left join gaps
        on varied.month_start = gaps.month_start
        and varied.partner_id = gaps.partner_id
    left join partners
        on varied.partner_id = partners.partner_id
),
final as (
    select
        to_char(month_start, '%Y-%m') as month,
        month_start,
        cast(month_start + interval '1 month' as date) > $as_of_date + 1 as is_provisional,
        partner_id,
        partner_name,
        partner_manager,
        channel_id,
        sku,
        coalesce(product_name, sku) as product_name,
        opening_counted_on,
        closing_counted_on,
        opening_units,
        sell_in_units,
        sell_out_units,
        expected_closing_units,
        closing_units,
        cast(cost as decimal(18, 4)) as unit_cost,
        variance_units,
        cast(variance_units * cost as decimal(18, 4)) as variance_value,
        case when available_units > 0 then
            cast(variance_units as double) / nullif(cast(available_units as double), 0)
        end as variance_rate,
        coalesce(
            reconciliation_status,
            case when available_units <= 0 then 'nothing_available' end
        ) as reconciliation_status,
        sales_days_missing,
        abs(variance_units) > $reconciliation_tolerance_units
        and abs(variance_units) > $reconciliation_tolerance_rate * greatest(available_units, 0) as is_breach,
        days_of_inventory,
        is_stuffed,
        is_partner_stuffed
    from joined
)
select
    month, month_start, is_provisional, partner_id, partner_name, partner_manager, channel_id, sku, product_name,
    opening_counted_on, closing_counted_on, opening_units, sell_in_units, sell_out_units, expected_closing_units, closing_units,
    unit_cost, variance_units, variance_value, variance_rate, reconciliation_status, sales_days_missing, is_breach,
    days_of_inventory, is_stuffed, is_partner_stuffed
from final
