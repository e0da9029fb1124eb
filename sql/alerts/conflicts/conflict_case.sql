-- Partners whose sales of late need a look: conflicts of channel, each partner by its newest case, with the finding
-- that weighs most and what the figures suggest as the cause. For a person to check and decide.
with
cases as (
    select *
    from conflict_cases
    where last_seen_on > $as_of_date - $conflict_notice_days
    qualify row_number() over (partition by partner_id order by month_start desc) = 1
),
findings as (
    select * from channel_conflicts
),
partners as (
    select partner_id, name, manager from partners_current
),
regions as (
    select region, name
    from stg_regions
    where valid_from <= $as_of_date and superseded_from > $as_of_date
),
ranked as (
    select
        findings.*,
        coalesce(regions.name, findings.region) as region_name,
        row_number() over (
            partition by findings.partner_id, findings.month_start
            order by findings.amount desc, findings.kind, findings.sku, findings.region, findings.reason
        ) as place
    from findings
    inner join cases
        on findings.partner_id = cases.partner_id
        and findings.month_start = cases.month_start
    left join regions
        on findings.region = regions.region
),
listed as (
    select
        partner_id,
        string_agg(
            product_name || ' (' || sku || ') ' || region_name || ' ×' || cast(units as text), '; ' order by place
        ) filter (where place <= $mail_products_max) as top_findings
    from ranked
    group by partner_id
),
hurt as (
    -- In whose territory most of the goods went that should not have.
    select partner_id, affected_partner_id, affected_partner_name
    from ranked
    where kind = 'cross_region' and affected_partner_id is not null
    qualify row_number() over (partition by partner_id order by place) = 1
),
wars as (
    -- Whoever went low first in the war that weighs most.
    select partner_id, first_mover_id
    from ranked
    where kind = 'price_war'
    qualify row_number() over (partition by partner_id order by place) = 1
),
final as (
    select
        cases.partner_id,
        cases.partner_name,
        cases.partner_manager,
        coalesce(cases.channel_name, cases.channel_id) as channel_name,
        cases.channel_manager,
        affected.manager as affected_manager,
        cases.month,
        case
            when cases.proposed_measure = 'hear' then 'info'
            when cases.severity = 'severe' then 'critical'
            when cases.severity = 'minor' then 'info'
            else 'warning'
        end as severity,
        cases.first_seen_on,
        cases.last_seen_on,
        cases.lines,
        cast(cases.conflict_value as double) as conflict_value,
        cases.sales_share,
        cast(cases.cross_region_value as double) as cross_region_value,
        cast(cases.below_floor_value as double) as below_floor_value,
        cast(cases.unapproved_promotion_value as double) as unapproved_promotion_value,
        cast(cases.price_war_value as double) as price_war_value,
        listed.top_findings,
        hurt.affected_partner_id,
        hurt.affected_partner_name,
        wars.first_mover_id,
        movers.name as first_mover_name,
        cases.cause,
        cases.price_deviation,
        cases.months_with_conflicts,
        cases.days_of_inventory_at_first,
        cases.days_of_inventory_usual,
        cases.rebate_plan_id,
        cases.rebate_period,
        cases.rebate_attainment,
        cases.proposed_measure,
        cases.rebate_deduction_rate,
        cast(cases.proposed_deduction as double) as proposed_deduction
    from cases
    inner join listed
        on cases.partner_id = listed.partner_id
    left join hurt
        on cases.partner_id = hurt.partner_id
    left join wars
        on cases.partner_id = wars.partner_id
    left join partners as affected
        on hurt.affected_partner_id = affected.partner_id
    left join partners as movers
        on wars.first_mover_id = movers.partner_id
)
select
    partner_id, partner_name, partner_manager, channel_name, channel_manager, affected_manager, month, severity,
    first_seen_on, last_seen_on, lines, conflict_value, sales_share, cross_region_value, below_floor_value,
    unapproved_promotion_value, price_war_value, top_findings, affected_partner_id, affected_partner_name,
    first_mover_id, first_mover_name, cause, price_deviation, months_with_conflicts, days_of_inventory_at_first,
    days_of_inventory_usual, rebate_plan_id, rebate_period, rebate_attainment, proposed_measure,
    rebate_deduction_rate, proposed_deduction
from final
