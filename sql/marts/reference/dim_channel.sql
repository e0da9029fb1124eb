-- Channels by which any mart can be read: as their newest list has them, also those that have left it, and a row for
-- each that a fact names and no list ever did.
with
newest as (
    select channel_id, name, channel_type, manager
    from stg_channels
    where valid_from <= $as_of_date
    qualify row_number() over (partition by channel_id order by valid_from desc) = 1
),
named as (
    select entity_id as channel_id, master_data_status from named_keys where entity_type = 'channel'
),
final as (
    select
        named.channel_id,
        coalesce(newest.name, named.channel_id) as channel_name,
        coalesce(newest.channel_type, 'unknown') as channel_type,
        newest.manager as channel_manager,
        named.master_data_status
    from named
    left join newest on newest.channel_id = named.channel_id
)
select channel_id, channel_name, channel_type, channel_manager, master_data_status
from final
