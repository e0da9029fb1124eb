-- What each channel and each partner cost by month, in base currency. Where a rebate of the month is not known, neither is
-- the cost: rebate_status says why.
with scoped as (
    select 'channel' as scope, channel_id as scope_id, month_start, amount
    from cost_lines
    union all
    select 'partner' as scope, partner_id as scope_id, month_start, amount
    from cost_lines
    where partner_id is not null
),

unknown as (
    select 'channel' as scope, channel_id as scope_id, month_start, min(rebate_status) as rebate_status
    from unknown_rebates
    where channel_id is not null
    group by channel_id, month_start
    union all
    select 'partner' as scope, partner_id as scope_id, month_start, rebate_status
    from unknown_rebates
),

summed as (
    select
        scope,
        scope_id,
        month_start,
        sum(amount) as channel_cost,
        count(*) filter (where amount is null) as rows_without_rate
    from scoped
    group by scope, scope_id, month_start
)

select
    coalesce(summed.scope, unknown.scope) as scope,
    coalesce(summed.scope_id, unknown.scope_id) as scope_id,
    coalesce(summed.month_start, unknown.month_start) as month_start,
    cast(case when unknown.rebate_status is null then summed.channel_cost end as decimal(18,4)) as channel_cost,
    coalesce(summed.rows_without_rate, 0) as rows_without_rate,
    unknown.rebate_status
from summed
full join unknown
    on unknown.scope = summed.scope
    and unknown.scope_id = summed.scope_id
    and unknown.month_start = summed.month_start
