-- Channels by which any mart can be read: as their newest list has them, also those that have left it, and a row for
-- each that a fact names and no list ever did.
with
lists as (
    select channel_id, name, channel_type, manager, valid_from, valid_to
    from stg_channels
    where valid_from <= $as_of_date
),
newest as (
    select *
    from lists
    qualify row_number() over (partition by channel_id order by valid_from desc) = 1
),
named as (
    select entity_id as channel_id from named_keys where entity_type = 'channel'
),
keys as (
    select channel_id from newest
    union
    select channel_id from named
),
final as (
    select
        keys.channel_id,
        coalesce(newest.name, keys.channel_id) as channel_name,
        coalesce(newest.channel_type, 'unknown') as channel_type,
        newest.manager as channel_manager,
        case
            when newest.channel_id is null then 'unknown'
            when newest.valid_to > $as_of_date then 'listed'
            else 'left'
        end as master_data_status
    from keys
    left join newest on newest.channel_id = keys.channel_id
)
select channel_id, channel_name, channel_type, channel_manager, master_data_status
from final
