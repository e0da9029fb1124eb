-- Folders of the inbox that could not be listed in this run: what their senders delivered was not even seen.
with
unlisted as (
    select sender, feed, reason from system.unlisted
),
contacts as (
    select sender, sender_name from sender_contacts
),
names as (
    select feed, feed_en, feed_zh from settings.feed_names
),
summed as (
    select
        unlisted.sender,
        count(*) as feeds,
        string_agg(coalesce(names.feed_en, unlisted.feed), ', ' order by unlisted.feed) as feeds_en,
        string_agg(coalesce(names.feed_zh, unlisted.feed), '、' order by unlisted.feed) as feeds_zh,
        min(unlisted.reason) as reason
    from unlisted
    left join names
        on unlisted.feed = names.feed
    group by unlisted.sender
),
final as (
    select
        summed.sender,
        coalesce(contacts.sender_name, summed.sender) as sender_name,
        summed.feeds,
        summed.feeds_en,
        summed.feeds_zh,
        summed.reason
    from summed
    left join contacts
        on summed.sender = contacts.sender
)
select sender, sender_name, feeds, feeds_en, feeds_zh, reason
from final
