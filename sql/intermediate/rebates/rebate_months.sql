-- Accrued rebates by month: a period's rebate follows what was bought or sold in its months, so that each month
-- carries the share it earned. A month of net returns carries none; where no month counted, days decide.
-- The share up to a month's end is rounded, and a month is the difference to the month before: the months of a
-- period add up to its rebate exactly.
with accruals as (
    select * from rebate_accruals
    where rebate is not null
),

flow_months as (
    select
        flow,
        partner_id,
        cast(date_trunc('month', business_date) as date) as month_start,
        business_date,
        sum(money) as money,
        sum(units) as units
    from partner_flows
    group by flow, partner_id, cast(date_trunc('month', business_date) as date), business_date
),

counted as (
    select
        accruals.partner_id,
        accruals.plan_id,
        accruals.period,
        flows.month_start,
        sum(case accruals.metric when 'money' then flows.money else flows.units end) as actual
    from accruals
    inner join flow_months as flows
        on flows.flow = accruals.basis
        and flows.partner_id = accruals.partner_id
        and flows.business_date between accruals.counts_from and accruals.counts_to
    group by accruals.partner_id, accruals.plan_id, accruals.period, flows.month_start
),

months as (
    select
        accruals.partner_id,
        accruals.plan_id,
        accruals.period,
        cast(accruals.rebate as decimal(38,4)) as rebate,
        kpi_months.month_start,
        kpi_months.closes_on,
        greatest(coalesce(counted.actual, 0), 0) as weight,
        kpi_months.closes_on - kpi_months.month_start + 1 as days
    from accruals
    inner join kpi_months
        on kpi_months.month_start >= accruals.period_start
        and kpi_months.month_start <= accruals.closes_on
    left join counted
        on counted.partner_id = accruals.partner_id
        and counted.plan_id = accruals.plan_id
        and counted.period = accruals.period
        and counted.month_start = kpi_months.month_start
),

totals as (
    select
        *,
        sum(weight) over (partition by partner_id, plan_id, period) as weights
    from months
),

weighed as (
    select
        *,
        case when weights > 0 then weight else cast(days as decimal(38,4)) end as share
    from totals
),

running as (
    select
        *,
        sum(share) over (
            partition by partner_id, plan_id, period
            order by month_start
            rows between unbounded preceding and current row
        ) as share_to_date,
        sum(share) over (partition by partner_id, plan_id, period) as shares
    from weighed
),

to_date as (
    select
        *,
        cast(
            cast(rebate as decimal(38,4)) * cast(share_to_date as decimal(38,4)) / nullif(shares, 0) as decimal(38,4)
        ) as rebate_to_date
    from running
)

select
    partner_id,
    plan_id,
    period,
    month_start,
    closes_on,
    cast(
        rebate_to_date - lag(rebate_to_date, 1, cast(0 as decimal(38,4))) over (
            partition by partner_id, plan_id, period
            order by month_start
        ) as decimal(18,4)
    ) as accrued_rebate
from to_date
