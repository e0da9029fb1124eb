-- Expected and delivered partner-days of sales for each channel and each partner by month. A partner that sells in two
-- channels has delivered its day once it has in both.
with partner_days as (
    select partner_id, business_date, bool_and(is_delivered) as is_delivered
    from coverage_days
    group by partner_id, business_date
),

scoped as (
    select 'channel' as scope, channel_id as scope_id, business_date, is_delivered
    from coverage_days
    union all
    select 'partner' as scope, partner_id as scope_id, business_date, is_delivered
    from partner_days
)

select
    scope,
    scope_id,
    cast(date_trunc('month', business_date) as date) as month_start,
    count(*) as expected_days,
    count(*) filter (where is_delivered) as delivered_days
from scoped
group by scope, scope_id, cast(date_trunc('month', business_date) as date)
