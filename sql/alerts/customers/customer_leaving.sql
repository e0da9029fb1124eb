-- High-value customers who slipped away since the end of last month, by the manager who should call them: their own,
-- else that of the channel they prefer.
with
customers as (
    select
        customer_id, manager, contact_allowed, monetary, monetary_all_time, recency_days, segment, previous_segment,
        preferred_channel
    from customer_scores
),
channels as (
    select channel_id, manager from channels_current
),

leaving as (
    select
        customers.customer_id,
        coalesce(customers.manager, channels.manager) as manager,
        customers.contact_allowed,
        customers.monetary,
        customers.monetary_all_time,
        customers.recency_days
    from customers
    left join channels
        on customers.preferred_channel = channels.channel_id
    where customers.previous_segment = 'high_value'
        and customers.segment in ('at_risk_high_value', 'lost_big_spender', 'lost')
),
ranked as (
    select *, row_number() over (
        partition by manager order by monetary_all_time desc, customer_id
    ) as place
    from leaving
),
summed as (
    select
        coalesce(manager, '') as manager,
        count(*) as customers,
        count(*) filter (where coalesce(contact_allowed, false)) as customers_to_call,
        sum(monetary) as monetary,
        string_agg(
            customer_id || case when coalesce(contact_allowed, false) then '' else '*' end, ', ' order by place
        ) filter (where place <= $customers_named_max) as customer_ids,
        max(recency_days) as recency_days
    from ranked
    group by coalesce(manager, '')
),
final as (
    select
        manager,
        customers,
        customers_to_call,
        cast(monetary as double) as monetary,
        customer_ids,
        recency_days,
        to_char($as_of_date, '%Y-%m') as month
    from summed
)
select manager, customers, customers_to_call, monetary, customer_ids, recency_days, month
from final
