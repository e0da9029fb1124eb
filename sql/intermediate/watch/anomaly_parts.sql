-- Which parts of an anomalous entity made how much of its gap. What a part was expected to bring is its share of the
-- entity's expected value, by the medians of the same weekday over the trailing weeks; so the contributions of all
-- parts add up to the gap. `part_type` partner is there for every entity, because files belong to partners.
-- For rates a part's share of the gap is what its own rate and its weight moved the whole by.
-- Orders are counted anew for every part, as they do not add up over smaller ones: an order that touches several
-- categories belongs to the one that makes most of it.
with
findings as (
    select business_date, entity_type, entity_id, metric, feed, expected, gap from anomaly_findings
),
sales as (
    select * from watch_parts
    where business_date <= $as_of_date and business_date > $as_of_date - $anomaly_days - 7 * $anomaly_weeks
),
stock as (
    select * from watch_stock_days
    where business_date > $as_of_date - $anomaly_days - 7 * $anomaly_weeks
),
order_parts as (
    select
        business_date, channel_id, partner_id, region, coalesce(category, 'unknown') as category,
        partner_id || '/' || order_id as order_key, sum(net_amount) as value
    from sales_lines
    where
        sale_type = 'sale'
        and business_date <= $as_of_date and business_date > $as_of_date - $anomaly_days - 7 * $anomaly_weeks
    group by business_date, channel_id, partner_id, region, coalesce(category, 'unknown'), partner_id || '/' || order_id
),
orders as (
    select
        *,
        row_number() over (partition by business_date, order_key order by value desc, category, region) = 1 as is_main
    from order_parts
),
complaints as (
    select * from watch_complaints
    where business_date > $as_of_date - $anomaly_days - 7 * $anomaly_weeks
),
steps as (
    select unnest(generate_series(cast(0 as bigint), $anomaly_weeks)) as weeks_back
),
levels as (
    select * from (values
        ('total', 'channel'), ('total', 'partner'), ('channel', 'partner'), ('region', 'partner'),
        ('category', 'partner'), ('complaint_category', 'partner'), ('partner', 'category'), ('partner', 'partner')
    ) as listed (entity_type, part_type)
),
looked_at as (
    select
        findings.business_date,
        findings.entity_type,
        findings.entity_id,
        findings.metric,
        findings.feed,
        steps.weeks_back,
        findings.business_date - cast(7 * steps.weeks_back as int) as day
    from findings
    cross join steps
),
parts as (
    select 'sales' as feed, business_date, channel_id, partner_id, region, category, net_sales, units,
        sale_value, return_value, basket_value, basket_list, promoted_net_sales, promotion_id,
        cast(null as text) as order_key, true as is_main
    from sales
    union all
    select 'orders', business_date, channel_id, partner_id, region, category, 0, 0, 0, 0, 0, 0, 0, null, order_key, is_main
    from orders
    union all
    -- Stock and complaints stand in the first column, which is summed for them.
    select 'inventory', business_date, channel_id, partner_id, region, category, stock_value, 0, 0, 0, 0, 0, 0, null,
        null, true
    from stock
    union all
    select 'complaints', business_date, channel_id, partner_id, region, category, complaints, 0, 0, 0, 0, 0, 0, null,
        null, true
    from complaints
),
placed as (
    select
        parts.*,
        levels.entity_type,
        case levels.entity_type
            when 'total' then 'all'
            when 'channel' then parts.channel_id
            when 'partner' then parts.partner_id
            when 'region' then parts.region
            when 'category' then parts.category
            when 'complaint_category' then parts.category
        end as entity_id,
        levels.part_type,
        case levels.part_type
            when 'channel' then parts.channel_id
            when 'partner' then parts.partner_id
            when 'category' then parts.category
        end as part_id
    from parts
    cross join levels
    where levels.entity_type <> 'complaint_category' or parts.feed = 'complaints'
),
members as (
    select
        looked_at.business_date, looked_at.entity_type, looked_at.entity_id, looked_at.metric, looked_at.weeks_back,
        placed.part_type, placed.part_id, placed.net_sales, placed.units, placed.sale_value, placed.return_value,
        placed.basket_value, placed.basket_list, placed.promoted_net_sales, placed.promotion_id,
        case when placed.is_main or placed.part_type <> 'category' then placed.order_key end as order_key
    from looked_at
    inner join placed
        on case looked_at.metric when 'orders' then 'orders' else looked_at.feed end = placed.feed
        and looked_at.entity_type = placed.entity_type
        and looked_at.entity_id = placed.entity_id
        and looked_at.day = placed.business_date
),
part_days as (
    -- What is compared: an amount, or the two sides of a rate.
    select
        business_date, entity_type, entity_id, metric, part_type, part_id, weeks_back,
        cast(case metric
            when 'orders' then cast(count(distinct order_key) as decimal(38, 6))
            else cast(sum(case metric
                when 'units' then units
                when 'average_price' then basket_value
                when 'return_rate' then return_value
                else net_sales
            end) as decimal(38, 6))
        end as decimal(38, 6)) as upper_side,
        cast(sum(case metric
            when 'average_price' then basket_list
            when 'return_rate' then sale_value
            else 0
        end) as decimal(38, 6)) as lower_side,
        sum(promoted_net_sales) as promoted_net_sales,
        max(promotion_id) as promotion_id
    from members
    group by business_date, entity_type, entity_id, metric, part_type, part_id, weeks_back
),
known_parts as (
    select distinct business_date, entity_type, entity_id, metric, part_type, part_id
    from part_days
),
grid as (
    select known_parts.*, steps.weeks_back
    from known_parts
    cross join steps
),
filled as (
    select
        grid.business_date, grid.entity_type, grid.entity_id, grid.metric, grid.part_type, grid.part_id,
        grid.weeks_back,
        coalesce(part_days.upper_side, 0) as upper_side,
        coalesce(part_days.lower_side, 0) as lower_side,
        coalesce(part_days.promoted_net_sales, 0) as promoted_net_sales,
        part_days.promotion_id
    from grid
    left join part_days
        on grid.business_date = part_days.business_date
        and grid.entity_type = part_days.entity_type
        and grid.entity_id = part_days.entity_id
        and grid.metric = part_days.metric
        and grid.part_type = part_days.part_type
        and grid.part_id = part_days.part_id
        and grid.weeks_back = part_days.weeks_back
),
compared as (
    select
        business_date, entity_type, entity_id, metric, part_type, part_id,
        cast(max(upper_side) filter (where weeks_back = 0) as double) as observed_upper,
        cast(max(lower_side) filter (where weeks_back = 0) as double) as observed_lower,
        cast(median_exact(upper_side) filter (where weeks_back > 0) as double) as expected_upper,
        cast(median_exact(lower_side) filter (where weeks_back > 0) as double) as expected_lower,
        max(promoted_net_sales) filter (where weeks_back = 0) as promoted_net_sales,
        max(promotion_id) filter (where weeks_back = 0) as promotion_id
    from filled
    group by business_date, entity_type, entity_id, metric, part_type, part_id
),
wholes as (
    select
        business_date, entity_type, entity_id, metric, part_type,
        cast(sum(upper_side) filter (where weeks_back = 0) as double) as observed_upper,
        cast(sum(lower_side) filter (where weeks_back = 0) as double) as observed_lower
    from filled
    group by business_date, entity_type, entity_id, metric, part_type
),
expected_wholes as (
    select
        business_date, entity_type, entity_id, metric, part_type,
        cast(sum(cast(expected_upper as decimal(38, 6))) as double) as expected_upper,
        cast(sum(cast(expected_lower as decimal(38, 6))) as double) as expected_lower
    from compared
    group by business_date, entity_type, entity_id, metric, part_type
),
final as (
    select
        compared.business_date,
        compared.entity_type,
        compared.entity_id,
        compared.metric,
        compared.part_type,
        compared.part_id,
        findings.feed,
        case
            when compared.metric in ('average_price', 'return_rate') then
                coalesce(
                    (compared.observed_upper - findings.expected * compared.observed_lower)
                    / nullif(wholes.observed_lower, 0),
                    0
                )
                - coalesce(
                    (
                        compared.expected_upper
                        - expected_wholes.expected_upper / nullif(expected_wholes.expected_lower, 0)
                        * compared.expected_lower
                    ) / nullif(expected_wholes.expected_lower, 0),
                    0
                )
            else
                -- Where the trailing weeks brought nothing, what was expected is shared out as the day came.
                compared.observed_upper
                - coalesce(
                    findings.expected * compared.expected_upper / nullif(expected_wholes.expected_upper, 0),
                    findings.expected * compared.observed_upper / nullif(wholes.observed_upper, 0),
                    0
                )
        end as contribution,
        case
            when compared.metric in ('average_price', 'return_rate') then
                compared.expected_lower / nullif(expected_wholes.expected_lower, 0)
            else compared.expected_upper / nullif(expected_wholes.expected_upper, 0)
        end as expected_share,
        compared.observed_upper as observed,
        cast(compared.promoted_net_sales as decimal(18, 4)) as promoted_net_sales,
        compared.promotion_id
    from compared
    inner join findings
        on compared.business_date = findings.business_date
        and compared.entity_type = findings.entity_type
        and compared.entity_id = findings.entity_id
        and compared.metric = findings.metric
    inner join wholes
        on compared.business_date = wholes.business_date
        and compared.entity_type = wholes.entity_type
        and compared.entity_id = wholes.entity_id
        and compared.metric = wholes.metric
        and compared.part_type = wholes.part_type
    inner join expected_wholes
        on compared.business_date = expected_wholes.business_date
        and compared.entity_type = expected_wholes.entity_type
        and compared.entity_id = expected_wholes.entity_id
        and compared.metric = expected_wholes.metric
        and compared.part_type = expected_wholes.part_type
)
select
    business_date, entity_type, entity_id, metric, part_type, part_id, feed, contribution, expected_share, observed,
    promoted_net_sales, promotion_id
from final
