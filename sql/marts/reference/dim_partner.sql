-- Partners by which any mart can be read: as their newest list has them, also those that have left it, and a row for
-- each that a fact names and no list ever did.
with
newest as (
    select partner_id, name, channel_id, cooperation_mode, territory, status, joined_on, ended_on, manager
    from stg_partners
    where valid_from <= $as_of_date
    qualify row_number() over (partition by partner_id order by valid_from desc) = 1
),
named as (
    select entity_id as partner_id, master_data_status from named_keys where entity_type = 'partner'
),
described as (
    select
        named.partner_id,
        coalesce(newest.name, named.partner_id) as partner_name,
        newest.channel_id,
        newest.cooperation_mode,
        newest.status as partner_status,
        newest.territory,
        coalesce(nullif(trim(split_part(newest.territory, ';', 1)), ''), 'unknown') as region,
        newest.joined_on,
        newest.ended_on,
        newest.manager as partner_manager,
        named.master_data_status
    from named
    left join newest on newest.partner_id = named.partner_id
),
final as (
    select
        described.*,
        dim_channel.channel_name,
        dim_channel.channel_type,
        coalesce(dim_region.region_name, described.region) as region_name
    from described
    left join dim_channel on dim_channel.channel_id = described.channel_id
    left join dim_region on dim_region.region = described.region
)
select
    partner_id, partner_name, channel_id, channel_name, channel_type, cooperation_mode, partner_status, territory,
    region, region_name, joined_on, ended_on, partner_manager, master_data_status
from final
