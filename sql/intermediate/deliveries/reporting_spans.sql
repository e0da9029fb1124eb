-- From when until when each sender owes the files of each partner that it reports: while the partner cooperates, by the
-- version of it that was in force. The sender that reported it first owes them from the day on which the partner joined,
-- a sender that came in later from the first month in which it did.
with reporters as (
    select
        partner_id,
        sender,
        min(month_start) as reported_from
    from partner_senders
    group by partner_id, sender
),

ranked as (
    select
        *,
        min(reported_from) over (partition by partner_id) as partner_reported_from
    from reporters
),

versions as (
    select
        partner_id,
        joined_on,
        ended_on,
        coalesce(status, 'active') = 'ended' as has_ended,
        valid_from,
        superseded_from
    from stg_partners
),

spans as (
    select
        ranked.partner_id,
        ranked.sender,
        greatest(
            coalesce(versions.valid_from, date '1900-01-01'),
            coalesce(versions.joined_on, ranked.reported_from),
            case
                when ranked.reported_from > ranked.partner_reported_from then ranked.reported_from
                else date '1900-01-01'
            end
        ) as starts_on,
        -- One that has ended, nobody knows when, owes nothing under that version.
        least(
            coalesce(versions.superseded_from, date '9999-12-31') - 1,
            coalesce(versions.ended_on, case when versions.has_ended then date '1899-12-31' end, date '9999-12-31')
        ) as ends_on
    from ranked
    left join versions on versions.partner_id = ranked.partner_id
)

select partner_id, sender, starts_on, ends_on
from spans
where starts_on <= ends_on
