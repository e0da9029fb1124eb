-- The rebate periods in which the goods of each conflict case were bought, as near as the books tell: those that the
-- case's month lies in, and of each plan the last one that closed before. What was taken in for a tier at a quarter's end
-- is sold off in the next.
with
cases as (
    select partner_id, month_start from conflict_months
),
periods as (
    select
        partner_id, plan_id, period, period_start, period_end, is_provisional, attainment, attainment_status, edge_gap,
        edge_status
    from rebate_attainment
),
accruals as (
    select partner_id, plan_id, period, rebate from rebate_accruals
),
matched as (
    select
        cases.month_start,
        periods.*,
        periods.period_end < cases.month_start as is_before
    from cases
    inner join periods
        on cases.partner_id = periods.partner_id
        and periods.period_start <= last_day(cases.month_start)
),
nearest as (
    select *
    from matched
    qualify not is_before or row_number() over (
        partition by partner_id, month_start, plan_id, is_before order by period_end desc
    ) = 1
),
final as (
    select
        nearest.partner_id, nearest.month_start, nearest.plan_id, nearest.period, nearest.period_end,
        nearest.is_provisional, nearest.attainment, nearest.edge_gap, nearest.edge_status, accruals.rebate
    from nearest
    left join accruals
        on nearest.partner_id = accruals.partner_id
        and nearest.plan_id = accruals.plan_id
        and nearest.period = accruals.period
)
select
    partner_id, month_start, plan_id, period, period_end, is_provisional, attainment, edge_gap, edge_status, rebate
from final
