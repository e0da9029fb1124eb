-- Inventory turnover: cost of goods sold in the window, brought to a year, over the average stock at cost.
-- A snapshot stands until the next one; $inventory_averaging says on which days (samples) the stock is looked at. What
-- was counted long before the window does not open it, and without a count of late nothing is said. What has no known
-- cost makes the turnover unknown, not smaller.
with
counts as (
    -- As booked: a negative balance lowers the average, as it does in the partner's own books. What stood when the
    -- window began was counted in its first month, or was the last count of an earlier one.
    select
        partner_id, sku, counted_on,
        cast(on_hand_quantity * unit_cost as decimal(38, 4)) as stock_value,
        on_hand_quantity <> 0 and unit_cost is null as lacks_cost
    from inventory_counts
    where business_date >= cast(date_trunc('month', $as_of_date - $turnover_window_days) as date)
        and business_date <= $as_of_date
    union all
    select
        partner_id, sku, business_date as counted_on,
        booked_value as stock_value,
        on_hand_quantity <> 0 and unit_cost is null as lacks_cost
    from stock_last_counts
    where business_date < cast(date_trunc('month', $as_of_date - $turnover_window_days) as date)
),
sales as (
    select partner_id, sku, cost_amount, sale_type <> 'adjustment' and cost_amount is null as lacks_cost
    from sales_lines
    where business_date > $as_of_date - $turnover_window_days and business_date <= $as_of_date
),
days as (
    -- The first day is the opening: the day before the window.
    select unnest(generate_series($as_of_date - $turnover_window_days, $as_of_date, interval '1 day')) as day
),
samples as (
    select day
    from days
    where
        case $inventory_averaging
            when 'daily' then day > $as_of_date - $turnover_window_days
            when 'two_point' then day = $as_of_date - $turnover_window_days or day = $as_of_date
            when 'month_end' then
                day = $as_of_date - $turnover_window_days or day = $as_of_date or extract(day from day + 1) = 1
        end
),
snapshots as (
    select partner_id, counted_on
    from stock_snapshots
    where counted_on <= $as_of_date
        and counted_on >= cast($as_of_date - $turnover_window_days - interval '1 month' as date) - $stale_count_days
),
latest as (
    select partner_id, max(counted_on) < $as_of_date - $stale_count_days as is_stale
    from snapshots
    group by partner_id
),
spans as (
    select
        partner_id,
        counted_on,
        lead(counted_on, 1, $as_of_date + 1) over (partition by partner_id order by counted_on) as replaced_on
    from snapshots
),
weights as (
    select spans.partner_id, spans.counted_on, count(*) as samples, min(samples.day) as first_sample
    from spans
    inner join samples
        on samples.day >= spans.counted_on
        and samples.day < spans.replaced_on
    group by spans.partner_id, spans.counted_on
),
coverage as (
    select partner_id, sum(samples) as samples, min(first_sample) as first_sample
    from weights
    group by partner_id
),
judged as (
    select coverage.partner_id, coverage.samples, coverage.first_sample = first.day as has_opening, latest.is_stale
    from coverage
    inner join latest
        on coverage.partner_id = latest.partner_id
    cross join (select min(day) as day from samples) as first
),
stock as (
    select
        counts.partner_id,
        counts.sku,
        case
            when count(*) filter (where counts.lacks_cost) = 0
                then coalesce(sum(counts.stock_value * weights.samples), 0)
        end as weighted_value
    from counts
    inner join weights
        on counts.partner_id = weights.partner_id
        and counts.counted_on = weights.counted_on
    group by counts.partner_id, counts.sku
),
costs as (
    select
        partner_id, sku,
        case when count(*) filter (where lacks_cost) = 0 then coalesce(sum(cost_amount), 0) end as cogs
    from sales
    group by partner_id, sku
),
joined as (
    select
        stock.partner_id,
        stock.sku,
        stock.weighted_value,
        judged.samples,
        judged.has_opening,
        judged.is_stale,
        case when costs.partner_id is null then cast(0 as decimal(38, 4)) else costs.cogs end as cogs
    from stock
    inner join judged
        on stock.partner_id = judged.partner_id
    left join costs
        on stock.partner_id = costs.partner_id
        and stock.sku = costs.sku
),
final as (
    select
        partner_id,
        sku,
        cast(cogs as decimal(18, 4)) as cogs,
        case when not is_stale then cast(weighted_value / samples as decimal(18, 4)) end as average_stock_value,
        case
            when has_opening and not is_stale
                then cast(cogs as double) * 365 / $turnover_window_days * samples
                    / nullif(cast(weighted_value as double), 0)
        end as inventory_turnover,
        case
            when is_stale then 'stale_count'
            when not has_opening then 'no_opening_count'
            when weighted_value is null or cogs is null then 'no_cost'
            when weighted_value = 0 then 'no_stock'
        end as turnover_status
    from joined
)
select partner_id, sku, cogs, average_stock_value, inventory_turnover, turnover_status
from final
