-- Stock at cost on every day: a count stands until the partner's next one, and for a while after its last. The region
-- is the partner's first.
with
counts as (
    select business_date as counted_on, partner_id, category, stock_value
    from watch_stock
    where
        business_date <= $as_of_date
        and business_date > $as_of_date - $anomaly_season_days - $anomaly_silence_days
),
partners as (
    select partner_id, channel_id, nullif(trim(split_part(territory, ';', 1)), '') as region from partners_current
),
snapshots as (
    select partner_id, counted_on, lead(counted_on) over (partition by partner_id order by counted_on) as next_on
    from (select distinct partner_id, counted_on from counts) as days_counted
),
days as (
    select
        partner_id,
        counted_on,
        unnest(generate_series(
            counted_on,
            least(coalesce(next_on - 1, $as_of_date), counted_on + $anomaly_silence_days, $as_of_date),
            interval '1 day'
        )) as business_date
    from snapshots
),
final as (
    select
        days.business_date,
        coalesce(partners.channel_id, 'unknown') as channel_id,
        days.partner_id,
        coalesce(partners.region, 'unknown') as region,
        counts.category,
        counts.stock_value
    from days
    inner join counts
        on days.partner_id = counts.partner_id
        and days.counted_on = counts.counted_on
    left join partners
        on days.partner_id = partners.partner_id
    where days.business_date > $as_of_date - $anomaly_season_days
)
select business_date, channel_id, partner_id, region, category, stock_value
from final
