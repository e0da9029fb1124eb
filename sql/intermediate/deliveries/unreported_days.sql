-- Days on which a partner's sales, stock or complaints are not all there, because a file of one of its senders is
-- missing, refused or not due yet.
-- Without deadlines a sender of sales is missed on every day between its files, and for a while after its last one. A
-- count of stock stands for that while, so only then its sender is missed, for as long again. Complaints need not come
-- every day: without deadlines only a refused file is known to be absent.
with
deliveries as (
    select feed, sender, business_date, status
    from input_days
    where feed in ('sales', 'inventory', 'complaints') and business_date <= $as_of_date
),
expected as (
    select feed, sender, business_date, bool_and(is_due) as is_due
    from system.expected_deliveries
    where feed in ('sales', 'inventory', 'complaints') and business_date <= $as_of_date
    group by feed, sender, business_date
),
reporters as (
    select 'sales' as feed, sender, partner_id, min(month_start) as since
    from partner_senders
    group by sender, partner_id
    union all
    select 'inventory', _sender, partner_id, min(business_date)
    from inventory_counts
    where business_date > $as_of_date - $anomaly_days - 7 * $anomaly_weeks - $anomaly_silence_days
    group by _sender, partner_id
    union all
    select 'complaints', sender, partner_id, min(business_date)
    from watch_complaints
    group by sender, partner_id
),
days as (
    select unnest(generate_series(
        $as_of_date - $anomaly_days - 7 * $anomaly_weeks, $as_of_date, interval '1 day'
    )) as business_date
),
arrived as (
    select feed, sender, business_date, bool_or(status = 'active') as is_active
    from deliveries
    group by feed, sender, business_date
),
spans as (
    select
        feed,
        sender,
        case feed
            when 'sales' then min(business_date) + 1
            when 'inventory' then max(business_date) + $anomaly_silence_days + 1
        end as missed_from,
        case feed
            when 'sales' then max(business_date) + $anomaly_silence_days
            when 'inventory' then max(business_date) + 2 * $anomaly_silence_days
        end as missed_to
    from arrived
    where is_active
    group by feed, sender
),
with_deadlines as (
    select distinct feed, sender
    from expected
),
unscheduled as (
    select spans.feed, spans.sender, days.business_date
    from spans
    inner join days
        on days.business_date between spans.missed_from and spans.missed_to
    left anti join with_deadlines
        on spans.feed = with_deadlines.feed
        and spans.sender = with_deadlines.sender
),
refused as (
    select arrived.feed, arrived.sender, arrived.business_date
    from arrived
    left semi join days
        on arrived.business_date = days.business_date
    left anti join with_deadlines
        on arrived.feed = with_deadlines.feed
        and arrived.sender = with_deadlines.sender
    where not arrived.is_active and arrived.feed <> 'sales'
),
due as (
    select expected.feed, expected.sender, expected.business_date, expected.is_due
    from expected
    left semi join days
        on expected.business_date = days.business_date
    union
    select feed, sender, business_date, true as is_due
    from unscheduled
    union
    select feed, sender, business_date, true as is_due
    from refused
),
absent as (
    select
        due.feed,
        due.sender,
        due.business_date,
        case
            when arrived.sender is not null then 'quarantined_file'
            when not due.is_due then 'pending_file'
            else 'missing_file'
        end as cause
    from due
    left join arrived
        on due.feed = arrived.feed
        and due.sender = arrived.sender
        and due.business_date = arrived.business_date
    where not coalesce(arrived.is_active, false)
),
final as (
    select
        reporters.feed,
        reporters.partner_id,
        absent.business_date,
        max(absent.cause) as cause,
        string_agg(absent.sender, ', ' order by absent.sender) as senders
    from absent
    inner join reporters
        on absent.feed = reporters.feed
        and absent.sender = reporters.sender
        and absent.business_date >= reporters.since
    group by reporters.feed, reporters.partner_id, absent.business_date
)
select feed, partner_id, business_date, cause, senders
from final
