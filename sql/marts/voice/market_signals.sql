-- What the field reports about the market, by month, channel, region and kind: how often, since when, and in whose
-- words. A note that names no channel or region takes those of its partner, as they were on that day.
with
notes as (
    select business_date, note_id, partner_id, channel_id, region, kind, text
    from stg_market_notes
    where business_date <= $as_of_date
),
partner_versions as (
    select
        partner_id,
        channel_id,
        nullif(trim(split_part(territory, ';', 1)), '') as home_region,
        valid_from,
        superseded_from
    from stg_partners
),
channel_versions as (
    select channel_id, name, valid_from, superseded_from
    from stg_channels
),
region_versions as (
    select region, name, valid_from, superseded_from
    from stg_regions
),
months as (
    select
        cast(date_trunc('month', business_date) as date) as month_start,
        least(last_day(min(business_date)), $as_of_date) as closes_on
    from notes
    group by date_trunc('month', business_date)
),
placed as (
    select
        cast(date_trunc('month', notes.business_date) as date) as month_start,
        notes.business_date,
        notes.note_id,
        notes.partner_id,
        coalesce(nullif(trim(notes.channel_id), ''), partner_versions.channel_id, 'unknown') as channel_id,
        coalesce(nullif(trim(notes.region), ''), partner_versions.home_region, 'unknown') as region,
        notes.kind,
        trim(notes.text) as text
    from notes
    left join partner_versions
        on partner_versions.partner_id = notes.partner_id
        and partner_versions.valid_from <= notes.business_date
        and partner_versions.superseded_from > notes.business_date
),
counted as (
    select
        month_start,
        channel_id,
        region,
        kind,
        count(*) as notes,
        count(*) filter (where extract(day from business_date) <= extract(day from $as_of_date)) as notes_elapsed,
        count(distinct partner_id) as partners,
        min(business_date) as first_seen_on,
        max(business_date) as last_seen_on
    from placed
    group by month_start, channel_id, region, kind
),
texts as (
    -- The same words count once; the newest and most frequent stand first.
    select month_start, channel_id, region, kind, text, max(business_date) as last_seen_on, count(*) as notes
    from placed
    where text <> ''
    group by month_start, channel_id, region, kind, text
),
newest_texts as (
    select month_start, channel_id, region, kind, text, last_seen_on, notes
    from texts
    qualify row_number() over (
        partition by month_start, channel_id, region, kind
        order by last_seen_on desc, notes desc, text
    ) <= $signal_texts_max
),
samples as (
    select
        month_start,
        channel_id,
        region,
        kind,
        string_agg(text, ' | ' order by last_seen_on desc, notes desc, text) as sample_texts
    from newest_texts
    group by month_start, channel_id, region, kind
),
final as (
    select
        period_month(counted.month_start) as month,
        counted.month_start,
        last_day(counted.month_start) > $as_of_date as is_provisional,
        counted.channel_id,
        coalesce(channel_versions.name, counted.channel_id) as channel_name,
        counted.region,
        coalesce(region_versions.name, counted.region) as region_name,
        counted.kind,
        counted.notes,
        comparable(
            last_day(counted.month_start) > $as_of_date, before.notes_elapsed, before.notes
        ) as month_before_notes,
        counted.partners,
        counted.first_seen_on,
        counted.last_seen_on,
        samples.sample_texts,
        case when samples.sample_texts is null then 'no_text' end as sample_texts_status
    from counted
    inner join months
        on months.month_start = counted.month_start
    left join counted as before
        on before.month_start = cast(counted.month_start - interval '1 month' as date)
        and before.channel_id = counted.channel_id
        and before.region = counted.region
        and before.kind = counted.kind
    left join samples
        on samples.month_start = counted.month_start
        and samples.channel_id = counted.channel_id
        and samples.region = counted.region
        and samples.kind = counted.kind
    left join channel_versions
        on channel_versions.channel_id = counted.channel_id
        and channel_versions.valid_from <= months.closes_on
        and channel_versions.superseded_from > months.closes_on
    left join region_versions
        on region_versions.region = counted.region
        and region_versions.valid_from <= months.closes_on
        and region_versions.superseded_from > months.closes_on
)
select
    month, month_start, is_provisional, channel_id, channel_name, region, region_name, kind, notes, month_before_notes,
    partners, first_seen_on, last_seen_on, sample_texts, sample_texts_status
from final
