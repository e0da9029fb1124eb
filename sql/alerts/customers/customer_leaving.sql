-- High-value customers who slipped away since the end of last month, by the manager who should call them: their own,
-- else that of the channel they prefer.
with
leaving as (
    select * from customers_leaving
),
summed as (
    select
        manager,
        count(*) as customers,
        count(*) filter (where is_contact_allowed) as customers_to_call,
        sum(monetary) as monetary,
        string_agg(
            customer_id || case when is_contact_allowed then '' else '*' end, ', ' order by place
        ) filter (where place <= $customers_named_max) as customer_ids,
        string_agg(
            customer_id || '|' || coalesce(cast(monetary as text), '') || '|' || coalesce(cast(last_order_on as text), '')
            || '|' || coalesce(cast(recency_days as text), '') || '|' || replace(coalesce(channel_name, ''), '|', '/')
            || '|' || replace(coalesce(preferred_category, ''), '|', '/'),
            ';' order by place
        ) filter (where place <= $customers_named_max and is_contact_allowed) as customers_called,
        max(recency_days) as recency_days
    from leaving
    group by manager
),
final as (
    select
        manager,
        customers,
        customers_to_call,
        cast(monetary as double) as monetary,
        customer_ids,
        customers_called,
        recency_days,
        to_char($as_of_date, '%Y-%m') as month
    from summed
)
select manager, customers, customers_to_call, monetary, customer_ids, customers_called, recency_days, month
from final
