-- Units that have been dogs in decline long enough for the advice to leave, as of the last closed quarter.
with
exits as (
    select * from bcg_verdicts where advice = 'exit'
),
channel_exits as (
    select entity_id as channel_id, channel_manager
    from exits
    where entity_type = 'channel'
)
-- Who manages a channel to leave need not be told of each of its partners.
select
    exits.entity_type,
    exits.entity_type_en,
    exits.entity_type_zh,
    exits.entity_id,
    exits.entity_name,
    exits.id_en,
    exits.id_zh,
    exits.quarter,
    exits.net_sales,
    exits.growth,
    exits.growth_basis,
    exits.share_rule,
    exits.share,
    exits.share_cut,
    exits.declining_periods,
    abs(exits.growth) as decline,
    exits.previous_class,
    exits.partner_manager,
    exits.channel_manager
from exits
left join channel_exits
    on exits.channel_of_partner = channel_exits.channel_id
where channel_exits.channel_id is null
    or exits.partner_manager is distinct from exits.channel_manager
