-- The version of every channel that is in force on the as-of date.
select
    channel_id,
    name,
    channel_type,
    manager,
    valid_from,
    valid_to
from stg_channels
where valid_from <= $as_of_date
    and valid_to > $as_of_date
