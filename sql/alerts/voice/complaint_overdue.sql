-- Complaints that still wait for an answer or a solution beyond their limit, by channel and partner, beside how many of
-- the month's broke a limit at all.
with
judged as (
    select *, coalesce(partner_id, '') as concerned_id from complaint_sla
),
overdue as (
    select * from judged where is_overdue
),
channels as (
    select channel_id, name, manager from channels_current
),
partners as (
    select partner_id, name, manager from partners_current
),
timed as (
    select
        *,
        greatest(
            case when answered_at is null then response_hours - response_limit_hours else 0 end,
            case when is_open then resolution_hours - resolution_limit_hours else 0 end
        ) as hours_over
    from overdue
),
ranked as (
    select
        *,
        row_number() over (
            partition by channel_id, concerned_id order by hours_over desc, opened_at, complaint_id
        ) as place
    from timed
),
summed as (
    select
        channel_id,
        concerned_id,
        count(*) as complaints,
        max(hours_over) as hours_over,
        string_agg(complaint_id, ', ' order by place) filter (where place <= $complaints_named_max) as complaint_ids
    from ranked
    group by channel_id, concerned_id
),
this_month as (
    select
        channel_id,
        concerned_id,
        count(*) as complaints,
        count(*) filter (where response_status = 'breached' or resolution_status = 'breached') as breached
    from judged
    where cast(opened_at at time zone $time_zone as date) >= cast(date_trunc('month', $as_of_date) as date)
    group by channel_id, concerned_id
),
final as (
    select
        summed.channel_id,
        coalesce(channels.name, summed.channel_id) as channel_name,
        channels.manager as channel_manager,
        summed.concerned_id as partner_id,
        coalesce(partners.name, summed.concerned_id) as partner_name,
        partners.manager as partner_manager,
        summed.complaints,
        round(summed.hours_over / 24, 1) as days_over,
        summed.complaint_ids,
        ranked.complaint_id as worst_complaint,
        ranked.category as worst_category,
        ranked.medium as worst_medium,
        cast(ranked.opened_at at time zone $time_zone as date) as worst_opened_on,
        coalesce(this_month.complaints, 0) as month_complaints,
        coalesce(this_month.breached, 0) as month_breached
    from summed
    inner join ranked
        on summed.channel_id = ranked.channel_id
        and summed.concerned_id = ranked.concerned_id
        and ranked.place = 1
    left join this_month
        on summed.channel_id = this_month.channel_id
        and summed.concerned_id = this_month.concerned_id
    left join channels
        on summed.channel_id = channels.channel_id
    left join partners
        on summed.concerned_id = partners.partner_id
)
select
    channel_id, channel_name, channel_manager, partner_id, partner_name, partner_manager, complaints, days_over,
    complaint_ids, worst_complaint, worst_category, worst_medium, worst_opened_on, month_complaints, month_breached
from final
