-- Was every complaint answered and solved in time? Open complaints are judged at the end of the as-of date.
-- Paused hours are told by the wall's clock, and when they fell nobody says: a pause of a tenth of the time from opening
-- to solution takes a tenth off the hours that count. One that is longer than the complaint leaves no hours. Only instants
-- out of order make a data error.
with
complaints as (
    select
        complaint_id, customer_id, partner_id, channel_id, medium, category, stage, severity, opened_at,
        first_response_at, resolved_at, paused_hours
    from stg_complaints
),
calendar as (
    -- The country's own days; a region's holidays do not move the service's hours.
    select "date" as day, bool_and(is_workday) as is_workday
    from stg_calendar
    where (region is null or trim(region) = '') and is_workday is not null
    group by "date"
),
moments as (
    select cast($as_of_date + 1 as timestamp) at time zone $time_zone as judged_at
),
opened as (
    select complaints.*, moments.judged_at
    from complaints
    cross join moments
    where complaints.opened_at < moments.judged_at
),
ended as (
    -- A solution is an answer too, also where it came first. What happened after the as-of date has not happened yet.
    select
        *,
        case when least(first_response_at, resolved_at) < judged_at then least(first_response_at, resolved_at)
        end as answered_at,
        case when resolved_at < judged_at then resolved_at end as solved_at
    from opened
),
clocked as (
    select
        *,
        coalesce(answered_at, judged_at) as answer_clock_at,
        coalesce(solved_at, judged_at) as solution_clock_at
    from ended
),
days as (
    select unnest(generate_series(
        least(cast(min(least(opened_at, answer_clock_at, solution_clock_at)) at time zone $time_zone as date), $as_of_date),
        $as_of_date + 1,
        interval '1 day'
    )) as day
    from clocked
),
working_days as (
    select
        days.day,
        coalesce(calendar.is_workday, extract(dow from days.day) between 1 and 5) as is_workday
    from days
    left join calendar
        on days.day = calendar.day
),
working_hours as (
    select
        day,
        is_workday,
        to_unixtime(cast(day as timestamp) at time zone $time_zone) as midnight,
        sum(case when is_workday then $business_hours_end - $business_hours_start else 0 end) over (
            order by day rows between unbounded preceding and current row
        ) - case when is_workday then $business_hours_end - $business_hours_start else 0 end as hours_before
    from working_days
),
instants as (
    select distinct instant
    from (
        select opened_at as instant from clocked
        union all
        select answer_clock_at as instant from clocked
        union all
        select solution_clock_at as instant from clocked
    ) as all_instants
),
readings as (
    -- What each clock shows at an instant, in hours.
    select
        instants.instant,
        cast(to_unixtime(instants.instant) as double) / 3600 as always,
        cast(working_hours.hours_before as double) + case when working_hours.is_workday then
            least(
                greatest(
                    cast(to_unixtime(instants.instant) - working_hours.midnight as double) / 3600 - $business_hours_start,
                    0
                ),
                $business_hours_end - $business_hours_start
            )
        else 0 end as business_hours
    from instants
    inner join working_hours
        on cast(instants.instant at time zone $time_zone as date) = working_hours.day
),
read as (
    select
        instant,
        always,
        case $sla_clock when 'always' then always when 'business_hours' then business_hours end as hours
    from readings
),
timed as (
    select
        clocked.*,
        round(at_answer.hours - at_opening.hours, 6) as response_hours,
        at_solution.hours - at_opening.hours as unpaused_hours,
        -- Of nothing nothing was paused.
        least(
            coalesce(
                cast(clocked.paused_hours as double) / nullif(round(at_solution.always - at_opening.always, 6), 0), 0
            ), 1
        ) as paused_share,
        coalesce(clocked.answered_at < clocked.opened_at or clocked.solved_at < clocked.opened_at, false) as is_data_error,
        cast(
            case when clocked.medium = 'online' then $first_response_online_hours else $first_response_other_hours end
            as double
        ) as response_limit_hours,
        cast($resolution_hours as double) as resolution_limit_hours
    from clocked
    left join read as at_opening
        on clocked.opened_at = at_opening.instant
    left join read as at_answer
        on clocked.answer_clock_at = at_answer.instant
    left join read as at_solution
        on clocked.solution_clock_at = at_solution.instant
),
counted as (
    -- To the millisecond or so, so that an answer on the stroke of the limit is not late by the noise of a division.
    select
        *,
        round(unpaused_hours * (1 - paused_share), 6) as resolution_hours
    from timed
),
final as (
    select
        $as_of_date as as_of_date,
        complaint_id,
        customer_id,
        partner_id,
        channel_id,
        medium,
        category,
        stage,
        severity,
        opened_at,
        first_response_at,
        resolved_at,
        answered_at,
        cast(opened_at at time zone $time_zone as date) as opened_on,
        cast(first_response_at at time zone $time_zone as date) as first_response_on,
        cast(resolved_at at time zone $time_zone as date) as resolved_on,
        cast(answered_at at time zone $time_zone as date) as answered_on,
        solved_at is null as is_open,
        case when not is_data_error then response_hours end as response_hours,
        response_limit_hours,
        case
            when is_data_error then 'data_error'
            when response_hours > response_limit_hours then 'breached'
            when answered_at is null then 'pending'
            else 'met'
        end as response_status,
        case when not is_data_error then resolution_hours end as resolution_hours,
        resolution_limit_hours,
        case
            when is_data_error then 'data_error'
            when resolution_hours > resolution_limit_hours then 'breached'
            when solved_at is null then 'pending'
            else 'met'
        end as resolution_status,
        not is_data_error and (
            (answered_at is null and response_hours > response_limit_hours)
            or (solved_at is null and resolution_hours > resolution_limit_hours)
        ) as is_overdue
    from counted
)
select
    as_of_date, complaint_id, customer_id, partner_id, channel_id, medium, category, stage, severity, opened_at, opened_on,
    first_response_at, first_response_on, resolved_at, resolved_on, answered_at, answered_on, is_open, response_hours,
    response_limit_hours, response_status, resolution_hours, resolution_limit_hours, resolution_status, is_overdue
from final
