-- For whom each sender has reported lately, and who looks after them: what an alert about its files says and whom it
-- tells. A sender that reports for several partners is nobody's own: its manager is the channel's, else head office.
with
senders as (
    select sender, partner_id, row_number() over (partition by sender order by partner_id) as place
    from partner_senders
    where month_start >= cast(date_trunc('month', $as_of_date) as date) - $sender_partner_days
    group by sender, partner_id
),
partners as (
    select partner_id, name, channel_id, manager from partners_current
),
channels as (
    select channel_id, manager from channels_current
),
reported as (
    select
        senders.sender,
        count(*) as partners,
        min(senders.partner_id) as partner_id,
        string_agg(
            coalesce(partners.name, senders.partner_id), ' / ' order by senders.partner_id
        ) filter (where senders.place <= $partners_named_max) || case when count(*) > $partners_named_max then ' …' else '' end as partner_names,
        min(partners.manager) as partner_manager,
        count(distinct partners.channel_id) as channels,
        min(partners.channel_id) as channel_id
    from senders
    left join partners
        on senders.partner_id = partners.partner_id
    group by senders.sender
),
final as (
    select
        reported.sender,
        reported.partner_names as sender_name,
        reported.partners,
        case when reported.partners = 1 then reported.partner_id else '' end as partner_id,
        case when reported.partners = 1 then reported.partner_manager end as partner_manager,
        case when reported.channels = 1 then channels.manager end as channel_manager
    from reported
    left join channels
        on reported.channel_id = channels.channel_id
)
select sender, sender_name, partners, partner_id, partner_manager, channel_manager
from final
