-- High-value customers who slipped away since the end of last month, with what whoever calls them wants to know.
with
customers as (
    select
        customer_id, manager, is_contact_allowed, monetary, monetary_all_time, last_order_on, recency_days, segment,
        previous_segment, preferred_channel, preferred_category
    from customer_scores
),
channels as (
    select channel_id, name, manager from channels_current
),
final as (
    select
        customers.customer_id,
        coalesce(customers.manager, channels.manager, '') as manager,
        coalesce(customers.is_contact_allowed, false) as is_contact_allowed,
        customers.monetary,
        customers.monetary_all_time,
        customers.last_order_on,
        customers.recency_days,
        customers.segment,
        coalesce(channels.name, customers.preferred_channel) as channel_name,
        customers.preferred_category,
        row_number() over (
            partition by coalesce(customers.manager, channels.manager, '')
            order by customers.monetary_all_time desc, customers.customer_id
        ) as place
    from customers
    left join channels
        on customers.preferred_channel = channels.channel_id
    where customers.previous_segment = 'high_value'
        and customers.segment in ('at_risk_high_value', 'lost_big_spender', 'lost')
)
select
    customer_id, manager, is_contact_allowed, monetary, monetary_all_time, last_order_on, recency_days, segment, channel_name,
    preferred_category, place
from final
