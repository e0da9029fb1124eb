-- Everything found about one partner in one month, what may have caused it, and what is put to the person who decides.
-- Every cause is a flag with the figures that speak for it; `cause` is the first that holds. It is evidence, not a
-- verdict. A sale line counts once in the value of a case, however many kinds of conflict it belongs to.
with
cases as (
    select * from conflict_months
),
chasing as (
    select * from conflict_chasing
),
rebates as (
    -- What a deduction could be taken from. A rebate that cannot be computed leaves the sum open.
    select
        partner_id,
        month_start,
        coalesce(sum(greatest(rebate, 0)), 0) as known_rebate,
        count(*) > count(rebate) as has_unknown_rebate
    from conflict_rebates
    group by partner_id, month_start
),
findings as (
    select partner_id, month_start, kind, count(*) as findings, sum(amount) as amount
    from channel_conflicts
    group by partner_id, month_start, kind
),
months as (
    select scope_id as partner_id, month_start, net_sales
    from monthly_sales
    where scope = 'partner'
),
checks as (
    select
        partner_id,
        cast(date_trunc('month', business_date) as date) as month_start,
        sum(lines) filter (where territory_status not in ('inside', 'outside')) as lines_not_judged,
        sum(net_amount) filter (where territory_status not in ('inside', 'outside')) as amount_not_judged
    from territory_checks
    group by partner_id, cast(date_trunc('month', business_date) as date)
),
cover as (
    select business_date, partner_id, days_of_inventory
    from stock_cover_days
    where days_of_inventory is not null
),
partners as (
    select partner_id, name, channel_id, manager from partners_current
),
channels as (
    select channel_id, name, manager from channels_current
),
by_kind as (
    select
        partner_id,
        month_start,
        sum(findings) as findings,
        coalesce(sum(findings) filter (where kind = 'cross_region'), 0) as cross_region_findings,
        coalesce(sum(amount) filter (where kind = 'cross_region'), 0) as cross_region_value,
        coalesce(sum(findings) filter (where kind = 'below_floor_price'), 0) as below_floor_findings,
        coalesce(sum(amount) filter (where kind = 'below_floor_price'), 0) as below_floor_value,
        coalesce(sum(findings) filter (where kind = 'unapproved_promotion'), 0) as unapproved_promotion_findings,
        coalesce(sum(amount) filter (where kind = 'unapproved_promotion'), 0) as unapproved_promotion_value,
        coalesce(sum(findings) filter (where kind = 'price_war'), 0) as price_war_findings,
        coalesce(sum(amount) filter (where kind = 'price_war'), 0) as price_war_value
    from findings
    group by partner_id, month_start
),
repeated as (
    select cases.partner_id, cases.month_start, count(*) as months_with_conflicts
    from cases
    inner join cases as earlier
        on cases.partner_id = earlier.partner_id
        and earlier.month_start <= cases.month_start
        and earlier.month_start > add_months(cases.month_start, -$malicious_months)
    group by cases.partner_id, cases.month_start
),
cover_before as (
    -- What stock lasted for, as a rule, before it began.
    select
        cases.partner_id,
        cases.month_start,
        median_exact(cover.days_of_inventory) as days_of_inventory
    from cases
    inner join cover
        on cases.partner_id = cover.partner_id
        and cover.business_date < cases.first_seen_on
        and cover.business_date >= cases.first_seen_on - $overstock_cause_days
    group by cases.partner_id, cases.month_start
),
measured as (
    select
        cases.*,
        by_kind.findings,
        by_kind.cross_region_findings,
        by_kind.cross_region_value,
        by_kind.below_floor_findings,
        by_kind.below_floor_value,
        by_kind.unapproved_promotion_findings,
        by_kind.unapproved_promotion_value,
        by_kind.price_war_findings,
        by_kind.price_war_value,
        months.net_sales,
        cast(cases.conflict_value as double)
        / cast(case when months.net_sales > 0 then months.net_sales end as double) as sales_share,
        cases.conflict_value - cases.followed_value as own_value,
        cast(cases.conflict_value - cases.followed_value as double)
        / cast(case when months.net_sales > 0 then months.net_sales end as double) as own_share,
        case when cases.priced_lines = cases.lines then
            1 - cast(cases.conflict_value as double) / nullif(cast(cases.list_value as double), 0)
        end as price_deviation,
        repeated.months_with_conflicts,
        coalesce(checks.lines_not_judged, 0) as lines_not_judged,
        coalesce(checks.amount_not_judged, 0) as amount_not_judged,
        cover.days_of_inventory as days_of_inventory_at_first,
        cover_before.days_of_inventory as days_of_inventory_usual,
        chasing.plan_id as rebate_plan_id,
        chasing.period as rebate_period,
        chasing.attainment as rebate_attainment,
        chasing.edge_gap as rebate_edge_gap,
        chasing.sell_in_period,
        chasing.last_sell_in,
        chasing.usual_sell_in,
        chasing.is_chasing,
        case when chasing.partner_id is null then 'no_rebate_plan' else chasing.chasing_status end as chasing_status,
        coalesce(rebates.known_rebate, 0) as known_rebate,
        coalesce(rebates.has_unknown_rebate, false) as has_unknown_rebate
    from cases
    inner join by_kind
        on cases.partner_id = by_kind.partner_id
        and cases.month_start = by_kind.month_start
    inner join repeated
        on cases.partner_id = repeated.partner_id
        and cases.month_start = repeated.month_start
    left join months
        on cases.partner_id = months.partner_id
        and cases.month_start = months.month_start
    left join checks
        on cases.partner_id = checks.partner_id
        and cases.month_start = checks.month_start
    left join cover
        on cases.partner_id = cover.partner_id
        and cases.first_seen_on = cover.business_date
    left join cover_before
        on cases.partner_id = cover_before.partner_id
        and cases.month_start = cover_before.month_start
    left join chasing
        on cases.partner_id = chasing.partner_id
        and cases.month_start = chasing.month_start
    left join rebates
        on cases.partner_id = rebates.partner_id
        and cases.month_start = rebates.month_start
),
flagged as (
    -- NULL where the figures that would tell are missing.
    select
        *,
        case
            when sales_share < $conflict_minor_share then 'minor'
            when sales_share < $conflict_major_share then 'moderate'
            when sales_share >= $conflict_major_share then 'severe'
        end as severity,
        -- Whoever only answered another's price cut is not measured by it.
        case
            when own_value = 0 then 'followed'
            when own_share < $conflict_minor_share then 'minor'
            when own_share < $conflict_major_share then 'moderate'
            when own_share >= $conflict_major_share then 'severe'
            else 'undefined'
        end as own_severity,
        is_only_cross_region and not is_anywhere_owned as suggests_blank_market,
        is_only_cross_region and is_only_adjacent and sales_share < $spill_share_max
        and price_deviation < $spill_deviation_max as suggests_border_spill,
        days_of_inventory_at_first >= $overstock_cause_factor * days_of_inventory_usual as suggests_overstock,
        is_chasing as suggests_rebate_chasing,
        months_with_conflicts >= $malicious_months_min and price_deviation >= $malicious_deviation_min
            as suggests_malicious
    from measured
),
decided as (
    select
        *,
        case
            when suggests_blank_market then 'blank_market'
            when suggests_border_spill then 'border_spill'
            when suggests_overstock then 'overstock_driven'
            when suggests_rebate_chasing then 'rebate_chasing'
            when suggests_malicious then 'malicious'
            else 'unclear'
        end as cause
    from flagged
),
proposed as (
    -- A deduction is sized by the case: never more than the goods were sold for; and one that is nothing beside them, or
    -- that there is no rebate to take it from, is no measure at all.
    select
        decided.*,
        measures.measure,
        measures.measure_without_rebate,
        cast(measures.rebate_deduction_rate as double) as full_rate,
        case when not decided.has_unknown_rebate then
            least(
                decided.known_rebate * cast(measures.rebate_deduction_rate as decimal(38, 6)),
                cast(decided.own_value as decimal(38, 10))
            )
        end as deduction
    from decided
    left join settings.conflict_measures as measures
        on decided.own_severity = measures.severity
),
sized as (
    select
        *,
        full_rate > 0 and coalesce(deduction > 0 and deduction >= $conflict_deduction_min * own_value, true)
            as is_deducted
    from proposed
),
final as (
    select
        period_month(decided.month_start) as month,
        decided.month_start,
        last_day(decided.month_start) > $as_of_date as is_provisional,
        decided.partner_id,
        coalesce(partners.name, decided.partner_id) as partner_name,
        partners.manager as partner_manager,
        partners.channel_id,
        coalesce(channels.name, partners.channel_id) as channel_name,
        channels.manager as channel_manager,
        decided.first_seen_on,
        decided.last_seen_on,
        decided.findings,
        decided.lines,
        decided.units,
        cast(decided.conflict_value as decimal(18, 4)) as conflict_value,
        decided.cross_region_findings,
        cast(decided.cross_region_value as decimal(18, 4)) as cross_region_value,
        decided.below_floor_findings,
        cast(decided.below_floor_value as decimal(18, 4)) as below_floor_value,
        decided.unapproved_promotion_findings,
        cast(decided.unapproved_promotion_value as decimal(18, 4)) as unapproved_promotion_value,
        decided.price_war_findings,
        cast(decided.price_war_value as decimal(18, 4)) as price_war_value,
        cast(decided.followed_value as decimal(18, 4)) as followed_value,
        decided.net_sales,
        decided.sales_share,
        case when decided.sales_share is null then 'no_sales' end as sales_share_status,
        decided.severity,
        case when decided.severity is null then 'no_sales' end as severity_status,
        decided.price_deviation,
        case when decided.price_deviation is null then 'no_list_price' end as price_deviation_status,
        decided.lines_not_judged,
        cast(decided.amount_not_judged as decimal(18, 4)) as amount_not_judged,
        decided.months_with_conflicts,
        decided.days_of_inventory_at_first,
        decided.days_of_inventory_usual,
        case
            when decided.days_of_inventory_at_first is null then 'no_stock_count'
            when decided.days_of_inventory_usual is null then 'no_prior_period'
        end as stock_status,
        decided.rebate_plan_id,
        decided.rebate_period,
        decided.rebate_attainment,
        decided.rebate_edge_gap,
        case when decided.rebate_plan_id is null then 'no_rebate_plan' end as rebate_status,
        decided.sell_in_period,
        decided.last_sell_in,
        decided.usual_sell_in,
        decided.suggests_blank_market,
        decided.suggests_border_spill,
        decided.suggests_overstock,
        decided.suggests_rebate_chasing,
        case when decided.suggests_rebate_chasing is null then decided.chasing_status end as rebate_chasing_status,
        decided.suggests_malicious,
        decided.cause,
        case decided.cause when 'unclear' then 'unclear' when 'malicious' then 'suspected' else 'indicated' end
            as cause_status,
        decided.own_severity in ('moderate', 'severe', 'undefined')
        and decided.cause not in ('blank_market', 'border_spill') as is_suspected,
        case when decided.is_deducted or decided.full_rate = 0 then decided.measure else decided.measure_without_rebate end
            as proposed_measure,
        case
            when not decided.is_deducted then 0
            when decided.deduction is null then decided.full_rate
            else round(cast(decided.deduction as double) / nullif(cast(decided.known_rebate as double), 0), 6)
        end as rebate_deduction_rate,
        cast(case when not decided.is_deducted then 0 else decided.deduction end as decimal(18, 4))
            as proposed_deduction,
        case when decided.is_deducted and decided.deduction is null then 'rebate_unknown' end
            as proposed_deduction_status
    from sized as decided
    left join partners
        on decided.partner_id = partners.partner_id
    left join channels
        on partners.channel_id = channels.channel_id
)
select
    month, month_start, is_provisional, partner_id, partner_name, partner_manager, channel_id, channel_name,
    channel_manager, first_seen_on, last_seen_on, findings, lines, units, conflict_value, cross_region_findings,
    cross_region_value, below_floor_findings, below_floor_value, unapproved_promotion_findings,
    unapproved_promotion_value, price_war_findings, price_war_value, followed_value, net_sales, sales_share,
    sales_share_status, severity, severity_status, price_deviation, price_deviation_status, lines_not_judged, amount_not_judged,
    months_with_conflicts, days_of_inventory_at_first, days_of_inventory_usual, stock_status, rebate_plan_id,
    rebate_period, rebate_attainment, rebate_edge_gap, rebate_status, sell_in_period, last_sell_in, usual_sell_in,
    suggests_blank_market, suggests_border_spill, suggests_overstock, suggests_rebate_chasing, rebate_chasing_status,
    suggests_malicious, cause, cause_status, is_suspected, proposed_measure, rebate_deduction_rate, proposed_deduction,
    proposed_deduction_status
from final
