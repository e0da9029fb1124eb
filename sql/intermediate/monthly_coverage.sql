-- Expected and delivered partner-days of sales for each channel and each partner by month.
with scoped as (
    select 'channel' as scope, channel_id as scope_id, partner_id, sender, business_date, is_delivered
    from coverage_days
    union all
    select distinct 'partner' as scope, partner_id as scope_id, partner_id, sender, business_date, is_delivered
    from coverage_days
)

select
    scope,
    scope_id,
    cast(date_trunc('month', business_date) as date) as month_start,
    count(*) as expected_days,
    count(*) filter (where is_delivered) as delivered_days
from scoped
group by scope, scope_id, cast(date_trunc('month', business_date) as date)
