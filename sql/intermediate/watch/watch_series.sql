-- Every watched series, day by day without holes: what it brought, how many orders or complaints stand behind it, and
-- what is special about the day. Inside a series' life a day without sales is a zero, not a gap.
with
sales as (
    select * from watch_days
    where business_date <= $as_of_date and business_date > $as_of_date - $anomaly_season_days
),
stock as (
    select business_date, channel_id, partner_id, region, category, stock_value from watch_stock_days
),
complaints as (
    select business_date, channel_id, partner_id, region, category, complaints from watch_complaints
),
incomplete as (
    select feed, business_date, entity_type, entity_id from incomplete_days
),
partners as (
    select partner_id, ended_on from partners_current
),
season as (
    select business_date, holiday is not null as is_holiday, days_back from season_days
),
promoted as (
    select distinct business_date, entity_type, entity_id
    from promoted_days
    where is_whole
),

stock_levels as (
    select business_date, 'total' as entity_type, 'all' as entity_id, sum(stock_value) as stock_value
    from stock
    group by business_date
    union all
    select business_date, 'channel', channel_id, sum(stock_value)
    from stock
    group by business_date, channel_id
    union all
    select business_date, 'partner', partner_id, sum(stock_value)
    from stock
    group by business_date, partner_id
    union all
    select business_date, 'region', region, sum(stock_value)
    from stock
    group by business_date, region
    union all
    select business_date, 'category', category, sum(stock_value)
    from stock
    group by business_date, category
),
complaint_counts as (
    select business_date, 'total' as entity_type, 'all' as entity_id, sum(complaints) as complaints
    from complaints
    group by business_date
    union all
    select business_date, 'channel', channel_id, sum(complaints)
    from complaints
    group by business_date, channel_id
    union all
    select business_date, 'partner', partner_id, sum(complaints)
    from complaints
    group by business_date, partner_id
    union all
    select business_date, 'region', region, sum(complaints)
    from complaints
    group by business_date, region
    union all
    -- What a complaint is about is no category of products.
    select business_date, 'complaint_category', category, sum(complaints)
    from complaints
    group by business_date, category
),
first_days as (
    select 'sales' as feed, entity_type, entity_id, min(business_date) as first_day
    from sales
    group by entity_type, entity_id
    union all
    select 'inventory', entity_type, entity_id, min(business_date)
    from stock_levels
    group by entity_type, entity_id
    union all
    select 'complaints', entity_type, entity_id, min(business_date)
    from complaint_counts
    group by entity_type, entity_id
),
spine as (
    -- A series lives from its first day on; a partner that ended lives to its end.
    select
        first_days.feed,
        first_days.entity_type,
        first_days.entity_id,
        season.business_date,
        season.is_holiday,
        season.days_back
    from first_days
    left join partners
        on first_days.entity_type = 'partner'
        and first_days.entity_id = partners.partner_id
    inner join season
        on season.business_date >= first_days.first_day
        and (partners.ended_on is null or season.business_date <= partners.ended_on)
),
marked as (
    select
        spine.*,
        promoted.business_date is not null as is_promoted,
        incomplete.business_date is not null as is_incomplete
    from spine
    left join promoted
        on spine.entity_type = promoted.entity_type
        and spine.entity_id = promoted.entity_id
        and spine.business_date = promoted.business_date
    left join incomplete
        on spine.feed = incomplete.feed
        and spine.entity_type = incomplete.entity_type
        and spine.entity_id = incomplete.entity_id
        and spine.business_date = incomplete.business_date
),
sales_days as (
    select
        marked.*,
        coalesce(sales.net_sales, 0) as net_sales,
        coalesce(sales.units, 0) as units,
        coalesce(sales.orders, 0) as orders,
        sales.sale_value,
        sales.return_value,
        sales.basket_value,
        sales.basket_list,
        coalesce(sales.largest_sale_value, 0) as largest_sale_value,
        coalesce(sales.largest_sale_units, 0) as largest_sale_units,
        coalesce(sales.largest_return_value, 0) as largest_return_value,
        coalesce(sales.largest_return_units, 0) as largest_return_units,
        coalesce(sales.value_events, 0) as value_events,
        coalesce(sales.unit_events, 0) as unit_events,
        coalesce(sales.price_events, 0) as price_events,
        coalesce(sales.return_events, 0) as return_events
    from marked
    left join sales
        on marked.entity_type = sales.entity_type
        and marked.entity_id = sales.entity_id
        and marked.business_date = sales.business_date
    where marked.feed = 'sales'
),
series as (
    -- What a day is without its largest sale or return has to stand out too: a day that one of them made is that one's.
    select business_date, entity_type, entity_id, 'net_sales' as metric, 'amount' as scale,
        cast(net_sales as decimal(24, 6)) as value, value_events as events,
        cast(net_sales - largest_sale_value as decimal(24, 6)) as without_order,
        cast(net_sales + largest_return_value as decimal(24, 6)) as without_return,
        is_holiday, is_promoted, is_incomplete, days_back
    from sales_days
    union all
    select business_date, entity_type, entity_id, 'units', 'amount',
        cast(units as decimal(24, 6)), unit_events,
        cast(units - largest_sale_units as decimal(24, 6)), cast(units + largest_return_units as decimal(24, 6)),
        is_holiday, is_promoted, is_incomplete, days_back
    from sales_days
    union all
    select business_date, entity_type, entity_id, 'orders', 'amount',
        cast(orders as decimal(24, 6)), cast(orders as double), null, null,
        is_holiday, is_promoted, is_incomplete, days_back
    from sales_days
    union all
    -- Of a fixed basket: one of each line sold, against the same at list price.
    select business_date, entity_type, entity_id, 'average_price', 'price',
        cast(cast(basket_value as decimal(28, 8)) / nullif(basket_list, 0) as decimal(24, 6)), price_events, null, null,
        is_holiday, is_promoted, is_incomplete, days_back
    from sales_days
    union all
    -- A rate of returns rises by returns: its events, and what it is without the largest, are theirs.
    select business_date, entity_type, entity_id, 'return_rate', 'rate',
        case when sale_value > 0 then
            cast(cast(return_value as decimal(28, 8)) / nullif(sale_value, 0) as decimal(24, 6))
        end,
        return_events,
        case when sale_value > 0 then
            cast(cast(return_value - largest_return_value as decimal(28, 8)) / nullif(sale_value, 0) as decimal(24, 6))
        end,
        null,
        is_holiday, is_promoted, is_incomplete, days_back
    from sales_days
    union all
    -- No promotion moves stock on the day, and no chance plays in it.
    select marked.business_date, marked.entity_type, marked.entity_id, 'stock_level', 'amount',
        cast(stock_levels.stock_value as decimal(24, 6)), null, null, null,
        marked.is_holiday, false, marked.is_incomplete, marked.days_back
    from marked
    left join stock_levels
        on marked.entity_type = stock_levels.entity_type
        and marked.entity_id = stock_levels.entity_id
        and marked.business_date = stock_levels.business_date
    where marked.feed = 'inventory'
    union all
    select marked.business_date, marked.entity_type, marked.entity_id, 'complaints', 'amount',
        cast(coalesce(complaint_counts.complaints, 0) as decimal(24, 6)),
        cast(coalesce(complaint_counts.complaints, 0) as double), null, null,
        marked.is_holiday, false, marked.is_incomplete, marked.days_back
    from marked
    left join complaint_counts
        on marked.entity_type = complaint_counts.entity_type
        and marked.entity_id = complaint_counts.entity_id
        and marked.business_date = complaint_counts.business_date
    where marked.feed = 'complaints'
)
select
    business_date, entity_type, entity_id, metric, scale, value, events, without_order, without_return, is_holiday,
    is_promoted, is_incomplete, days_back
from series
