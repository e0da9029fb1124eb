-- How long each partner's stock lasts, day by day: stock at cost against the cost of what was sold in the days
-- before. A count stands until the next one, or until it is too old to speak for the day.
with
counts as (
    select partner_id, counted_on, cast(sum(stock_value) as decimal(38, 4)) as stock_value
    from inventory_counts
    group by partner_id, counted_on
),
sold as (
    -- Returns come back into stock; adjustments carry no cost.
    select partner_id, business_date, sum(cost_amount) as cost_amount
    from sales_lines
    group by partner_id, business_date
),
replaced as (
    select
        partner_id,
        counted_on,
        stock_value,
        lead(counted_on, 1, date '9999-12-31') over (partition by partner_id order by counted_on) as replaced_on
    from counts
),
spans as (
    select
        partner_id,
        counted_on,
        stock_value,
        least(replaced_on - 1, counted_on + $stale_count_days, $partition_to) as stands_until
    from replaced
),
days as (
    select
        partner_id,
        counted_on,
        stock_value,
        cast(unnest(generate_series(counted_on, stands_until, interval '1 day')) as date) as business_date
    from spans
),
demand as (
    select days.partner_id, days.business_date, sum(sold.cost_amount) as cost_amount
    from days
    inner join sold
        on days.partner_id = sold.partner_id
        and sold.business_date <= days.business_date
        and sold.business_date > days.business_date - $demand_window_days
    group by days.partner_id, days.business_date
)
select
    days.business_date,
    days.partner_id,
    days.counted_on,
    cast(days.stock_value as decimal(18, 4)) as stock_value,
    cast(demand.cost_amount as decimal(18, 4)) as cogs,
    case when demand.cost_amount > 0 then
        cast(days.stock_value as double) * $demand_window_days / cast(demand.cost_amount as double)
    end as days_of_inventory
from days
left join demand
    on days.partner_id = demand.partner_id
    and days.business_date = demand.business_date
