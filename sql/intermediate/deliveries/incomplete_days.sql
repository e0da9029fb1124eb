-- Days on which a watched entity's sales, stock or complaints are not all there: partners whose file is missing or
-- refused make up enough of it, by their share of the trailing weeks. Such a day is judged, but nothing is learned from
-- it. Stock is there for as long as an earlier count stands.
with
standing as (
    select distinct 'inventory' as feed, partner_id, business_date from watch_stock_days
),
unreported as (
    select unreported_days.feed, unreported_days.partner_id, unreported_days.business_date
    from unreported_days
    left anti join standing
        on unreported_days.feed = standing.feed
        and unreported_days.partner_id = standing.partner_id
        and unreported_days.business_date = standing.business_date
),
parts as (
    select
        'sales' as feed, channel_id, partner_id, region, category,
        cast(greatest(sum(net_sales), 0) as decimal(38, 4)) as amount
    from watch_parts
    where business_date <= $as_of_date and business_date > $as_of_date - $anomaly_days - 7 * $anomaly_weeks
    group by channel_id, partner_id, region, category
    union all
    select 'inventory', channel_id, partner_id, region, category, cast(sum(stock_value) as decimal(38, 4))
    from watch_stock_days
    where business_date > $as_of_date - $anomaly_days - 7 * $anomaly_weeks
    group by channel_id, partner_id, region, category
    union all
    select 'complaints', channel_id, partner_id, region, category, cast(sum(complaints) as decimal(38, 4))
    from watch_complaints
    where business_date > $as_of_date - $anomaly_days - 7 * $anomaly_weeks
    group by channel_id, partner_id, region, category
),
placed as (
    select feed, 'total' as entity_type, 'all' as entity_id, partner_id, amount from parts
    union all
    select feed, 'channel', channel_id, partner_id, amount from parts
    union all
    select feed, 'partner', partner_id as entity_id, partner_id, amount from parts
    union all
    select feed, 'region', region, partner_id, amount from parts
    union all
    select feed, case feed when 'complaints' then 'complaint_category' else 'category' end, category, partner_id, amount
    from parts
),
holdings as (
    select feed, entity_type, entity_id, partner_id, sum(amount) as amount
    from placed
    group by feed, entity_type, entity_id, partner_id
),
wholes as (
    select feed, entity_type, entity_id, sum(amount) as amount
    from placed
    group by feed, entity_type, entity_id
),
absent as (
    select
        unreported.feed, unreported.business_date, holdings.entity_type, holdings.entity_id,
        sum(holdings.amount) as amount
    from unreported
    inner join holdings
        on unreported.feed = holdings.feed
        and unreported.partner_id = holdings.partner_id
    group by unreported.feed, unreported.business_date, holdings.entity_type, holdings.entity_id
),
final as (
    -- A partner without its own file is always incomplete, also one that sold nothing lately.
    select feed, business_date, 'partner' as entity_type, partner_id as entity_id
    from unreported
    union
    select absent.feed, absent.business_date, absent.entity_type, absent.entity_id
    from absent
    inner join wholes
        on absent.feed = wholes.feed
        and absent.entity_type = wholes.entity_type
        and absent.entity_id = wholes.entity_id
    where
        cast(absent.amount as double)
        >= $anomaly_cause_share * $anomaly_gap_min * nullif(cast(wholes.amount as double), 0)
)
select feed, business_date, entity_type, entity_id
from final
