-- Complaints that were answered or solved in the end, but after their limit: by channel, partner and day on which that
-- happened, so that each is told once. What still waits is complaint_overdue's.
with
judged as (
    select *, coalesce(partner_id, '') as concerned_id from complaint_sla
),
channels as (
    select channel_id, name, manager from channels_current
),
partners as (
    select partner_id, name, manager from partners_current
),
ended as (
    select
        *,
        cast(answered_at at time zone $time_zone as date) as told_on,
        cast(resolved_at at time zone $time_zone as date) as solved_on
    from judged
),
happened as (
    select
        channel_id, concerned_id, complaint_id, category, medium, opened_at,
        told_on as late_on,
        response_status = 'breached' as is_late,
        true as is_answer,
        response_hours - response_limit_hours as hours_over
    from ended
    where answered_at is not null
    union all
    select
        channel_id, concerned_id, complaint_id, category, medium, opened_at,
        solved_on as late_on,
        resolution_status = 'breached' as is_late,
        false as is_answer,
        resolution_hours - resolution_limit_hours as hours_over
    from ended
    where not is_open
),
recent as (
    select *
    from happened
    where late_on <= $as_of_date and late_on > $as_of_date - $complaint_late_days
),
complaints as (
    -- Answered and solved late on one day, a complaint is one.
    select
        channel_id,
        concerned_id,
        late_on,
        complaint_id,
        category,
        medium,
        opened_at,
        bool_or(is_late) as is_late,
        bool_or(is_late and is_answer) as is_late_answer,
        bool_or(is_late and not is_answer) as is_late_solution,
        max(case when is_late then hours_over end) as hours_over
    from recent
    group by channel_id, concerned_id, late_on, complaint_id, category, medium, opened_at
),
ranked as (
    select
        *,
        row_number() over (
            partition by channel_id, concerned_id, late_on order by hours_over desc, opened_at, complaint_id
        ) as place
    from complaints
),
summed as (
    select
        channel_id,
        concerned_id,
        late_on,
        count(*) as handled,
        count(*) filter (where is_late) as complaints,
        count(*) filter (where is_late_answer) as late_answers,
        count(*) filter (where is_late_solution) as late_solutions,
        max(hours_over) as hours_over,
        string_agg(complaint_id, ', ' order by place) filter (
            where is_late and place <= $complaints_named_max
        ) as complaint_ids
    from ranked
    group by channel_id, concerned_id, late_on
),
final as (
    select
        summed.channel_id,
        coalesce(channels.name, summed.channel_id) as channel_name,
        channels.manager as channel_manager,
        summed.concerned_id as partner_id,
        coalesce(partners.name, summed.concerned_id) as partner_name,
        partners.manager as partner_manager,
        summed.late_on,
        summed.complaints,
        summed.handled,
        summed.late_answers,
        summed.late_solutions,
        round(summed.hours_over, 1) as hours_over,
        summed.complaint_ids,
        ranked.complaint_id as worst_complaint,
        ranked.category as worst_category,
        ranked.medium as worst_medium,
        cast(ranked.opened_at at time zone $time_zone as date) as worst_opened_on
    from summed
    inner join ranked
        on summed.channel_id = ranked.channel_id
        and summed.concerned_id = ranked.concerned_id
        and summed.late_on = ranked.late_on
        and ranked.place = 1
    left join channels
        on summed.channel_id = channels.channel_id
    left join partners
        on summed.concerned_id = partners.partner_id
    where summed.complaints > 0
)
select
    channel_id, channel_name, channel_manager, partner_id, partner_name, partner_manager, late_on, complaints, handled,
    late_answers, late_solutions, hours_over, complaint_ids, worst_complaint, worst_category, worst_medium,
    worst_opened_on
from final
