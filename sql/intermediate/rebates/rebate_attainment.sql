-- How far each partner is in each period of its rebate plans, and how near to the edge of a tier: whoever is just
-- below one has a reason to push goods.
with nearest as (
    select partner_id, plan_id, period, min(edge_gap) as edge_gap
    from rebate_tiers
    group by partner_id, plan_id, period
)

select
    periods.partner_id,
    periods.plan_id,
    periods.period,
    periods.period_start,
    periods.period_end,
    periods.closes_on,
    periods.is_provisional,
    periods.basis,
    periods.metric,
    periods.actual,
    periods.target,
    periods.attainment,
    periods.attainment_status,
    nearest.edge_gap,
    case
        when nearest.edge_gap is not null then null
        when not periods.history_is_complete then 'incomplete_history'
        when periods.tiers_by = 'attainment' and periods.attainment is null then 'no_target'
        else 'no_edge'
    end as edge_status
from rebate_periods as periods
left join nearest
    on nearest.partner_id = periods.partner_id
    and nearest.plan_id = periods.plan_id
    and nearest.period = periods.period
