-- Did every sender deliver what it owed, and as much as usual? One row for each business date that was expected,
-- and for each file of a sender and feed of which nothing is expected.
with expected as (
    select
        sender,
        feed,
        business_date,
        expected_by,
        due_by,
        is_due
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
        input_days.days_covered,
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
        due_by,
        is_due
    from expected
    union all
    select distinct
        sender,
        feed,
        business_date,
        arrow_cast(null, 'Timestamp(Microsecond, Some("UTC"))') as expected_by,
        arrow_cast(null, 'Timestamp(Microsecond, Some("UTC"))') as due_by,
        cast(null as boolean) as is_due
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
        count(*) filter (where status = 'active') as files,
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
        rows_wanted.is_due,
        coalesce(versions.first_accepted_at, versions.first_delivered_at) as arrived_at,
        coalesce(versions.versions, 0) as versions,
        coalesce(versions.accepted_versions, 0) as accepted_versions,
        coalesce(versions.quarantined_versions, 0) as quarantined_versions,
        coalesce(versions.superseded_versions, 0) as superseded_versions,
        coalesce(versions.files, 0) as files,
        standing.rows_read,
        standing.rows_rejected,
        -- A file of a whole month is compared by what it brings a day.
        case
            when standing.status = 'active' then cast(standing.rows_read as double) / standing.days_covered
        end as rows_a_day,
        -- Weekdays differ; where a file comes once a month or at no set time, the last ones are compared.
        case
            when rows_wanted.expected_by is not null and not scheduled.is_monthly
                then date_part('dow', rows_wanted.business_date)
            else -1
        end as rhythm
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
    left join scheduled
        on scheduled.sender = rows_wanted.sender
        and scheduled.feed = rows_wanted.feed
),

-- Files that count, numbered in the order of their dates, so that each can look at those before it.
numbered as (
    select
        sender,
        feed,
        rhythm,
        business_date,
        files,
        rows_a_day,
        row_number() over (partition by sender, feed, rhythm order by business_date) as number
    from together
    where rows_a_day is not null
),

steps as (
    select unnest(generate_series(1, $usual_files)) as step
),

looking_back as (
    select
        numbered.*,
        numbered.number - steps.step as number_before
    from numbered
    cross join steps
),

before as (
    select
        looking_back.sender,
        looking_back.feed,
        looking_back.business_date,
        earlier.rows_a_day,
        earlier.files,
        row_number() over (
            partition by looking_back.sender, looking_back.feed, looking_back.business_date
            order by earlier.rows_a_day, earlier.business_date
        ) as rows_place,
        row_number() over (
            partition by looking_back.sender, looking_back.feed, looking_back.business_date
            order by earlier.files, earlier.business_date
        ) as files_place,
        count(*) over (
            partition by looking_back.sender, looking_back.feed, looking_back.business_date
        ) as earlier_days
    from looking_back
    inner join numbered as earlier
        on earlier.sender = looking_back.sender
        and earlier.feed = looking_back.feed
        and earlier.rhythm = looking_back.rhythm
        and earlier.number = looking_back.number_before
),

-- The lower median: a number that was really delivered, and that no single day of festival sales moves. How far the
-- files before it scatter is taken on square roots, on which chance moves few rows and many alike.
usual as (
    select
        sender,
        feed,
        business_date,
        max(earlier_days) as earlier_days,
        cast(sum(cast(sqrt(rows_a_day) as decimal(38, 6))) as double) / max(earlier_days) as mean_root,
        cast(sum(cast(rows_a_day as decimal(38, 6))) as double) / max(earlier_days) as mean_rows,
        max(rows_a_day) filter (where 2 * rows_place in (earlier_days, earlier_days + 1)) as usual_rows,
        max(files) filter (where 2 * files_place in (earlier_days, earlier_days + 1)) as usual_files
    from before
    group by sender, feed, business_date
),

compared as (
    select
        together.*,
        coalesce(usual.earlier_days, 0) as earlier_days,
        case when usual.earlier_days >= $usual_files_min then usual.usual_rows end as usual_rows,
        -- Chance alone leaves roots a standard deviation of a half.
        greatest(
            sqrt(
                greatest(usual.mean_rows - usual.mean_root * usual.mean_root, 0)
                * usual.earlier_days / nullif(usual.earlier_days - 1, 0)
            ),
            0.5
        ) as root_spread,
        case when usual.earlier_days >= $usual_files_min then usual.usual_files end as usual_files
    from together
    left join usual
        on usual.sender = together.sender
        and usual.feed = together.feed
        and usual.business_date = together.business_date
)

select
    sender,
    feed,
    business_date,
    expected_by,
    cast(expected_by at time zone $time_zone as date) as expected_on,
    due_by,
    cast(due_by at time zone $time_zone as date) as due_on,
    arrived_at,
    cast(arrived_at at time zone $time_zone as date) as arrived_on,
    case
        when expected_by is not null and arrived_at is not null
            -- In whole seconds first: a file that came early is 0 late, and not -0.
            then cast(greatest(to_unixtime(arrived_at) - to_unixtime(expected_by), 0) as double) / 3600
    end as late_hours,
    case
        when expected_by is null then 'not_expected'
        when arrived_at is null and not is_due then 'pending'
        when arrived_at is null then 'missing'
    end as late_hours_status,
    case when expected_by is not null then arrived_at > due_by end as is_late,
    coalesce(rows_read, 0) as rows,
    coalesce(rows_rejected, 0) as rejected,
    files,
    versions,
    quarantined_versions,
    rows_a_day / nullif(usual_rows, 0) as usual_rows_share,
    case
        when rows_a_day is null then 'no_file'
        when earlier_days < $usual_files_min then 'too_few_files'
        when usual_rows = 0 then 'usually_empty'
    end as usual_rows_share_status,
    case
        when
            rows_a_day < $few_rows_share * usual_rows
            and sqrt(usual_rows) - sqrt(rows_a_day) > $few_rows_band * root_spread then 'few_rows'
        when files < $few_rows_share * usual_files then 'few_files'
    end as warning,
    case
        when versions = 0 and not is_due then 'pending'
        when versions = 0 then 'missing'
        when accepted_versions = 0 then 'quarantined'
        when accepted_versions > 1 and (due_by is not null or superseded_versions > 0) then 'corrected'
        when arrived_at > due_by then 'late'
        else 'on_time'
    end as status
from compared
