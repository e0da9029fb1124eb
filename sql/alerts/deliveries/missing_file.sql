-- Files that a sender owed and did not send, over the last days: whose they are and for how long.
with
missing as (
    select sender, feed, business_date, expected_by
    from deliveries
    where status = 'missing'
        and business_date <= $as_of_date
        and business_date > $as_of_date - $missing_file_days
),
contacts as (
    select sender, sender_name, partners, partner_id, partner_manager, channel_manager from sender_contacts
),
feeds as (
    select feed, feed_en, feed_zh from settings.feed_names
),
summed as (
    select
        sender,
        feed,
        count(*) as days_missing,
        min(business_date) as first_missing_on,
        max(business_date) as last_missing_on,
        max(expected_by) as expected_by
    from missing
    group by sender, feed
),
final as (
    select
        summed.sender,
        summed.feed,
        coalesce(feeds.feed_en, summed.feed) as feed_en,
        coalesce(feeds.feed_zh, summed.feed) as feed_zh,
        coalesce(contacts.partner_id, '') as partner_id,
        coalesce(contacts.sender_name, summed.sender) as sender_name,
        coalesce(contacts.partners, 0) as partners,
        contacts.partner_manager,
        contacts.channel_manager,
        summed.days_missing,
        summed.first_missing_on,
        summed.last_missing_on,
        to_char(summed.expected_by at time zone $time_zone, '%Y-%m-%d %H:%M') as expected_by
    from summed
    left join contacts
        on summed.sender = contacts.sender
    left join feeds
        on summed.feed = feeds.feed
)
select
    sender, feed, feed_en, feed_zh, partner_id, sender_name, partners, partner_manager, channel_manager, days_missing,
    first_missing_on, last_missing_on, expected_by
from final
