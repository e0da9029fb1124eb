-- The few parts of each finding that moved most in its direction, by name, with their share of the gap.
with
findings as (
    select business_date, entity_type, entity_id, metric, gap from anomaly_findings
),
parts as (
    select * from anomaly_parts
),
names as (
    select 'channel' as part_type, channel_id as part_id, name from channels_current
    union all
    select 'partner' as part_type, partner_id as part_id, name from partners_current
),
explaining as (
    select
        parts.business_date, parts.entity_type, parts.entity_id, parts.metric, parts.part_id, parts.part_type,
        parts.contribution,
        parts.contribution / nullif(findings.gap, 0) as share
    from parts
    inner join findings
        on parts.business_date = findings.business_date
        and parts.entity_type = findings.entity_type
        and parts.entity_id = findings.entity_id
        and parts.metric = findings.metric
    where
        parts.part_type = case parts.entity_type
            when 'total' then 'channel'
            when 'partner' then 'category'
            else 'partner'
        end
),
placed as (
    select
        *,
        row_number() over (
            partition by business_date, entity_type, entity_id, metric order by share desc, part_id
        ) as place
    from explaining
    where share > 0
)
select
    placed.business_date,
    placed.metric,
    placed.entity_type,
    placed.entity_id,
    placed.place,
    placed.part_type,
    placed.part_id,
    names.name as part_name,
    placed.contribution,
    placed.share
from placed
left join names
    on placed.part_type = names.part_type
    and placed.part_id = names.part_id
where placed.place <= $names_shown_max
