-- Files that were refused whole and have not been replaced by a good one, over the last days.
with
refused as (
    select sender, feed, business_date, rows, rejected
    from deliveries
    where status = 'quarantined'
        and business_date <= $as_of_date
        and business_date > $as_of_date - $missing_file_days
),
inputs as (
    select
        sender,
        feed,
        coalesce(period_end, period_start, cast(delivered_at at time zone $time_zone as date) - 1) as business_date,
        file,
        reason,
        delivered_at
    from system.inputs
    where status = 'quarantined'
),
contacts as (
    select sender, sender_name, partner_id, partner_manager, channel_manager from sender_contacts
),
feeds as (
    select feed, feed_en, feed_zh from settings.feed_names
),
summed as (
    select
        sender,
        feed,
        count(*) as days_refused,
        min(business_date) as first_refused_on,
        max(business_date) as last_refused_on,
        sum(rows) as rows_read,
        sum(rejected) as rows_rejected
    from refused
    group by sender, feed
),
newest as (
    select sender, feed, file, reason
    from inputs
    qualify row_number() over (partition by sender, feed order by business_date desc, delivered_at desc, file) = 1
),
final as (
    select
        summed.sender,
        summed.feed,
        coalesce(feeds.feed_en, summed.feed) as feed_en,
        coalesce(feeds.feed_zh, summed.feed) as feed_zh,
        coalesce(contacts.partner_id, '') as partner_id,
        coalesce(contacts.sender_name, summed.sender) as sender_name,
        contacts.partner_manager,
        contacts.channel_manager,
        summed.days_refused,
        summed.first_refused_on,
        summed.last_refused_on,
        summed.rows_read,
        summed.rows_rejected,
        newest.file,
        newest.reason
    from summed
    left join newest
        on summed.sender = newest.sender
        and summed.feed = newest.feed
    left join contacts
        on summed.sender = contacts.sender
    left join feeds
        on summed.feed = feeds.feed
)
select
    sender, feed, feed_en, feed_zh, partner_id, sender_name, partner_manager, channel_manager, days_refused,
    first_refused_on, last_refused_on, rows_read, rows_rejected, file, reason
from final
