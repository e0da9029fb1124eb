-- The partners to be judged in each quarter: those that cooperate in it and those that apply, as they were when it
-- closed. A candidate is looked at from the quarter of its application on; who had ended before the records begin is not.
with quarters as (
    select
        quarter,
        cast(date_trunc('quarter', min(month_start)) as date) as quarter_start,
        max(closes_on) as closes_on
    from kpi_months
    group by quarter
),

history as (
    select first_day from sales_history
)

select
    stg_partners.partner_id,
    stg_partners.name as partner_name,
    stg_partners.manager as partner_manager,
    stg_partners.channel_id,
    stg_partners.cooperation_mode,
    stg_partners.territory,
    stg_partners.business_licence,
    stg_partners.licence_valid_until,
    stg_partners.industry_years,
    stg_partners.registered_capital,
    stg_partners.sales_team_size,
    coalesce(stg_partners.status, 'active') as partner_status,
    coalesce(stg_partners.status, 'active') = 'candidate' as is_candidate,
    quarters.quarter,
    quarters.quarter_start,
    quarters.closes_on,
    period_end(quarters.quarter) > $as_of_date as is_provisional
from quarters
cross join history
inner join stg_partners
    on stg_partners.valid_from <= quarters.closes_on
    and stg_partners.superseded_from > quarters.closes_on
where coalesce(stg_partners.joined_on <= quarters.closes_on, true)
    and coalesce(
        stg_partners.ended_on >= greatest(quarters.quarter_start, history.first_day),
        coalesce(stg_partners.status, 'active') <> 'ended'
    )
