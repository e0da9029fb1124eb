-- The BCG matrix as of the last closed quarter, with the words and the people that a mail needs. The running quarter is
-- not judged; partners that left are nobody's business any more.
with
classes as (
    select
        *,
        lag(growth_basis) over (partition by entity_type, entity_id order by quarter_start) as previous_growth_basis
    from bcg_classes
    where not is_provisional
),
channels as (
    select channel_id, name, manager from channels_current
),
partners as (
    select partner_id, name, channel_id, manager from partners_current where status = 'active'
),
last_quarter as (
    select max(quarter_start) as quarter_start from classes
)
select
    classes.entity_type,
    classes.entity_type as entity_type_en,
    case classes.entity_type
        when 'channel' then '渠道' when 'partner' then '伙伴' when 'region' then '区域' else '品类'
    end as entity_type_zh,
    classes.entity_id,
    classes.entity_name,
    case when classes.entity_name = classes.entity_id then '' else ' (' || classes.entity_id || ')' end as id_en,
    case when classes.entity_name = classes.entity_id then '' else '（' || classes.entity_id || '）' end as id_zh,
    classes.quarter,
    cast(classes.net_sales as double) as net_sales,
    classes.growth,
    classes.growth_cut,
    classes.growth_basis,
    classes.previous_growth_basis,
    classes.share_rule,
    case when classes.share_rule = 'relative' then classes.relative_share else classes.share end as share,
    case when classes.share_rule = 'relative' then cast($bcg_relative_cut as double) else classes.share_cut end
        as share_cut,
    classes.declining_periods,
    classes.class,
    classes.previous_class,
    classes.advice,
    partners.channel_id as channel_of_partner,
    partners.manager as partner_manager,
    coalesce(channels.manager, partner_channels.manager) as channel_manager
from classes
inner join last_quarter
    on classes.quarter_start = last_quarter.quarter_start
left join channels
    on classes.entity_type = 'channel'
    and classes.entity_id = channels.channel_id
left join partners
    on classes.entity_type = 'partner'
    and classes.entity_id = partners.partner_id
left join channels as partner_channels
    on partners.channel_id = partner_channels.channel_id
where classes.entity_type <> 'partner'
    or partners.partner_id is not null
