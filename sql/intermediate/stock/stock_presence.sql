-- Since when a product is with a partner, and on which days it was missing there: days that its demand must not be
-- divided by. It arrives with the first receipt, stock or sale after so long without any that it counts as new there;
-- but stock or a sale is a beginning only where the partner counted before, and the product was not there. A count that
-- says how old its stock is dates the beginning. It is missing on a day for which the partner's count stands, the count
-- shows none of it, nothing was received since, and none was sold.
with
counts as (
    select partner_id, sku, counted_on, on_hand_units, oldest_receipt_on from inventory_counts
),
receipts as (
    select partner_id, sku, business_date from sell_in_lines where quantity > 0
),
sales as (
    select distinct partner_id, sku, business_date from sales_lines where sale_type = 'sale'
),
snapshots as (
    select distinct partner_id, counted_on from counts
),
last_known as (
    select max(day) as day
    from (
        select max(counted_on) as day from snapshots
        union all
        select max(business_date) as day from sales
    ) as both_feeds
),
signs as (
    select
        partner_id,
        sku,
        business_date,
        bool_or(is_receipt) as is_receipt,
        least(min(oldest_receipt_on), business_date) as since
    from (
        select partner_id, sku, counted_on as business_date, false as is_receipt, oldest_receipt_on
        from counts
        where on_hand_units > 0
        union all
        select partner_id, sku, business_date, true, cast(null as date) from receipts
        union all
        select partner_id, sku, business_date, false, cast(null as date) from sales
    ) as all_signs
    group by partner_id, sku, business_date
),
spaced as (
    select *, lag(business_date) over (partition by partner_id, sku order by business_date) as last_sign_on
    from signs
),
beginnings as (
    select partner_id, sku, business_date, is_receipt, coalesce(since, business_date) as since
    from spaced
    where last_sign_on is null or business_date - last_sign_on > 2 * $demand_window_days
),
arrivals as (
    select partner_id, sku, business_date, since
    from beginnings
    where is_receipt
    union
    select beginnings.partner_id, beginnings.sku, beginnings.business_date, beginnings.since
    from beginnings
    left semi join snapshots
        on beginnings.partner_id = snapshots.partner_id
        and snapshots.counted_on < beginnings.business_date
        and snapshots.counted_on >= beginnings.business_date - 2 * $demand_window_days
),
replaced as (
    select
        partner_id,
        counted_on,
        lead(counted_on, 1, date '9999-12-31') over (partition by partner_id order by counted_on) as replaced_on
    from snapshots
),
standing as (
    select
        replaced.partner_id,
        replaced.counted_on,
        cast(unnest(generate_series(
            replaced.counted_on,
            least(replaced.replaced_on - 1, replaced.counted_on + $stale_count_days, last_known.day),
            interval '1 day'
        )) as date) as business_date
    from replaced
    cross join last_known
),
carried as (
    select partner_id, sku, min(business_date) as first_sign_on from signs group by partner_id, sku
),
carried_days as (
    select standing.partner_id, carried.sku, standing.counted_on, standing.business_date
    from standing
    inner join carried
        on standing.partner_id = carried.partner_id
        and standing.business_date > carried.first_sign_on
),
missing as (
    select carried_days.partner_id, carried_days.sku, carried_days.business_date
    from carried_days
    left anti join (select partner_id, sku, counted_on from counts where on_hand_units > 0) as there
        on carried_days.partner_id = there.partner_id
        and carried_days.sku = there.sku
        and carried_days.counted_on = there.counted_on
    left anti join sales
        on carried_days.partner_id = sales.partner_id
        and carried_days.sku = sales.sku
        and carried_days.business_date = sales.business_date
    left anti join receipts
        on carried_days.partner_id = receipts.partner_id
        and carried_days.sku = receipts.sku
        and receipts.business_date > carried_days.counted_on
        and receipts.business_date <= carried_days.business_date
),
final as (
    select business_date, partner_id, sku, 'arrived' as state, since from arrivals
    union all
    select business_date, partner_id, sku, 'missing' as state, cast(null as date) as since from missing
)
select business_date, partner_id, sku, state, since
from final
