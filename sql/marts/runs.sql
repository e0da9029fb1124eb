-- Every run, how long it took, stage by stage, and how it ended. The commit is written inside the run, so that the
-- stages after it (publish, deliver) are in the whole duration of no run's own row.
select
    run_id,
    job,
    logical_date,
    started_at,
    ended_at,
    cast(to_unixtime(ended_at) - to_unixtime(started_at) as bigint) as duration_seconds,
    status,
    files,
    rows_read,
    rows_clean,
    rows_rejected,
    partitions_built,
    partitions_reused,
    marts,
    alerts,
    mails,
    cast(regexp_match(stage_ms, '"discover":([0-9]+)')[1] as bigint) as discover_ms,
    cast(regexp_match(stage_ms, '"stage":([0-9]+)')[1] as bigint) as stage_ms,
    cast(regexp_match(stage_ms, '"validate":([0-9]+)')[1] as bigint) as validate_ms,
    cast(regexp_match(stage_ms, '"transform":([0-9]+)')[1] as bigint) as transform_ms,
    cast(regexp_match(stage_ms, '"alert":([0-9]+)')[1] as bigint) as alert_ms,
    notes,
    error
from system.runs
