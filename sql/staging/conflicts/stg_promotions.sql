-- Every version of every approved promotion, from the full snapshots of feeds.promotions.
-- A version starts on the date of the snapshot that brought it; the first one holds for all earlier days too.
-- A promotion that a later snapshot of the same sender leaves out is withdrawn from that snapshot's day on; what was
-- sold before stays approved. Left out after its last day it is only tidied away, which changes nothing: a promotion
-- is bounded by its own starts_on and ends_on as well. In force on day d: valid_from <= d < valid_to.
-- superseded_from is the start of the next version, whether or not the promotion was left out in between:
-- valid_from <= d < superseded_from always finds exactly one version.
-- Lists come again and again with the same promotions: what did not change stays one version.
with deliveries as (
    select
        promotion_id,
        partner_id,
        channel_id,
        sku,
        starts_on,
        ends_on,
        min_price,
        approved_by,
        _period_start as snapshot_on,
        _sender,
        _file,
        _line,
        _input,
        _delivered_at
    from feeds.promotions
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
        promotion_id,
        snapshot_on,
        lead(snapshot_on) over (partition by _sender, promotion_id order by snapshot_on) as next_seen_on
    from (select distinct _sender, promotion_id, snapshot_on from deliveries) as days_seen
),

absences as (
    select
        appearances._sender,
        appearances.promotion_id,
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
            partition by deliveries.promotion_id, deliveries.snapshot_on
            order by
                deliveries._delivered_at desc,
                deliveries._sender,
                deliveries._input,
                deliveries._file,
                deliveries._line
        ) as newest
    from deliveries
    left join absences
        on absences._sender = deliveries._sender
        and absences.promotion_id = deliveries.promotion_id
        and absences.snapshot_on = deliveries.snapshot_on
),

compared as (
    select
        *,
        lag(absent_from) over in_order is null
        and (lag(starts_on) over in_order is not distinct from starts_on)
        and (lag(ends_on) over in_order is not distinct from ends_on)
        and (lag(partner_id) over in_order is not distinct from partner_id)
        and (lag(channel_id) over in_order is not distinct from channel_id)
        and (lag(sku) over in_order is not distinct from sku)
        and (lag(min_price) over in_order is not distinct from min_price)
        and (lag(approved_by) over in_order is not distinct from approved_by)
        and row_number() over in_order > 1 as is_repeated
    from ranked
    where newest = 1
    window in_order as (partition by promotion_id order by snapshot_on)
),

numbered as (
    select
        *,
        sum(case when is_repeated then 0 else 1 end) over (partition by promotion_id order by snapshot_on) as version_no
    from compared
),

ended as (
    select *, max(absent_from) over (partition by promotion_id, version_no) as ends_from
    from numbered
),

versions as (
    select
        *,
        lead(snapshot_on) over (partition by promotion_id order by snapshot_on) as next_snapshot_on
    from ended
    where not is_repeated
)

select
    promotion_id,
    partner_id,
    channel_id,
    sku,
    starts_on,
    ends_on,
    min_price,
    approved_by,
    case when version_no = 1 then date '1900-01-01' else snapshot_on end as valid_from,
    least(
        coalesce(next_snapshot_on, date '9999-12-31'),
        coalesce(ends_from, date '9999-12-31')
    ) as valid_to,
    coalesce(next_snapshot_on, date '9999-12-31') as superseded_from,
    _sender,
    _file,
    _line,
    _input
from versions
