-- Every version of every channel, from the full snapshots of feeds.channels.
-- A version starts on the date of the snapshot that brought it.
-- The first version holds for all earlier days too; a channel that a later snapshot of the same sender
-- leaves out ends there. In force on day d: valid_from <= d < valid_to.
-- superseded_from is the start of the next version, whether or not the channel was left out in between:
-- valid_from <= d < superseded_from always finds exactly one version.
with deliveries as (
    select
        channel_id,
        name,
        channel_type,
        manager,
        _period_start as starts_on,
        _period_start as snapshot_on,
        _sender,
        _file,
        _line,
        _input,
        _delivered_at
    from feeds.channels
),

snapshots as (
    select
        _sender,
        snapshot_on,
        lead(snapshot_on) over (partition by _sender order by snapshot_on) as next_snapshot_on
    from (select distinct _sender, snapshot_on from deliveries) as snapshot_days
),

appearances as (
    select
        _sender,
        channel_id,
        snapshot_on,
        lead(snapshot_on) over (partition by _sender, channel_id order by snapshot_on) as next_seen_on
    from (select distinct _sender, channel_id, snapshot_on from deliveries) as days_seen
),

absences as (
    select
        appearances._sender,
        appearances.channel_id,
        appearances.snapshot_on,
        snapshots.next_snapshot_on as absent_from
    from appearances
    inner join snapshots
        on snapshots._sender = appearances._sender
        and snapshots.snapshot_on = appearances.snapshot_on
    where snapshots.next_snapshot_on < coalesce(appearances.next_seen_on, date '9999-12-31')
),

ranked as (
    select
        deliveries.*,
        absences.absent_from,
        row_number() over (
            partition by deliveries.channel_id, deliveries.starts_on
            order by
                deliveries.snapshot_on desc,
                deliveries._delivered_at desc,
                deliveries._sender,
                deliveries._input,
                deliveries._file,
                deliveries._line
        ) as newest
    from deliveries
    left join absences
        on absences._sender = deliveries._sender
        and absences.channel_id = deliveries.channel_id
        and absences.snapshot_on = deliveries.snapshot_on
),

versions as (
    select
        *,
        row_number() over (partition by channel_id order by starts_on) as version_no,
        lead(starts_on) over (partition by channel_id order by starts_on) as next_starts_on
    from ranked
    where newest = 1
        and starts_on < coalesce(absent_from, date '9999-12-31')
)

select
    channel_id,
    name,
    channel_type,
    manager,
    case when version_no = 1 then date '1900-01-01' else starts_on end as valid_from,
    least(
        coalesce(next_starts_on, date '9999-12-31'),
        coalesce(absent_from, date '9999-12-31')
    ) as valid_to,
    coalesce(next_starts_on, date '9999-12-31') as superseded_from,
    _sender,
    _file,
    _line,
    _input
from versions
