-- How old the stock is. What left was the oldest, so what is there are the newest receipts (first in, first out).
-- The edges of the buckets, 30, 60 and 90 days, are their definition: the columns are called by them, and no setting
-- moves them.
with
stock as (
    select partner_id, sku, counted_on, on_hand_units, oldest_receipt_on
    from stock_positions
    where on_hand_units > 0
),
receipts as (
    -- Goods sent back to the brand left the stock and make no layer of their own.
    select partner_id, sku, business_date as received_on, sum(quantity) as units
    from sell_in_lines
    where quantity > 0 and business_date <= $as_of_date
    group by partner_id, sku, business_date
),
layers as (
    select
        stock.partner_id,
        stock.sku,
        stock.on_hand_units,
        $as_of_date - receipts.received_on as age_days,
        receipts.units,
        coalesce(
            sum(receipts.units) over (
                partition by stock.partner_id, stock.sku
                order by receipts.received_on desc
                rows between unbounded preceding and 1 preceding
            ),
            0
        ) as newer_units
    from stock
    inner join receipts
        on stock.partner_id = receipts.partner_id
        and stock.sku = receipts.sku
        and receipts.received_on <= stock.counted_on
),
remaining as (
    select partner_id, sku, age_days, greatest(least(units, on_hand_units - newer_units), 0) as units
    from layers
),
aged as (
    select
        partner_id,
        sku,
        sum(units) as known_units,
        max(age_days) as oldest_days,
        coalesce(sum(units) filter (where age_days <= 30), 0) as units_0_30,
        coalesce(sum(units) filter (where age_days between 31 and 60), 0) as units_31_60,
        coalesce(sum(units) filter (where age_days between 61 and 90), 0) as units_61_90,
        coalesce(sum(units) filter (where age_days >= 91), 0) as units_91_plus
    from remaining
    group by partner_id, sku
),
rests as (
    -- Stock beyond all receipts is dated by the partner's own oldest receipt; failing that, it is older than
    -- the first receipt known, which settles its age only once that one is past 90 days itself.
    select
        stock.partner_id,
        stock.sku,
        stock.on_hand_units,
        coalesce(aged.known_units, 0) as known_units,
        coalesce(aged.units_0_30, 0) as units_0_30,
        coalesce(aged.units_31_60, 0) as units_31_60,
        coalesce(aged.units_61_90, 0) as units_61_90,
        coalesce(aged.units_91_plus, 0) as units_91_plus,
        stock.on_hand_units - coalesce(aged.known_units, 0) as rest_units,
        coalesce(
            $as_of_date - stock.oldest_receipt_on,
            case when aged.oldest_days >= 91 then aged.oldest_days end
        ) as rest_days
    from stock
    left join aged
        on stock.partner_id = aged.partner_id
        and stock.sku = aged.sku
),
final as (
    select
        partner_id,
        sku,
        units_0_30 + case when rest_days <= 30 then rest_units else 0 end as units_age_0_30,
        units_31_60 + case when rest_days between 31 and 60 then rest_units else 0 end as units_age_31_60,
        units_61_90 + case when rest_days between 61 and 90 then rest_units else 0 end as units_age_61_90,
        units_91_plus + case when rest_days >= 91 then rest_units else 0 end as units_age_91_plus,
        case when rest_days is null then rest_units else 0 end as units_age_unknown,
        case
            when rest_units = 0 then 'fifo'
            when rest_days is null then 'unknown'
            when known_units = 0 then 'oldest_receipt'
            else 'fifo_then_oldest'
        end as ageing_method
    from rests
)
select
    partner_id, sku, units_age_0_30, units_age_31_60, units_age_61_90, units_age_91_plus, units_age_unknown,
    ageing_method
from final
