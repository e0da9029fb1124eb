-- Whether a rebate was within reach while a partner's conflicts happened, or stock was taken in for one: attainment
-- near the edge of a tier, or far more sell-in on the last days of a rebate period than is usual.
with
cases as (
    select partner_id, month_start from conflict_months
),
sell_in as (
    select business_date, partner_id, net_amount from sell_in_days
),
rebates as (
    select partner_id, plan_id, period, period_start, period_end, provisional, attainment, edge_gap
    from rebate_attainment
),
periods as (
    select
        cases.partner_id,
        cases.month_start,
        rebates.plan_id,
        rebates.period,
        rebates.period_end,
        rebates.provisional,
        rebates.attainment,
        rebates.edge_gap
    from cases
    inner join rebates
        on cases.partner_id = rebates.partner_id
        and rebates.period_start <= last_day(cases.month_start)
        and rebates.period_end >= cases.month_start
),
rushes as (
    -- A period still running has no last days yet, and a partner without earlier sell-in has no usual.
    select
        periods.partner_id,
        periods.month_start,
        periods.plan_id,
        periods.period,
        coalesce(
            sum(sell_in.net_amount) filter (where sell_in.business_date > periods.period_end - $chasing_last_days), 0
        ) as last_sell_in,
        coalesce(
            sum(sell_in.net_amount) filter (where sell_in.business_date <= periods.period_end - $chasing_last_days), 0
        ) as earlier_sell_in
    from periods
    inner join sell_in
        on periods.partner_id = sell_in.partner_id
        and sell_in.business_date <= periods.period_end
        and sell_in.business_date > periods.period_end - $chasing_last_days - $chasing_usual_days
    where not periods.provisional
    group by periods.partner_id, periods.month_start, periods.plan_id, periods.period
),
chances as (
    select
        periods.*,
        cast(rushes.last_sell_in as decimal(18, 4)) as last_sell_in,
        cast(
            rushes.earlier_sell_in * $chasing_last_days / $chasing_usual_days as decimal(18, 4)
        ) as usual_sell_in,
        coalesce(abs(periods.edge_gap) <= $chasing_edge_gap, false) as is_near_edge,
        coalesce(
            rushes.last_sell_in > 0
            and rushes.earlier_sell_in > 0
            and rushes.last_sell_in * $chasing_usual_days
            >= rushes.earlier_sell_in * $chasing_last_days * $chasing_sell_in_factor,
            false
        ) as is_rushed
    from periods
    left join rushes
        on periods.partner_id = rushes.partner_id
        and periods.month_start = rushes.month_start
        and periods.plan_id = rushes.plan_id
        and periods.period = rushes.period
),
ranked as (
    select *, is_near_edge or is_rushed as is_chasing, abs(edge_gap) as edge_distance
    from chances
),
chasing as (
    -- One plan speaks for the case: one that was chased, if any, else the one whose tier was nearest.
    select *
    from ranked
    qualify row_number() over (
        partition by partner_id, month_start
        order by is_chasing desc, is_near_edge desc, edge_distance, plan_id, period
    ) = 1
)
select
    partner_id, month_start, plan_id, period, attainment, edge_gap, last_sell_in, usual_sell_in, is_near_edge,
    is_rushed, is_chasing
from chasing
