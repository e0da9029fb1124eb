-- Partners and channels whose sales of the running month are further behind a straight line to the target than allowed.
-- Days whose files are not all there are no days to be behind on.
with
partner_months as (
    select partner_id, partner_name, channel_id, month, month_start, net_sales, target
    from partner_kpis
    where month_start = cast(date_trunc('month', $as_of_date) as date)
),
channel_months as (
    select channel_id, channel_name, month, month_start, net_sales, target
    from channel_kpis
    where month_start = cast(date_trunc('month', $as_of_date) as date)
),
partners as (
    select partner_id, name, manager from partners_current
),
channels as (
    select channel_id, name, manager from channels_current
),
incomplete as (
    select entity_type as scope, entity_id as scope_id, count(distinct business_date) as days
    from incomplete_days
    where feed = 'sales'
        and business_date >= cast(date_trunc('month', $as_of_date) as date)
        and business_date <= $as_of_date
    group by entity_type, entity_id
),
both_levels as (
    select
        'channel' as scope, channel_months.channel_id as scope_id, channel_months.channel_id,
        channel_months.month, channel_months.month_start, channel_months.net_sales, channel_months.target,
        coalesce(channels.name, channel_months.channel_name) as name, cast(null as text) as partner_manager,
        channels.manager as channel_manager
    from channel_months
    left join channels
        on channel_months.channel_id = channels.channel_id
    union all
    select
        'partner' as scope, partner_months.partner_id as scope_id, partner_months.channel_id,
        partner_months.month, partner_months.month_start, partner_months.net_sales, partner_months.target,
        coalesce(partners.name, partner_months.partner_name) as name, partners.manager as partner_manager,
        channels.manager as channel_manager
    from partner_months
    left join partners
        on partner_months.partner_id = partners.partner_id
    left join channels
        on partner_months.channel_id = channels.channel_id
),
targeted as (
    select *, cast(month_start + interval '1 month' as date) as next_month
    from both_levels
    where target > 0
),
paced as (
    select
        targeted.*,
        ratio(net_sales, target) as attainment,
        coalesce(incomplete.days, 0) as days_left_out,
        $as_of_date - month_start + 1 - coalesce(incomplete.days, 0) as days_judged,
        next_month - month_start as month_days,
        next_month - 1 - $as_of_date as days_left
    from targeted
    left join incomplete
        on targeted.scope = incomplete.scope
        and targeted.scope_id = incomplete.scope_id
),
timed as (
    select *, cast(days_judged as double) / month_days as time_share
    from paced
),
final as (
    select
        scope,
        scope_id,
        coalesce(name, scope_id) as name,
        channel_id,
        partner_manager,
        channel_manager,
        month,
        cast(net_sales as double) as net_sales,
        cast(target as double) as target,
        attainment,
        time_share,
        round(time_share - attainment, 9) as pace_gap,
        (time_share - attainment) * cast(target as double) as sales_behind,
        days_left,
        days_left_out,
        greatest(cast(target - net_sales as double), 0) as missing_sales,
        greatest(cast(target - net_sales as double), 0) / nullif(cast(days_left as double), 0) as needed_per_day,
        cast(net_sales as double) / nullif(cast(days_judged as double), 0) as sold_per_day
    from timed
    where round(time_share - attainment, 9) > $pace_gap_max
)
select
    scope, scope_id, name, channel_id, partner_manager, channel_manager, month, net_sales, target, attainment,
    time_share, pace_gap, sales_behind, days_left, days_left_out, missing_sales, needed_per_day, sold_per_day
from final
