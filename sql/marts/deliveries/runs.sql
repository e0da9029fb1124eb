-- Every run, how long it took, stage by stage, and how it ended; the one that builds this mart among them. A run's account
-- is committed before its marts are shown and its mails are sent: how long that took is told by the run after it, and is in
-- no whole duration.
select
    run_id,
    job,
    logical_date,
    started_at,
    cast(started_at at time zone $time_zone as date) as started_on,
    ended_at,
    cast(ended_at at time zone $time_zone as date) as ended_on,
    cast(to_unixtime(ended_at) - to_unixtime(started_at) as bigint) as duration_seconds,
    status,
    files,
    rows_read,
    rows_clean,
    rows_rejected,
    partitions_built,
    partitions_reused,
    store_requests,
    marts,
    alerts,
    mails,
    cast(regexp_match(stage_ms, '"discover":([0-9]+)')[1] as bigint) as discover_ms,
    cast(regexp_match(stage_ms, '"stage":([0-9]+)')[1] as bigint) as stage_ms,
    cast(regexp_match(stage_ms, '"validate":([0-9]+)')[1] as bigint) as validate_ms,
    cast(regexp_match(stage_ms, '"transform":([0-9]+)')[1] as bigint) as transform_ms,
    cast(regexp_match(stage_ms, '"alert":([0-9]+)')[1] as bigint) as alert_ms,
    cast(regexp_match(stage_ms, '"publish":([0-9]+)')[1] as bigint) as publish_ms,
    cast(regexp_match(stage_ms, '"deliver":([0-9]+)')[1] as bigint) as deliver_ms,
    notes as reduced_by,
    error
from system.runs
