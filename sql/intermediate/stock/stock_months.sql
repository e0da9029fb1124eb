-- Stock and sell-out of each partner and product by month: average stock at cost, cost of goods sold, days without
-- stock, and what was too much at the month's close. A snapshot stands until the partner's next one; but a month without
-- one of its own, or one of the last days before it, is not judged, and what was counted long before a month does not
-- open it. What has no known cost makes its values unknown, not 0.
with
counts as (
    -- Value as booked: a negative balance lowers it, as it does in the partner's own books.
    select
        partner_id, sku, counted_on, on_hand_units, unit_cost,
        cast(on_hand_quantity * unit_cost as decimal(38, 4)) as booked_value,
        on_hand_quantity <> 0 and unit_cost is null as lacks_cost
    from inventory_counts
),
sales as (
    select
        partner_id, sku, business_date, sale_type, quantity, net_amount, cost_amount,
        sale_type <> 'adjustment' and cost_amount is null as lacks_cost
    from sales_lines
),
partners as (
    select partner_id, status, ended_on, valid_from, superseded_from from stg_partners
),
products as (
    select sku, unit_cost, lead_time_days, launched_on, valid_from, superseded_from
    from stg_products
),
presence as (
    select partner_id, sku, business_date, state, since from stock_presence
),
snapshots as (
    select partner_id, counted_on
    from counts
    group by partner_id, counted_on
),
first_known as (
    select min(business_date) as business_date
    from (
        select min(counted_on) as business_date from snapshots
        union all
        select min(business_date) as business_date from sales
    ) as both_feeds
),
calendar_months as (
    select unnest(generate_series(
        greatest(cast(date_trunc('month', business_date) as date), $partition_from), $partition_to, interval '1 month'
    )) as month_start
    from first_known
    where business_date is not null
),
months as (
    -- A running month closes, for now, with the day that is reported.
    select month_start, least(last_day(month_start), $partition_to) as closes_on
    from calendar_months
),
judged as (
    -- The last days before a month speak for it only while the partner cooperates.
    select snapshots.partner_id, months.month_start
    from snapshots
    inner join months
        on snapshots.counted_on <= months.closes_on
        and snapshots.counted_on >= months.month_start - $stale_count_days
    left join partners
        on snapshots.partner_id = partners.partner_id
        and partners.valid_from <= months.closes_on
        and partners.superseded_from > months.closes_on
    where snapshots.counted_on >= months.month_start
        or coalesce(partners.ended_on >= months.month_start, coalesce(partners.status, 'active') <> 'ended')
    group by snapshots.partner_id, months.month_start
),
days as (
    select
        month_start,
        closes_on,
        unnest(generate_series(month_start - 1, closes_on, interval '1 day')) as day
    from months
),
samples as (
    select
        month_start,
        closes_on,
        day,
        day >= month_start as in_month,
        case
            when $inventory_averaging = 'daily' then day >= month_start
            else day < month_start or day = closes_on
        end as is_sample
    from days
),
first_samples as (
    select month_start, min(day) as day
    from samples
    where is_sample
    group by month_start
),
spans as (
    select
        partner_id,
        counted_on,
        lead(counted_on, 1, date '9999-12-31') over (partition by partner_id order by counted_on) as replaced_on
    from snapshots
),
weights as (
    select
        spans.partner_id,
        spans.counted_on,
        samples.month_start,
        count(*) filter (where samples.is_sample) as samples,
        count(*) filter (where samples.in_month) as days,
        min(samples.day) filter (where samples.in_month) as first_day,
        max(samples.day) filter (where samples.in_month) as last_day,
        bool_or(samples.day = samples.closes_on) as is_closing,
        min(samples.day) filter (where samples.is_sample) as first_sample
    from spans
    inner join judged
        on spans.partner_id = judged.partner_id
        and spans.counted_on >= cast(judged.month_start - interval '1 month' as date) - $stale_count_days
    inner join samples
        on samples.month_start = judged.month_start
        and samples.day >= spans.counted_on
        and samples.day < spans.replaced_on
    group by spans.partner_id, spans.counted_on, samples.month_start
),
coverage as (
    select
        weights.partner_id,
        weights.month_start,
        sum(weights.samples) as samples,
        sum(weights.days) as days,
        min(weights.first_sample) = max(first_samples.day) as has_opening
    from weights
    inner join first_samples
        on weights.month_start = first_samples.month_start
    group by weights.partner_id, weights.month_start
),
stock as (
    select
        counts.partner_id,
        counts.sku,
        weights.month_start,
        case
            when count(*) filter (where counts.lacks_cost and weights.samples > 0) = 0
                then coalesce(sum(counts.booked_value * weights.samples), 0)
        end as weighted_value,
        coalesce(sum(counts.on_hand_units) filter (where weights.is_closing), 0) as closing_units,
        case
            when count(*) filter (where counts.lacks_cost and weights.is_closing) = 0
                then coalesce(sum(counts.booked_value) filter (where weights.is_closing), 0)
        end as booked_closing_value,
        max(counts.unit_cost) filter (where weights.is_closing) as unit_cost
    from counts
    inner join weights
        on counts.partner_id = weights.partner_id
        and counts.counted_on = weights.counted_on
    group by counts.partner_id, counts.sku, weights.month_start
),
sold as (
    select
        partner_id,
        sku,
        cast(date_trunc('month', business_date) as date) as month_start,
        sum(net_amount) as net_sales,
        case when count(*) filter (where lacks_cost) = 0 then coalesce(sum(cost_amount), 0) end as cogs
    from sales
    group by partner_id, sku, cast(date_trunc('month', business_date) as date)
),
demand as (
    select
        sales.partner_id,
        sales.sku,
        months.month_start,
        greatest(
            coalesce(
                sum(sales.quantity) filter (where sales.business_date > months.closes_on - $demand_window_days), 0
            ),
            0
        ) as sell_out_units,
        min(sales.business_date) filter (
            where sales.business_date > months.closes_on - $demand_window_days and sales.sale_type = 'sale'
        ) as first_sold_on
    from sales
    inner join months
        on sales.business_date > months.month_start - $demand_window_days
        and sales.business_date <= months.closes_on
    where sales.sale_type in ('sale', 'return')
    group by sales.partner_id, sales.sku, months.month_start
),
sellers as (
    select distinct partner_id, month_start
    from demand
),
arrivals as (
    select presence.partner_id, presence.sku, months.month_start, max(presence.since) as arrived_on
    from presence
    inner join months
        -- A month is longer than the window of demand.
        on presence.business_date >= least(months.month_start, months.closes_on - $demand_window_days + 1)
        and presence.business_date <= months.closes_on
    where presence.state = 'arrived'
    group by presence.partner_id, presence.sku, months.month_start
),
everything as (
    select partner_id, sku, month_start from stock
    union
    select partner_id, sku, month_start from sold
    union
    select partner_id, sku, month_start from demand
),
joined as (
    select
        everything.partner_id,
        everything.sku,
        everything.month_start,
        months.closes_on,
        coverage.days as days_covered,
        coverage.samples,
        coverage.has_opening,
        case when stock.partner_id is null then cast(0 as decimal(38, 4)) else stock.weighted_value end as weighted_value,
        coalesce(stock.closing_units, 0) as closing_units,
        case when stock.partner_id is null then cast(0 as decimal(38, 4)) else stock.booked_closing_value end
            as booked_closing_value,
        coalesce(stock.unit_cost, products.unit_cost) as unit_cost,
        coalesce(sold.net_sales, 0) as net_sales,
        case when sold.partner_id is null then cast(0 as decimal(38, 4)) else sold.cogs end as cogs,
        demand.partner_id is not null as sells,
        coalesce(demand.sell_out_units, 0) as sell_out_units,
        sellers.partner_id is not null as partner_sells,
        coalesce(products.lead_time_days, $lead_time_default_days) as lead_time_days,
        coalesce(products.launched_on > months.closes_on - $new_item_days, false)
        or coalesce(arrivals.arrived_on > months.closes_on - $new_item_days, false) as is_new_here,
        -- What had not come yet was not out of stock, what was not launched yet was not for sale.
        greatest(
            months.closes_on - cast(coverage.days as int) + 1,
            arrivals.arrived_on,
            case when products.launched_on is not null then least(products.launched_on, demand.first_sold_on) end
        ) as for_sale_from,
        -- As for the stock of today: from the launch, or the arrival at this partner.
        greatest(
            months.closes_on - $demand_window_days + 1,
            arrivals.arrived_on,
            case when products.launched_on is not null then least(products.launched_on, demand.first_sold_on) end
        ) as on_sale_from
    from everything
    inner join months
        on everything.month_start = months.month_start
    inner join coverage
        on everything.partner_id = coverage.partner_id
        and everything.month_start = coverage.month_start
    left join stock
        on everything.partner_id = stock.partner_id
        and everything.sku = stock.sku
        and everything.month_start = stock.month_start
    left join sold
        on everything.partner_id = sold.partner_id
        and everything.sku = sold.sku
        and everything.month_start = sold.month_start
    left join demand
        on everything.partner_id = demand.partner_id
        and everything.sku = demand.sku
        and everything.month_start = demand.month_start
    left join arrivals
        on everything.partner_id = arrivals.partner_id
        and everything.sku = arrivals.sku
        and everything.month_start = arrivals.month_start
    left join sellers
        on everything.partner_id = sellers.partner_id
        and everything.month_start = sellers.month_start
    left join products
        on everything.sku = products.sku
        and products.valid_from <= months.closes_on
        and products.superseded_from > months.closes_on
),
gone as (
    select joined.partner_id, joined.sku, joined.month_start, count(*) as missing_days
    from joined
    inner join presence
        on joined.partner_id = presence.partner_id
        and joined.sku = presence.sku
        and presence.business_date between joined.on_sale_from and joined.closes_on
    where presence.state = 'missing'
    group by joined.partner_id, joined.sku, joined.month_start
),
held as (
    select
        joined.partner_id,
        joined.sku,
        joined.month_start,
        sum(greatest(weights.last_day - greatest(weights.first_day, joined.for_sale_from) + 1, 0)) as days_in_stock
    from joined
    inner join counts
        on joined.partner_id = counts.partner_id
        and joined.sku = counts.sku
    inner join weights
        on counts.partner_id = weights.partner_id
        and counts.counted_on = weights.counted_on
        and joined.month_start = weights.month_start
    where counts.on_hand_units > 0
    group by joined.partner_id, joined.sku, joined.month_start
),
timed as (
    select
        joined.*,
        joined.closes_on - joined.on_sale_from + 1 - coalesce(gone.missing_days, 0) as days_on_sale,
        joined.closes_on - joined.for_sale_from + 1 as days_for_sale,
        coalesce(held.days_in_stock, 0) as days_in_stock
    from joined
    left join gone
        on joined.partner_id = gone.partner_id
        and joined.sku = gone.sku
        and joined.month_start = gone.month_start
    left join held
        on joined.partner_id = held.partner_id
        and joined.sku = held.sku
        and joined.month_start = held.month_start
),
needed as (
    select
        *,
        case
            when not partner_sells then null
            when closing_units <= 0 or sell_out_units = 0 and is_new_here then 0
            when days_on_sale > 0 then greatest(
                closing_units - cast(ceil(
                    cast(sell_out_units * (lead_time_days + $review_days + $safety_days) as double) / days_on_sale
                ) as bigint),
                0
            )
        end as overstock_units
    from timed
),
final as (
    select
        month_start,
        partner_id,
        sku,
        closes_on,
        days_covered,
        has_opening,
        cast(cast(weighted_value as decimal(34, 8)) / nullif(samples, 0) as decimal(18, 4)) as average_stock_value,
        closing_units,
        cast(case when closing_units = 0 then 0 else closing_units * unit_cost end as decimal(18, 4)) as closing_value,
        cast(booked_closing_value as decimal(18, 4)) as booked_closing_value,
        overstock_units,
        cast(case when overstock_units = 0 then 0 else overstock_units * unit_cost end as decimal(18, 4))
            as overstock_value,
        cast(net_sales as decimal(18, 4)) as net_sales,
        cast(cogs as decimal(18, 4)) as cogs,
        case when sells then greatest(days_for_sale, 0) else 0 end as days_selling,
        case when sells then greatest(days_for_sale - days_in_stock, 0) else 0 end as stockout_days
    from needed
)
select
    month_start, partner_id, sku, closes_on, days_covered, has_opening, average_stock_value, closing_units,
    closing_value, booked_closing_value, overstock_units, overstock_value, net_sales, cogs, days_selling, stockout_days
from final
