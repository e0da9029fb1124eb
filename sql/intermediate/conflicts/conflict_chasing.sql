-- Whether a rebate was within reach while a partner's conflicts happened, or stock was taken in for one: attainment
-- near the edge of a tier, or far more sell-in on the last days of a rebate period than is usual. It was one of them, or
-- none of them was, or nobody can tell yet: then is_chasing is NULL and chasing_status says why.
with
periods as (
    select * from conflict_rebates
),
sell_in as (
    select business_date, partner_id, net_amount from sell_in_days
),
history as (
    select min(business_date) as known_from from sell_in
),
buyers as (
    select distinct partner_id from sell_in
),
taken as (
    select
        periods.partner_id,
        periods.month_start,
        periods.plan_id,
        periods.period,
        sum(sell_in.net_amount) filter (where sell_in.business_date > periods.period_end - $chasing_last_days)
            as last_sell_in,
        sum(sell_in.net_amount) filter (where sell_in.business_date <= periods.period_end - $chasing_last_days)
            as earlier_sell_in
    from periods
    inner join sell_in
        on periods.partner_id = sell_in.partner_id
        and sell_in.business_date <= periods.period_end
        and sell_in.business_date > periods.period_end - $chasing_last_days - $chasing_usual_days
    group by periods.partner_id, periods.month_start, periods.plan_id, periods.period
),
measured as (
    select
        periods.*,
        coalesce(taken.last_sell_in, 0) as last_amount,
        coalesce(taken.earlier_sell_in, 0) as earlier_amount,
        history.known_from,
        buyers.partner_id is not null as is_buyer
    from periods
    cross join history
    left join buyers
        on periods.partner_id = buyers.partner_id
    left join taken
        on periods.partner_id = taken.partner_id
        and periods.month_start = taken.month_start
        and periods.plan_id = taken.plan_id
        and periods.period = taken.period
),
known as (
    -- A period still running has no last days yet, and what came before our history makes no usual. Who took in nothing
    -- on the last days did not rush, whatever is usual.
    select
        *,
        case
            when is_provisional then 'period_running'
            when not is_buyer then 'no_shipments'
            when known_from > period_end - $chasing_last_days + 1 then 'incomplete_history'
            when last_amount <= 0 then null
            when known_from > period_end - $chasing_last_days - $chasing_usual_days + 1 then 'incomplete_history'
            when earlier_amount <= 0 then 'no_usual_sell_in'
        end as sell_in_status,
        case
            when edge_gap is not null then abs(edge_gap) <= $chasing_edge_gap
            when edge_status = 'no_edge' then false
        end as is_near_edge
    from measured
),
judged as (
    select
        *,
        case when sell_in_status is null then
            last_amount > 0
            and last_amount * $chasing_usual_days >= earlier_amount * $chasing_last_days * $chasing_sell_in_factor
        end as is_rushed
    from known
),
verdicts as (
    select
        partner_id,
        month_start,
        coalesce(bool_or(is_near_edge), false) or coalesce(bool_or(is_rushed), false) as is_shown,
        count(*) filter (where is_near_edge is null or is_rushed is null) as unknown_periods,
        bool_or(is_provisional) as is_running,
        min(coalesce(sell_in_status, edge_status)) filter (where is_near_edge is null or is_rushed is null) as reason
    from judged
    group by partner_id, month_start
),
edges as (
    -- One plan speaks for the case: that whose tier was nearest.
    select partner_id, month_start, plan_id, period, attainment, edge_gap, is_near_edge
    from judged
    qualify row_number() over (
        partition by partner_id, month_start order by is_near_edge desc, abs(edge_gap), plan_id, period
    ) = 1
),
rushes as (
    -- And one closed period: that with a rush, if any, else the latest.
    select partner_id, month_start, period, last_amount, earlier_amount, is_rushed
    from judged
    where not is_provisional and is_buyer
    qualify row_number() over (
        partition by partner_id, month_start order by is_rushed desc, period_end desc, plan_id
    ) = 1
),
final as (
    select
        verdicts.partner_id,
        verdicts.month_start,
        edges.plan_id,
        edges.period,
        edges.attainment,
        edges.edge_gap,
        edges.is_near_edge,
        rushes.period as sell_in_period,
        cast(rushes.last_amount as decimal(18, 4)) as last_sell_in,
        cast(rushes.earlier_amount * $chasing_last_days / $chasing_usual_days as decimal(18, 4)) as usual_sell_in,
        rushes.is_rushed,
        case when verdicts.is_shown then true when verdicts.unknown_periods = 0 then false end as is_chasing,
        case when not verdicts.is_shown and verdicts.unknown_periods > 0 then
            case when verdicts.is_running then 'period_running' else verdicts.reason end
        end as chasing_status
    from verdicts
    inner join edges
        on verdicts.partner_id = edges.partner_id
        and verdicts.month_start = edges.month_start
    left join rushes
        on verdicts.partner_id = rushes.partner_id
        and verdicts.month_start = rushes.month_start
)
select
    partner_id, month_start, plan_id, period, attainment, edge_gap, is_near_edge, sell_in_period, last_sell_in,
    usual_sell_in, is_rushed, is_chasing, chasing_status
from final
