-- Files of the as-of date that came after their deadline, corrected since or not: figures are whole, but the habit is
-- worth a word.
with
late as (
    select sender, feed, business_date, late_hours
    from deliveries
    where is_late and status <> 'quarantined' and business_date = $as_of_date
),
history as (
    select
        sender,
        feed,
        count(*) filter (where is_late or status = 'missing') as days_late,
        count(*) as days_expected
    from deliveries
    where business_date <= $as_of_date and business_date > $as_of_date - $late_file_days and expected_by is not null
    group by sender, feed
),
contacts as (
    select sender, sender_name, partner_id, partner_manager, channel_manager from sender_contacts
),
feeds as (
    select feed, feed_en, feed_zh from settings.feed_names
),
final as (
    select
        late.sender,
        late.feed,
        coalesce(feeds.feed_en, late.feed) as feed_en,
        coalesce(feeds.feed_zh, late.feed) as feed_zh,
        coalesce(contacts.partner_id, '') as partner_id,
        coalesce(contacts.sender_name, late.sender) as sender_name,
        contacts.partner_manager,
        contacts.channel_manager,
        late.business_date,
        round(late.late_hours, 1) as late_hours,
        history.days_late,
        history.days_expected,
        $late_file_days as window_days
    from late
    left join history
        on late.sender = history.sender
        and late.feed = history.feed
    left join contacts
        on late.sender = contacts.sender
    left join feeds
        on late.feed = feeds.feed
)
select
    sender, feed, feed_en, feed_zh, partner_id, sender_name, partner_manager, channel_manager, business_date, late_hours,
    days_late, days_expected, window_days
from final
