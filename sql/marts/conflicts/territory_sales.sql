-- Where each partner's sale lines went, by month: inside its territory, outside, or only counted, with the reason why
-- the place could not be judged. What is counted only is not clean: it is a gap in what diversion can be seen by.
with
checks as (
    select
        cast(date_trunc('month', business_date) as date) as month_start,
        partner_id, territory_status, lines, net_amount
    from territory_checks
),
partners as (
    select partner_id, name, channel_id, manager from partners_current
),
by_status as (
    select month_start, partner_id, territory_status, sum(lines) as lines, sum(net_amount) as net_amount
    from checks
    group by month_start, partner_id, territory_status
),
totals as (
    select month_start, partner_id, sum(lines) as lines, sum(net_amount) as net_amount
    from checks
    group by month_start, partner_id
),
final as (
    select
        period_month(by_status.month_start) as month,
        by_status.month_start,
        last_day(by_status.month_start) > $as_of_date as is_provisional,
        by_status.partner_id,
        coalesce(partners.name, by_status.partner_id) as partner_name,
        partners.manager as partner_manager,
        partners.channel_id,
        by_status.territory_status,
        by_status.territory_status in ('inside', 'outside') as is_judged,
        by_status.lines,
        cast(by_status.net_amount as decimal(18, 4)) as net_amount,
        cast(by_status.lines as double) / nullif(cast(totals.lines as double), 0) as lines_share,
        cast(by_status.net_amount as double)
        / cast(case when totals.net_amount > 0 then totals.net_amount end as double) as amount_share,
        case when totals.net_amount > 0 then null else 'no_sales' end as amount_share_status
    from by_status
    inner join totals
        on by_status.month_start = totals.month_start
        and by_status.partner_id = totals.partner_id
    left join partners
        on by_status.partner_id = partners.partner_id
)
select
    month, month_start, is_provisional, partner_id, partner_name, partner_manager, channel_id, territory_status, is_judged,
    lines, net_amount, lines_share, amount_share, amount_share_status
from final
