-- What each partner counted last in each month: all that is needed of the counts of earlier months to know how its
-- stock stands. Two senders that count for one partner count two warehouses.
with
counts as (
    select partner_id, sku, counted_on, on_hand_quantity, on_hand_units, on_order_quantity, unit_cost, oldest_receipt_on
    from inventory_counts
),
closings as (
    select partner_id, max(counted_on) as counted_on
    from counts
    group by partner_id, date_trunc('month', counted_on)
),
final as (
    select
        counts.counted_on as business_date,
        counts.partner_id,
        counts.sku,
        sum(counts.on_hand_quantity) as on_hand_quantity,
        sum(counts.on_hand_units) as on_hand_units,
        sum(counts.on_order_quantity) as on_order_quantity,
        max(counts.unit_cost) as unit_cost,
        min(counts.oldest_receipt_on) as oldest_receipt_on,
        -- As booked: a negative balance lowers the value, as it does in the partner's own books.
        cast(sum(counts.on_hand_quantity * counts.unit_cost) as decimal(18, 4)) as booked_value
    from counts
    inner join closings
        on counts.partner_id = closings.partner_id
        and counts.counted_on = closings.counted_on
    group by counts.partner_id, counts.sku, counts.counted_on
)
select
    business_date, partner_id, sku, on_hand_quantity, on_hand_units, on_order_quantity, unit_cost, oldest_receipt_on,
    booked_value
from final
