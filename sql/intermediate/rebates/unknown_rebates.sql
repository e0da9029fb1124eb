-- Months of rebate periods whose rebate nobody can say: what was earned in them is not known, and is not 0.
with accruals as (
    select * from rebate_accruals
    where rebate_status is not null
),

months as (
    select
        accruals.partner_id,
        kpi_months.month_start,
        kpi_months.closes_on,
        min(accruals.rebate_status) as rebate_status
    from accruals
    inner join kpi_months
        on kpi_months.month_start >= accruals.period_start
        and kpi_months.month_start <= accruals.closes_on
    group by accruals.partner_id, kpi_months.month_start, kpi_months.closes_on
)

select
    months.month_start,
    months.partner_id,
    stg_partners.channel_id,
    months.rebate_status
from months
left join stg_partners
    on stg_partners.partner_id = months.partner_id
    and stg_partners.valid_from <= months.closes_on
    and stg_partners.superseded_from > months.closes_on
