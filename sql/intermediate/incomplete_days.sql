-- Days on which a watched entity's sales are not all there: partners whose file is missing or refused make up enough of
-- it, by their share of the trailing weeks. Such a day is judged, but nothing is learned from it.
with
unreported as (
    select partner_id, business_date from unreported_days
),
parts as (
    select channel_id, partner_id, region, category, greatest(sum(net_sales), 0) as net_sales
    from watch_parts
    where business_date <= $as_of_date and business_date > $as_of_date - $anomaly_days - 7 * $anomaly_weeks
    group by channel_id, partner_id, region, category
),
placed as (
    select 'total' as entity_type, 'all' as entity_id, partner_id, net_sales from parts
    union all
    select 'channel', channel_id, partner_id, net_sales from parts
    union all
    select 'partner', partner_id as entity_id, partner_id, net_sales from parts
    union all
    select 'region', region, partner_id, net_sales from parts
    union all
    select 'category', category, partner_id, net_sales from parts
),
holdings as (
    select entity_type, entity_id, partner_id, sum(net_sales) as net_sales
    from placed
    group by entity_type, entity_id, partner_id
),
wholes as (
    select entity_type, entity_id, sum(net_sales) as net_sales
    from placed
    group by entity_type, entity_id
),
absent as (
    select unreported.business_date, holdings.entity_type, holdings.entity_id, sum(holdings.net_sales) as net_sales
    from unreported
    inner join holdings
        on unreported.partner_id = holdings.partner_id
    group by unreported.business_date, holdings.entity_type, holdings.entity_id
),
final as (
    -- A partner without its own file is always incomplete, also one that sold nothing lately.
    select business_date, 'partner' as entity_type, partner_id as entity_id
    from unreported
    union
    select absent.business_date, absent.entity_type, absent.entity_id
    from absent
    inner join wholes
        on absent.entity_type = wholes.entity_type
        and absent.entity_id = wholes.entity_id
    where
        cast(absent.net_sales as double)
        >= $anomaly_cause_share * $anomaly_gap_min * nullif(cast(wholes.net_sales as double), 0)
)
select business_date, entity_type, entity_id
from final
