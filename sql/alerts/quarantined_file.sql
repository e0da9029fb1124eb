-- Files that were refused whole and have not been replaced by a good one, over the last days.
with
refused as (
    select sender, feed, business_date, rows, rejected
    from deliveries
    where status = 'quarantined'
        and business_date <= $as_of_date
        and business_date > $as_of_date - $missing_file_days
),
inputs as (
    select
        sender,
        feed,
        coalesce(period_end, period_start, cast(delivered_at at time zone $time_zone as date) - 1) as business_date,
        file,
        reason,
        delivered_at
    from system.inputs
    where status = 'quarantined'
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
    select channel_id, manager from channels_current
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
        count(*) as days_refused,
        min(business_date) as first_refused_on,
        max(business_date) as last_refused_on,
        sum(rows) as rows_read,
        sum(rejected) as rows_rejected
    from refused
    group by sender, feed
),
newest as (
    select sender, feed, file, reason
    from inputs
    qualify row_number() over (partition by sender, feed order by business_date desc, delivered_at desc, file) = 1
),
final as (
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
        case when reported.partners = 1 then reported.partner_manager end as partner_manager,
        case when reported.channels = 1 then channels.manager end as channel_manager,
        summed.days_refused,
        summed.first_refused_on,
        summed.last_refused_on,
        summed.rows_read,
        summed.rows_rejected,
        newest.file,
        newest.reason
    from summed
    left join newest
        on summed.sender = newest.sender
        and summed.feed = newest.feed
    left join reported
        on summed.sender = reported.sender
    left join channels
        on reported.channel_id = channels.channel_id
)
select
    sender, feed, feed_en, feed_zh, partner_id, sender_name, partner_manager, channel_manager, days_refused,
    first_refused_on, last_refused_on, rows_read, rows_rejected, file, reason
from final
