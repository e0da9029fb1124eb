-- From one month's count to the next: what was there, what came in, what was sold, what is there. Goods move
-- between the two counts themselves, so a count that was not taken on the month's last day does no harm.
with
counts as (
    select partner_id, sku, counted_on, on_hand_quantity, unit_cost
    from inventory_counts
),
shipments as (
    select partner_id, sku, business_date, quantity
    from sell_in_lines
),
sales as (
    select partner_id, sku, business_date, quantity
    from sales_lines
    where sale_type in ('sale', 'return')
),
snapshots as (
    select partner_id, counted_on, cast(date_trunc('month', counted_on) as date) as month_start
    from counts
    group by partner_id, counted_on
),
closings as (
    select partner_id, month_start, max(counted_on) as closing_counted_on
    from snapshots
    group by partner_id, month_start
),
periods as (
    -- The opening is the last count before the month, unless it is too old to speak for the month's first day.
    select
        closings.partner_id,
        closings.month_start,
        closings.closing_counted_on,
        max(snapshots.counted_on) as opening_counted_on
    from closings
    left join snapshots
        on closings.partner_id = snapshots.partner_id
        and snapshots.counted_on < closings.month_start
        and snapshots.counted_on >= closings.month_start - 1 - $stale_count_days
    group by closings.partner_id, closings.month_start, closings.closing_counted_on
),
opening as (
    select periods.month_start, counts.partner_id, counts.sku,
        sum(counts.on_hand_quantity) as units, max(counts.unit_cost) as unit_cost
    from counts
    inner join periods
        on counts.partner_id = periods.partner_id
        and counts.counted_on = periods.opening_counted_on
    group by periods.month_start, counts.partner_id, counts.sku
),
closing as (
    select periods.month_start, counts.partner_id, counts.sku,
        sum(counts.on_hand_quantity) as units, max(counts.unit_cost) as unit_cost
    from counts
    inner join periods
        on counts.partner_id = periods.partner_id
        and counts.counted_on = periods.closing_counted_on
    group by periods.month_start, counts.partner_id, counts.sku
),
received as (
    select periods.month_start, shipments.partner_id, shipments.sku, sum(shipments.quantity) as units
    from shipments
    inner join periods
        on shipments.partner_id = periods.partner_id
        and shipments.business_date > coalesce(periods.opening_counted_on, periods.month_start - 1)
        and shipments.business_date <= periods.closing_counted_on
    group by periods.month_start, shipments.partner_id, shipments.sku
),
sold as (
    select periods.month_start, sales.partner_id, sales.sku, sum(sales.quantity) as units
    from sales
    inner join periods
        on sales.partner_id = periods.partner_id
        and sales.business_date > coalesce(periods.opening_counted_on, periods.month_start - 1)
        and sales.business_date <= periods.closing_counted_on
    group by periods.month_start, sales.partner_id, sales.sku
),
everything as (
    select month_start, partner_id, sku from opening
    union
    select month_start, partner_id, sku from closing
    union
    select month_start, partner_id, sku from received
    union
    select month_start, partner_id, sku from sold
),
final as (
    -- A product that a snapshot leaves out has no stock.
    select
        everything.month_start,
        everything.partner_id,
        everything.sku,
        periods.opening_counted_on,
        periods.closing_counted_on,
        case when periods.opening_counted_on is not null then coalesce(opening.units, 0) end as opening_units,
        coalesce(received.units, 0) as sell_in_units,
        coalesce(sold.units, 0) as sell_out_units,
        coalesce(closing.units, 0) as closing_units,
        coalesce(closing.unit_cost, opening.unit_cost) as unit_cost
    from everything
    inner join periods
        on everything.month_start = periods.month_start
        and everything.partner_id = periods.partner_id
    left join opening
        on everything.month_start = opening.month_start
        and everything.partner_id = opening.partner_id
        and everything.sku = opening.sku
    left join closing
        on everything.month_start = closing.month_start
        and everything.partner_id = closing.partner_id
        and everything.sku = closing.sku
    left join received
        on everything.month_start = received.month_start
        and everything.partner_id = received.partner_id
        and everything.sku = received.sku
    left join sold
        on everything.month_start = sold.month_start
        and everything.partner_id = sold.partner_id
        and everything.sku = sold.sku
)
select
    month_start, partner_id, sku, opening_counted_on, closing_counted_on, opening_units, sell_in_units, sell_out_units, closing_units,
    unit_cost
from final
