-- Every refused row one by one, to be looked up and sent back: rows that intake rejected, rows that are held back
-- because they name something unknown, and one row for each file that was refused whole. data_quality counts all of
-- them; this mart shows at most $rejected_rows_per_file of each file, of the last $rejected_rows_days days.
with rejected as (
    select
        sender,
        feed,
        file,
        input,
        'rejected' as outcome,
        line,
        "column" as column_name,
        reason,
        found,
        expected,
        raw,
        delivered_at
    from system.rejects
),

held_back as (
    select
        sender,
        feed,
        file,
        input,
        'held_back' as outcome,
        line,
        "column" as column_name,
        reason,
        found,
        expected,
        cast(null as varchar) as raw,
        delivered_at
    from refused_rows
),

whole_files as (
    select
        sender,
        feed,
        file,
        input,
        'file_refused' as outcome,
        cast(null as bigint) as line,
        cast(null as varchar) as column_name,
        'file_refused' as reason,
        reason as found,
        cast(null as varchar) as expected,
        cast(null as varchar) as raw,
        delivered_at
    from system.inputs
    where status = 'quarantined'
),

refused as (
    select * from rejected
    union all
    select * from held_back
    union all
    select * from whole_files
),

recent as (
    select
        *,
        cast(delivered_at at time zone $time_zone as date) as delivered_on
    from refused
    where cast(delivered_at at time zone $time_zone as date) > $as_of_date - $rejected_rows_days
),

placed as (
    select
        *,
        row_number() over (
            partition by sender, feed, file, outcome
            order by input, line, column_name, reason, found
        ) as position
    from recent
),

listed as (
    select * from placed where position <= $rejected_rows_per_file
),

inputs as (
    select
        sender,
        feed,
        input,
        max(status) as file_status
    from system.inputs
    group by sender, feed, input
)

select
    listed.sender,
    listed.feed,
    listed.file,
    listed.outcome,
    listed.position,
    listed.line,
    listed.column_name,
    listed.reason,
    listed.found,
    listed.expected as expected_form,
    listed.raw,
    listed.delivered_on,
    coalesce(inputs.file_status, 'unknown') as file_status
from listed
left join inputs
    on inputs.sender = listed.sender
    and inputs.feed = listed.feed
    and inputs.input = listed.input
