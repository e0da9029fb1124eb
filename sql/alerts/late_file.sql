-- Files of the as-of date that came after their deadline: figures are whole, but the habit is worth a word.
with
late as (
    select sender, feed, business_date, late_hours
    from deliveries
    where status = 'late' and business_date = $as_of_date
),
history as (
    select
        sender,
        feed,
        count(*) filter (where status in ('late', 'missing')) as days_late,
        count(*) as days_expected
    from deliveries
    where business_date <= $as_of_date and business_date > $as_of_date - $late_file_days and expected_by is not null
    group by sender, feed
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
final as (
    select
        late.sender,
        late.feed,
        case late.feed
            when 'sales' then 'sales' when 'inventory' then 'stock' when 'shipments' then 'shipment'
            else late.feed
        end as feed_en,
        case late.feed
            when 'sales' then '销售' when 'inventory' then '库存' when 'shipments' then '发货'
            when 'complaints' then '投诉' when 'surveys' then '满意度调查' when 'partners' then '伙伴档案'
            when 'products' then '商品档案' when 'customers' then '客户档案' when 'targets' then '目标'
            else late.feed
        end as feed_zh,
        case when reported.partners = 1 then reported.partner_id else '' end as partner_id,
        case when reported.partners = 1 then reported.partner_name else late.sender end as sender_name,
        case when reported.partners = 1 then reported.partner_manager end as partner_manager,
        case when reported.channels = 1 then channels.manager end as channel_manager,
        late.business_date,
        round(late.late_hours, 1) as late_hours,
        history.days_late,
        history.days_expected,
        $late_file_days as window_days
    from late
    left join history
        on late.sender = history.sender
        and late.feed = history.feed
    left join reported
        on late.sender = reported.sender
    left join channels
        on reported.channel_id = channels.channel_id
)
select
    sender, feed, feed_en, feed_zh, partner_id, sender_name, partner_manager, channel_manager, business_date, late_hours,
    days_late, days_expected, window_days
from final
