-- The month's review: net sales of every channel and partner in the last month that is over, beside the month and the year
-- before, its target, and the thirteen months up to it as a row of numbers; with whoever is responsible.
with last_month as (
    select month_start, month_end from closed_month
),

months as (
    select
        'channel' as entity_type, channel_id as entity_id, channel_name as name, channel_id, month_start, net_sales,
        month_before_net_sales, sales_growth_mom, sales_growth_mom_status, year_before_net_sales, sales_growth_yoy,
        sales_growth_yoy_status, target, attainment
    from channel_kpis
    union all
    select
        'partner', partner_id, partner_name, channel_id, month_start, net_sales, month_before_net_sales,
        sales_growth_mom, sales_growth_mom_status, year_before_net_sales, sales_growth_yoy, sales_growth_yoy_status,
        target, attainment
    from partner_kpis
),

channels as (
    select channel_id, manager from channels_current
),

partners as (
    select partner_id, manager from partners_current
),

recent as (
    select months.*, last_month.month_start as last_month_start
    from months
    cross join last_month
    where months.month_start <= last_month.month_start
        and months.month_start >= last_month.month_start - interval '12 months'
),

histories as (
    select
        entity_type,
        entity_id,
        string_agg(cast(net_sales as varchar), ';' order by month_start) as history,
        min(month_start) as history_from
    from recent
    group by entity_type, entity_id
),

final as (
    select
        recent.entity_type,
        recent.entity_id,
        coalesce(recent.name, recent.entity_id) as name,
        recent.month_start,
        recent.net_sales,
        recent.month_before_net_sales,
        recent.sales_growth_mom,
        recent.sales_growth_mom_status,
        recent.year_before_net_sales,
        recent.sales_growth_yoy,
        recent.sales_growth_yoy_status,
        recent.target,
        recent.attainment,
        histories.history,
        histories.history_from,
        partners.manager as partner_manager,
        channels.manager as channel_manager
    from recent
    inner join histories
        on histories.entity_type = recent.entity_type
        and histories.entity_id = recent.entity_id
    left join channels
        on channels.channel_id = recent.channel_id
    left join partners
        on recent.entity_type = 'partner'
        and partners.partner_id = recent.entity_id
    where recent.month_start = recent.last_month_start
)

select
    entity_type, entity_id, name, month_start, net_sales, month_before_net_sales, sales_growth_mom,
    sales_growth_mom_status, year_before_net_sales, sales_growth_yoy, sales_growth_yoy_status, target, attainment,
    history, history_from, partner_manager, channel_manager
from final
