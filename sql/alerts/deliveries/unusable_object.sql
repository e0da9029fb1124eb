-- What lies in the inbox and cannot be taken at all: names that no store can hold, links that lead out of the
-- inbox, folders that cannot be listed. Its sender believes that it was delivered, so somebody must say it was not.
with
unusable as (
    select sender, feed, key, reason from system.unusable
),
counted as (
    select sender, feed, count(*) as objects from unusable group by sender, feed
),
example as (
    select sender, feed, key, reason
    from unusable
    qualify row_number() over (partition by sender, feed order by key, reason) = 1
),
final as (
    select
        counted.sender,
        counted.feed,
        counted.objects,
        example.key,
        example.reason
    from counted
    join example
        on counted.sender = example.sender
        and counted.feed = example.feed
)
select sender, feed, objects, key, reason
from final
