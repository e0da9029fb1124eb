-- Did every sender deliver what it owed? One row for each business date that was expected, and for each file of
-- a sender and feed of which nothing is expected.
with expected as (
    select
        sender,
        feed,
        business_date,
        expected_by,
        due_by
    from system.expected_deliveries
    where business_date <= $as_of_date
),

-- A feed that is expected on month ends only is satisfied by a file dated anywhere in the month.
scheduled as (
    select
        sender,
        feed,
        bool_and(business_date = last_day(business_date)) as is_monthly
    from expected
    group by sender, feed
),

-- Of what nothing is expected, a file stands for the last day that it covers: a file of complaints or surveys reaches
-- back to every day that it speaks of, and corrects none of them.
last_days as (
    select
        input,
        sender,
        feed,
        max(business_date) as last_day
    from input_days
    group by input, sender, feed
),

covered as (
    select distinct
        input_days.sender,
        input_days.feed,
        case
            when scheduled.is_monthly then last_day(input_days.business_date)
            else input_days.business_date
        end as business_date,
        input_days.input,
        input_days.status,
        input_days.delivered_at,
        input_days.rows_read,
        input_days.rows_rejected,
        scheduled.sender is not null as is_scheduled
    from input_days
    left join scheduled
        on scheduled.sender = input_days.sender
        and scheduled.feed = input_days.feed
    inner join last_days
        on last_days.input = input_days.input
        and last_days.sender = input_days.sender
        and last_days.feed = input_days.feed
    where scheduled.sender is not null
        or input_days.business_date = last_days.last_day
),

rows_wanted as (
    select
        sender,
        feed,
        business_date,
        expected_by,
        due_by
    from expected
    union all
    select distinct
        sender,
        feed,
        business_date,
        arrow_cast(null, 'Timestamp(Microsecond, Some("UTC"))') as expected_by,
        arrow_cast(null, 'Timestamp(Microsecond, Some("UTC"))') as due_by
    from covered
    where not is_scheduled
),

versions as (
    select
        sender,
        feed,
        business_date,
        count(*) as versions,
        count(*) filter (where status <> 'quarantined') as accepted_versions,
        count(*) filter (where status = 'quarantined') as quarantined_versions,
        count(*) filter (where status = 'superseded') as superseded_versions,
        min(delivered_at) as first_delivered_at,
        min(delivered_at) filter (where status <> 'quarantined') as first_accepted_at
    from covered
    group by sender, feed, business_date
),

-- The file whose rows count: the active one, else the last that came.
standing as (
    select
        *,
        row_number() over (
            partition by sender, feed, business_date
            order by case when status = 'active' then 0 else 1 end, delivered_at desc, input
        ) as place
    from covered
),

together as (
    select
        rows_wanted.sender,
        rows_wanted.feed,
        rows_wanted.business_date,
        rows_wanted.expected_by,
        rows_wanted.due_by,
        coalesce(versions.first_accepted_at, versions.first_delivered_at) as arrived_at,
        coalesce(versions.versions, 0) as versions,
        coalesce(versions.accepted_versions, 0) as accepted_versions,
        coalesce(versions.quarantined_versions, 0) as quarantined_versions,
        coalesce(versions.superseded_versions, 0) as superseded_versions,
        standing.rows_read,
        standing.rows_rejected
    from rows_wanted
    left join versions
        on versions.sender = rows_wanted.sender
        and versions.feed = rows_wanted.feed
        and versions.business_date = rows_wanted.business_date
    left join standing
        on standing.sender = rows_wanted.sender
        and standing.feed = rows_wanted.feed
        and standing.business_date = rows_wanted.business_date
        and standing.place = 1
)

select
    sender,
    feed,
    business_date,
    expected_by,
    due_by,
    arrived_at,
    case
        when expected_by is not null and arrived_at is not null
            then greatest(0, cast(to_unixtime(arrived_at) - to_unixtime(expected_by) as double) / 3600)
    end as late_hours,
    case
        when expected_by is null then 'not_expected'
        when arrived_at is null then 'missing'
    end as late_hours_status,
    coalesce(rows_read, 0) as rows,
    coalesce(rows_rejected, 0) as rejected,
    versions,
    quarantined_versions,
    case
        when versions = 0 then 'missing'
        when accepted_versions = 0 then 'quarantined'
        when accepted_versions > 1 and (due_by is not null or superseded_versions > 0) then 'corrected'
        when arrived_at > due_by then 'late'
        else 'on_time'
    end as status
from together
