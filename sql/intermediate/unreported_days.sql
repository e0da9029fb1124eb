-- Days on which a partner's sales are not all there, because a file of one of its senders is missing, refused or
-- not due yet.
-- A sender without deadlines is missed on every day between its files, and for a while after its last one.
with
deliveries as (
    select sender, business_date, status
    from input_days
    where feed = 'sales' and business_date <= $as_of_date
),
expected as (
    select sender, business_date, bool_and(is_due) as is_due
    from system.expected_deliveries
    where feed = 'sales' and business_date <= $as_of_date
    group by sender, business_date
),
reporters as (
    select sender, partner_id, min(month_start) as since
    from partner_senders
    group by sender, partner_id
),
days as (
    select unnest(generate_series(
        $as_of_date - $anomaly_days - 7 * $anomaly_weeks, $as_of_date, interval '1 day'
    )) as business_date
),
arrived as (
    select sender, business_date, bool_or(status = 'active') as is_active
    from deliveries
    group by sender, business_date
),
spans as (
    select sender, min(business_date) as first_day, max(business_date) as last_day
    from arrived
    where is_active
    group by sender
),
with_deadlines as (
    select distinct sender
    from expected
),
unscheduled as (
    select spans.sender, days.business_date
    from spans
    inner join days
        on days.business_date > spans.first_day
        and days.business_date <= spans.last_day + $anomaly_silence_days
    left anti join with_deadlines
        on spans.sender = with_deadlines.sender
),
due as (
    select expected.sender, expected.business_date, expected.is_due
    from expected
    left semi join days
        on expected.business_date = days.business_date
    union
    select sender, business_date, true as is_due
    from unscheduled
),
absent as (
    select
        due.sender,
        due.business_date,
        case
            when arrived.sender is not null then 'quarantined_file'
            when not due.is_due then 'pending_file'
            else 'missing_file'
        end as cause
    from due
    left join arrived
        on due.sender = arrived.sender
        and due.business_date = arrived.business_date
    where not coalesce(arrived.is_active, false)
),
final as (
    select
        reporters.partner_id,
        absent.business_date,
        max(absent.cause) as cause,
        string_agg(absent.sender, ', ' order by absent.sender) as senders
    from absent
    inner join reporters
        on absent.sender = reporters.sender
        and absent.business_date >= reporters.since
    group by reporters.partner_id, absent.business_date
)
select partner_id, business_date, cause, senders
from final
