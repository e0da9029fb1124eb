-- What stood out on the as-of date, or still does since an earlier one, and has no known cause. One finding says it once: units and orders are told only
-- where money is not, and regions and categories only where no channel, partner or total moved the same way.
with
found as (
    select
        *,
        case when metric in ('net_sales', 'units', 'orders') then 'sales' else metric end as family
    from anomalies
    where (business_date = $as_of_date or is_ongoing) and known_cause is null
),
partners as (
    select partner_id, channel_id, manager from partners_current
),
channels as (
    select channel_id, name, manager from channels_current
),
bands as (
    select
        business_date, metric, entity_type, entity_id, observed,
        coalesce(lower, observed) as lower, coalesce(upper, observed) as upper
    from anomaly_bands
    where business_date > $as_of_date - $anomaly_days_drawn
),
leading_metrics as (
    select *
    from found
    qualify row_number() over (
        partition by entity_type, entity_id, direction, family
        order by case metric when 'net_sales' then 1 when 'orders' then 2 else 3 end, business_date desc
    ) = 1
),
main_moves as (
    select distinct family, direction
    from leading_metrics
    where entity_type in ('total', 'channel', 'partner')
),
channel_moves as (
    select distinct family, direction, entity_id as channel_id
    from leading_metrics
    where entity_type = 'channel'
),
told as (
    select leading_metrics.*
    from leading_metrics
    left join main_moves
        on leading_metrics.family = main_moves.family
        and leading_metrics.direction = main_moves.direction
    where leading_metrics.entity_type in ('total', 'channel', 'partner') or main_moves.family is null
),
leading_parts as (
    select * from anomaly_leading_parts
),
-- Name, amount and share of each part, for whoever writes them in a language.
explained as (
    select
        business_date, metric, entity_type, entity_id,
        string_agg(
            replace(replace(coalesce(part_name, part_id), '|', ' '), ';', ' ')
            || '|' || cast(cast(contribution as decimal(38, 4)) as text)
            || '|' || cast(cast(share as decimal(38, 4)) as text),
            ';' order by place
        ) as parts
    from leading_parts
    group by business_date, metric, entity_type, entity_id
),
histories as (
    select
        told.metric,
        told.entity_type,
        told.entity_id,
        string_agg(cast(cast(bands.observed as decimal(38, 4)) as text), ';' order by bands.business_date) as past,
        string_agg(cast(cast(bands.lower as decimal(38, 4)) as text), ';' order by bands.business_date) as past_lower,
        string_agg(cast(cast(bands.upper as decimal(38, 4)) as text), ';' order by bands.business_date) as past_upper
    from told
    inner join bands
        on told.metric = bands.metric
        and told.entity_type = bands.entity_type
        and told.entity_id = bands.entity_id
    where bands.observed is not null
    group by told.metric, told.entity_type, told.entity_id
),
final as (
    -- Who manages the channel reads of the partner within the channel's own finding, if there is one.
    select
        told.business_date,
        case told.metric when 'stock_level' then 'inventory' when 'complaints' then 'complaints' else 'sales' end as feed,
        told.metric,
        case told.metric
            when 'net_sales' then 'net sales' when 'units' then 'units sold' when 'orders' then 'orders'
            when 'average_price' then 'average price' when 'return_rate' then 'return rate'
            when 'stock_level' then 'stock at cost' else 'complaints'
        end as metric_en,
        case told.metric
            when 'net_sales' then '销售额' when 'units' then '销量' when 'orders' then '订单数'
            when 'average_price' then '均价' when 'return_rate' then '退货率'
            when 'stock_level' then '库存金额' else '投诉数'
        end as metric_zh,
        told.entity_type,
        told.entity_id,
        case told.entity_type
            when 'total' then 'All channels' when 'region' then 'Region ' || told.entity_name
            when 'category' then 'Category ' || told.entity_name
            when 'complaint_category' then 'Complaints about ' || told.entity_name
            else told.entity_name
        end as entity_en,
        case told.entity_type
            when 'total' then '全渠道' when 'region' then '区域“' || told.entity_name || '”'
            when 'category' then '品类“' || told.entity_name || '”'
            when 'complaint_category' then '投诉类别“' || told.entity_name || '”'
            else told.entity_name
        end as entity_zh,
        case when told.entity_type = 'partner' then told.entity_id else '' end as partner_id,
        partners.manager as partner_manager,
        case
            when told.entity_type = 'channel' then channels.manager
            when told.entity_type = 'partner' and channel_moves.channel_id is null then channels.manager
        end as channel_manager,
        cast(told.observed as double) as observed,
        cast(told.expected as double) as expected,
        cast(told.lower as double) as lower,
        cast(told.upper as double) as upper,
        coalesce(told.level_change, told.gap_rate) as gap_rate,
        abs(coalesce(told.level_change, told.gap_rate)) as distance,
        case when told.metric = 'net_sales' then abs(cast(told.observed - told.expected as double)) end as gap_value,
        told.direction,
        told.kind,
        told.off_days,
        told.severity,
        explained.parts as explained_by,
        told.partial_cause,
        told.partial_rate,
        told.entity_type = 'total' and told.metric = 'net_sales' and told.observed = 0 as is_all_closed,
        histories.past,
        histories.past_lower,
        histories.past_upper
    from told
    left join partners
        on told.entity_type = 'partner'
        and told.entity_id = partners.partner_id
    left join channels
        on told.channel_id = channels.channel_id
    left join channel_moves
        on told.entity_type = 'partner'
        and told.family = channel_moves.family
        and told.direction = channel_moves.direction
        and told.channel_id = channel_moves.channel_id
    left join explained
        on told.business_date = explained.business_date
        and told.metric = explained.metric
        and told.entity_type = explained.entity_type
        and told.entity_id = explained.entity_id
    left join histories
        on told.metric = histories.metric
        and told.entity_type = histories.entity_type
        and told.entity_id = histories.entity_id
    where channel_moves.channel_id is null or partners.manager is distinct from channels.manager
)
select
    business_date, feed, metric, metric_en, metric_zh, entity_type, entity_id, entity_en, entity_zh, partner_id,
    partner_manager, channel_manager, observed, expected, lower, upper, gap_rate, gap_value, distance, direction, kind,
    off_days, severity, explained_by, partial_cause, partial_rate, is_all_closed, past, past_lower, past_upper
from final
