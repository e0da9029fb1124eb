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
final as (
    select
        classes.unit_type,
        case classes.unit_type
            when 'channel' then 'channel' when 'partner' then 'partner' when 'region' then 'region' else 'category'
        end as unit_type_en,
        case classes.unit_type
            when 'channel' then '渠道' when 'partner' then '伙伴' when 'region' then '区域' else '品类'
        end as unit_type_zh,
        classes.unit_id,
        classes.unit_name,
        case when classes.unit_name = classes.unit_id then '' else ' (' || classes.unit_id || ')' end as id_en,
        case when classes.unit_name = classes.unit_id then '' else '（' || classes.unit_id || '）' end as id_zh,
        classes.quarter,
        cast(classes.net_sales as double) as net_sales,
        classes.growth,
        classes.growth_basis,
        classes.share_rule,
        case when classes.share_rule = 'relative' then classes.relative_share else classes.share end as share,
        case when classes.share_rule = 'relative' then cast($bcg_relative_cut as double) else classes.share_cut end as share_cut,
        classes.declining_periods,
        abs(classes.growth) as decline,
        classes.previous_class,
        case
            when classes.unit_type = 'partner' then partners.manager
        end as partner_manager,
        case
            when classes.unit_type = 'channel' then channels.manager
            when classes.unit_type = 'partner' then partner_channels.manager
        end as channel_manager
    from classes
    inner join last_quarter
        on classes.quarter_start = last_quarter.quarter_start
    left join channels
        on classes.unit_type = 'channel'
        and classes.unit_id = channels.channel_id
    left join partners
        on classes.unit_type = 'partner'
        and classes.unit_id = partners.partner_id
    left join channels as partner_channels
        on partners.channel_id = partner_channels.channel_id
    where
        classes.advice = 'exit'
        and (classes.unit_type <> 'partner' or partners.partner_id is not null)
)
select
    unit_type, unit_type_en, unit_type_zh, unit_id, unit_name, id_en, id_zh, quarter, net_sales, growth, growth_basis, share_rule, share,
    share_cut, declining_periods, decline, previous_class, partner_manager, channel_manager
from final
