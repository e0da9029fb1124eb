-- A day's complaints in the smallest parts that they are watched in. The region is the partner's first; what a
-- complaint does not say is unknown.
with
complaints as (
    select business_date, channel_id, partner_id, category, _sender
    from stg_complaints
    where business_date <= $as_of_date and business_date > $as_of_date - $anomaly_season_days
),
partners as (
    select partner_id, nullif(trim(split_part(territory, ';', 1)), '') as region from partners_current
),
placed as (
    select
        complaints.business_date,
        complaints._sender as sender,
        coalesce(complaints.channel_id, 'unknown') as channel_id,
        coalesce(complaints.partner_id, 'unknown') as partner_id,
        coalesce(partners.region, 'unknown') as region,
        coalesce(nullif(trim(complaints.category), ''), 'unknown') as category
    from complaints
    left join partners
        on complaints.partner_id = partners.partner_id
)
select business_date, sender, channel_id, partner_id, region, category, count(*) as complaints
from placed
group by business_date, sender, channel_id, partner_id, region, category
