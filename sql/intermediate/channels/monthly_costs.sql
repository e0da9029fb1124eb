-- What each channel and each partner cost by month, in base currency.
with scoped as (
    select 'channel' as scope, channel_id as scope_id, month_start, amount
    from cost_lines
    union all
    select 'partner' as scope, partner_id as scope_id, month_start, amount
    from cost_lines
    where partner_id is not null
)

select
    scope,
    scope_id,
    month_start,
    cast(sum(amount) as decimal(18,4)) as channel_cost,
    count(*) filter (where amount is null) as rows_without_rate
from scoped
group by scope, scope_id, month_start
