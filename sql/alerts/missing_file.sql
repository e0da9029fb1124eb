-- Files that a sender owed and did not send, over the last days: whose they are and for how long.
with
missing as (
    select sender, feed, business_date, expected_by
    from deliveries
    where status = 'missing'
        and business_date <= $as_of_date
        and business_date > $as_of_date - $missing_file_days
),
senders as (
    select distinct sender, partner_id
    from partner_senders
    where month_start >= cast(date_trunc('month', $as_of_date) as date) - 92
),
partners as (
    select partner_id, name, channel_id, manager from partners_current
),
channels as (
    select channel_id, name, manager from channels_current
),
reported as (
    select
        senders.sender,
        count(*) as partners,
        min(senders.partner_id) as partner_id,
        min(coalesce(partners.name, senders.partner_id)) as partner_name,
        min(partners.manager) as partner_manager,
        count(distinct partners.channel_id) as channels,
        min(partners.channel_id) as channel_id
    from senders
    left join partners
        on senders.partner_id = partners.partner_id
    group by senders.sender
),
summed as (
    select
        sender,
        feed,
        count(*) as days_missing,
        min(business_date) as first_missing_on,
        max(business_date) as last_missing_on,
        max(expected_by) as expected_by
    from missing
    group by sender, feed
),
final as (
    -- A sender that reports for several partners is nobody's own: its manager is the channel's, else head office.
    select
        summed.sender,
        summed.feed,
        case summed.feed
            when 'sales' then 'sales' when 'inventory' then 'stock' when 'shipments' then 'shipment'
            else summed.feed
        end as feed_en,
        case summed.feed
            when 'sales' then '销售' when 'inventory' then '库存' when 'shipments' then '发货'
            when 'complaints' then '投诉' when 'surveys' then '满意度调查' when 'partners' then '伙伴档案'
            when 'products' then '商品档案' when 'customers' then '客户档案' when 'targets' then '目标'
            else summed.feed
        end as feed_zh,
        case when reported.partners = 1 then reported.partner_id else '' end as partner_id,
        case when reported.partners = 1 then reported.partner_name else summed.sender end as sender_name,
        coalesce(reported.partners, 0) as partners,
        case when reported.partners = 1 then reported.partner_manager end as partner_manager,
        case when reported.channels = 1 then channels.manager end as channel_manager,
        summed.days_missing,
        summed.first_missing_on,
        summed.last_missing_on,
        to_char(summed.expected_by at time zone $time_zone, '%m-%d %H:%M') as expected_by
    from summed
    left join reported
        on summed.sender = reported.sender
    left join channels
        on reported.channel_id = channels.channel_id
)
select
    sender, feed, feed_en, feed_zh, partner_id, sender_name, partners, partner_manager, channel_manager, days_missing,
    first_missing_on, last_missing_on, expected_by
from final
