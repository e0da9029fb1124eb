-- Folders of the inbox that could not be listed in this run: what their senders delivered was not even seen.
with
unlisted as (
    select sender, feed, reason from system.unlisted
),
contacts as (
    select sender, sender_name from sender_contacts
),
summed as (
    select
        sender,
        count(*) as feeds,
        string_agg(feed, ', ' order by feed) as feed_list,
        min(reason) as reason
    from unlisted
    group by sender
),
final as (
    select
        summed.sender,
        coalesce(contacts.sender_name, summed.sender) as sender_name,
        summed.feeds,
        summed.feed_list,
        summed.reason
    from summed
    left join contacts
        on summed.sender = contacts.sender
)
select sender, sender_name, feeds, feed_list, reason
from final
