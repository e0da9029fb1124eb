-- Units that have been dogs in decline long enough for the advice to leave, as of the last closed quarter.
with
classes as (
    select * from bcg_classes where not provisional
),
channels as (
    select channel_id, name, manager from channels_current
),
partners as (
    select partner_id, name, channel_id, manager from partners_current where status = 'active'
),
last_quarter as (
    select max(quarter_start) as quarter_start from classes
),
exits as (
    select classes.*
    from classes
    inner join last_quarter
        on classes.quarter_start = last_quarter.quarter_start
    where classes.advice = 'exit'
),
channel_exits as (
    select unit_id as channel_id
    from exits
    where unit_type = 'channel'
),
final as (
    -- Who manages a channel to leave need not be told of each of its partners.
    select
        exits.unit_type,
        case exits.unit_type
            when 'channel' then 'channel' when 'partner' then 'partner' when 'region' then 'region' else 'category'
        end as unit_type_en,
        case exits.unit_type
            when 'channel' then '渠道' when 'partner' then '伙伴' when 'region' then '区域' else '品类'
        end as unit_type_zh,
        exits.unit_id,
        exits.unit_name,
        case when exits.unit_name = exits.unit_id then '' else ' (' || exits.unit_id || ')' end as id_en,
        case when exits.unit_name = exits.unit_id then '' else '（' || exits.unit_id || '）' end as id_zh,
        exits.quarter,
        cast(exits.net_sales as double) as net_sales,
        exits.growth,
        exits.growth_basis,
        exits.share_rule,
        case when exits.share_rule = 'relative' then exits.relative_share else exits.share end as share,
        case when exits.share_rule = 'relative' then cast($bcg_relative_cut as double) else exits.share_cut end as share_cut,
        exits.declining_periods,
        abs(exits.growth) as decline,
        exits.previous_class,
        case
            when exits.unit_type = 'partner' then partners.manager
        end as partner_manager,
        case
            when exits.unit_type = 'channel' then channels.manager
            when exits.unit_type = 'partner' then partner_channels.manager
        end as channel_manager
    from exits
    left join channels
        on exits.unit_type = 'channel'
        and exits.unit_id = channels.channel_id
    left join partners
        on exits.unit_type = 'partner'
        and exits.unit_id = partners.partner_id
    left join channels as partner_channels
        on partners.channel_id = partner_channels.channel_id
    left join channel_exits
        on exits.unit_type = 'partner'
        and partners.channel_id = channel_exits.channel_id
    where
        exits.unit_type <> 'partner'
        or (
            partners.partner_id is not null
            and (channel_exits.channel_id is null or partners.manager is distinct from partner_channels.manager)
        )
)
select
    unit_type, unit_type_en, unit_type_zh, unit_id, unit_name, id_en, id_zh, quarter, net_sales, growth, growth_basis, share_rule, share,
    share_cut, declining_periods, decline, previous_class, partner_manager, channel_manager
from final
