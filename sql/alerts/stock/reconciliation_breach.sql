-- Partners whose stock of the last closed month does not add up, or whose stock is being filled beyond what they sell.
with
closed as (
    select * from inventory_reconciliation where not is_provisional
),
last_month as (
    select max(month_start) as month_start from closed
),
partners as (
    select partner_id, channel_id from partners_current
),
channels as (
    select channel_id, manager from channels_current
),
rows_of_month as (
    select closed.*, coalesce(abs(closed.variance_value), cast(0 as decimal(38, 4))) as variance_size
    from closed
    inner join last_month
        on closed.month_start = last_month.month_start
),
ranked as (
    select *, row_number() over (
        partition by partner_id order by is_breach desc, variance_size desc, sku
    ) as place
    from rows_of_month
),
summed as (
    select
        partner_id,
        count(*) filter (where is_breach) as products,
        sum(abs(variance_value)) filter (where is_breach) as variance_value,
        sum((sell_in_units - sell_out_units) * unit_cost) as excess_value,
        string_agg(
            product_name || ' (' || sku || ') ' || cast(variance_units as text), '; ' order by place
        ) filter (where is_breach and place <= $mail_products_max) as top_products,
        bool_or(is_partner_stuffed) as is_stuffed,
        max(sales_days_missing) as sales_days_missing,
        sum(sell_in_units) as sell_in_units,
        sum(sell_out_units) as sell_out_units
    from ranked
    group by partner_id
),
final as (
    select
        summed.partner_id,
        ranked.partner_name,
        ranked.partner_manager,
        channels.manager as channel_manager,
        ranked.month,
        summed.products,
        cast(summed.variance_value as double) as variance_value,
        -- What the finding is about: goods that are not where they should be, or that came beyond what was sold.
        cast(
            case when summed.is_stuffed then summed.excess_value else summed.variance_value end as double
        ) as at_stake,
        summed.top_products,
        summed.is_stuffed,
        cast($stuffing_ratio as double) as stuffing_ratio,
        $stuffing_months as stuffing_months,
        summed.sales_days_missing,
        summed.sell_in_units,
        summed.sell_out_units,
        ranked.sku as worst_sku,
        ranked.product_name as worst_product,
        ranked.expected_closing_units as worst_expected,
        ranked.closing_units as worst_counted
    from summed
    inner join ranked
        on summed.partner_id = ranked.partner_id
        and ranked.place = 1
    left join partners
        on summed.partner_id = partners.partner_id
    left join channels
        on partners.channel_id = channels.channel_id
    where summed.products > 0 or summed.is_stuffed
)
select
    partner_id, partner_name, partner_manager, channel_manager, month, products, variance_value, at_stake, top_products,
    is_stuffed, stuffing_ratio, stuffing_months, sales_days_missing, sell_in_units, sell_out_units, worst_sku,
    worst_product, worst_expected, worst_counted
from final
