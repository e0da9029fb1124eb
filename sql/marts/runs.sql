-- Every run, how long it took and how it ended.
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
    stage_ms,
    notes,
    error
from system.runs
