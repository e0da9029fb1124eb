-- Files of the last days that hold far less than their sender usually delivers: cut off, or a part was forgotten.
with
short as (
    select sender, feed, business_date, rows, files, usual_rows_share, warning
    from deliveries
    where warning is not null
        and business_date <= $as_of_date
        and business_date > $as_of_date - $short_file_days
),
contacts as (
    select sender, sender_name, partner_id, partner_manager, channel_manager from sender_contacts
),
feeds as (
    select feed, feed_en, feed_zh from settings.feed_names
),
-- The day that lacks most stands for its neighbours.
worst as (
    select sender, feed, business_date, rows, files, usual_rows_share, warning
    from short
    qualify row_number() over (
        partition by sender, feed order by usual_rows_share, business_date desc
    ) = 1
),
final as (
    select
        worst.sender,
        worst.feed,
        coalesce(feeds.feed_en, worst.feed) as feed_en,
        coalesce(feeds.feed_zh, worst.feed) as feed_zh,
        coalesce(contacts.partner_id, '') as partner_id,
        coalesce(contacts.sender_name, worst.sender) as sender_name,
        contacts.partner_manager,
        contacts.channel_manager,
        worst.business_date,
        worst.rows,
        worst.files,
        worst.usual_rows_share,
        worst.warning
    from worst
    left join contacts
        on worst.sender = contacts.sender
    left join feeds
        on worst.feed = feeds.feed
)
select
    sender, feed, feed_en, feed_zh, partner_id, sender_name, partner_manager, channel_manager, business_date, rows, files,
    usual_rows_share, warning
from final
