-- Active partners whose business licence ends soon or has ended.
with
partners as (
    select partner_id, name, channel_id, manager, business_licence, licence_valid_until
    from partners_current
    where status = 'active' and licence_valid_until is not null
),
channels as (
    select channel_id, name, manager from channels_current
),
final as (
    select
        partners.partner_id,
        partners.name as partner_name,
        partners.manager as partner_manager,
        coalesce(channels.name, partners.channel_id) as channel_name,
        channels.manager as channel_manager,
        partners.business_licence,
        partners.licence_valid_until,
        partners.licence_valid_until - $as_of_date as days_left,
        abs(partners.licence_valid_until - $as_of_date) as days,
        partners.licence_valid_until < $as_of_date as is_expired,
        case when partners.licence_valid_until < $as_of_date then 'critical' else 'warning' end as severity
    from partners
    left join channels
        on partners.channel_id = channels.channel_id
    where partners.licence_valid_until - $as_of_date <= $licence_notice_days
)
select
    partner_id, partner_name, partner_manager, channel_name, channel_manager, business_licence, licence_valid_until,
    days_left, days, is_expired, severity
from final
