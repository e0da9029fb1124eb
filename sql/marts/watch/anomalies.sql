-- Days on which a figure of a channel, partner, region, category or of all left its band, or a new level began: how
-- far, why, and whether a missing file, a holiday or a promotion already explains it. What a missing file explains is
-- no collapse of sales. Days that only go on are counted in off_days of the first one, and told no more.
with
told as (
    select * from anomaly_findings
),
closed_days as (
    -- A day on which nobody sold anything is one finding, of all.
    select business_date
    from told
    where entity_type = 'total' and metric = 'net_sales' and direction = 'down' and observed = 0
),
findings as (
    select told.*
    from told
    left join closed_days
        on told.business_date = closed_days.business_date
    where
        closed_days.business_date is null
        or told.feed <> 'sales'
        or (told.entity_type = 'total' and told.metric = 'net_sales')
),
bands as (
    select business_date, metric, entity_type, entity_id, observed, expected
    from anomaly_bands
    where observed is not null and expected is not null
),
parts as (
    select * from anomaly_parts
),
leading_parts as (
    select * from anomaly_leading_parts
),
unreported as (
    select feed, partner_id, business_date, cause, senders from unreported_days
),
channels as (
    select channel_id, name from channels_current
),
partners as (
    select partner_id, name, channel_id from partners_current
),
promotions as (
    select business_date, entity_type, entity_id, promotion_id from promoted_days
),
season as (
    select business_date, kind, holiday as name from season_days where holiday is not null
),
calendar as (
    -- A region's own holidays, and weekends worked; the country's holidays are in season_days.
    select "date" as business_date, nullif(trim(region), '') as region, kind, name
    from stg_calendar
    where kind = 'workday_moved' or nullif(trim(region), '') is not null
),

-- Explanation: the parts that moved most, with their share of the gap.
worded as (
    -- An amount says of which currency it is; what is counted has none.
    select
        business_date, entity_type, entity_id, metric, place,
        concat(
            case when part_name is null then part_id else part_name || ' (' || part_id || ')' end,
            case when contribution > 0 then ' +' else ' -' end,
            case
                when metric in ('average_price', 'return_rate') then
                    cast(cast(abs(contribution) as decimal(38, 4)) as text)
                else cast(cast(round(abs(contribution)) as bigint) as text)
            end,
            case when metric in ('net_sales', 'stock_level') then ' ' || $base_currency else '' end,
            ' (', cast(cast(round(share * 100) as bigint) as text), '%)'
        ) as words
    from leading_parts
),
explanations as (
    select
        business_date, entity_type, entity_id, metric,
        string_agg(words, '; ' order by place) as explanation
    from worded
    group by business_date, entity_type, entity_id, metric
),

-- Known causes, in the order in which they are believed: a file that is not there, the calendar, a promotion.
file_gaps as (
    select
        parts.business_date, parts.entity_type, parts.entity_id, parts.metric,
        sum(cast(parts.contribution as decimal(38, 6))) as contribution,
        sum(cast(parts.expected_share as decimal(38, 6))) as expected_share,
        max(unreported.cause) as cause,
        string_agg(
            concat(coalesce(partners.name, parts.part_id), ' (', parts.part_id, '): ', unreported.senders),
            '; ' order by abs(parts.contribution) desc, parts.part_id
        ) as detail
    from parts
    inner join unreported
        on parts.part_id = unreported.partner_id
        and parts.business_date = unreported.business_date
        and parts.feed = unreported.feed
    left join partners
        on parts.part_id = partners.partner_id
    where parts.part_type = 'partner'
    group by parts.business_date, parts.entity_type, parts.entity_id, parts.metric
),
file_causes as (
    -- A partner's own figure on a day without its file says nothing; a larger one is explained where the
    -- absent partners make up enough of the gap, or, for a rate, of the base.
    select findings.business_date, findings.entity_type, findings.entity_id, findings.metric,
        unreported.cause, unreported.senders as detail
    from findings
    inner join unreported
        on findings.entity_type = 'partner'
        and findings.entity_id = unreported.partner_id
        and findings.business_date = unreported.business_date
        and findings.feed = unreported.feed
    union all
    select findings.business_date, findings.entity_type, findings.entity_id, findings.metric,
        file_gaps.cause, file_gaps.detail
    from findings
    inner join file_gaps
        on findings.business_date = file_gaps.business_date
        and findings.entity_type = file_gaps.entity_type
        and findings.entity_id = file_gaps.entity_id
        and findings.metric = file_gaps.metric
    where
        findings.entity_type <> 'partner'
        and case
            when findings.metric in ('average_price', 'return_rate') then
                file_gaps.expected_share >= $anomaly_gap_min
            else
                findings.direction = 'down'
                and cast(file_gaps.contribution as double) <= $anomaly_cause_share * findings.gap
        end
),
calendar_directions as (
    -- What a day of the calendar can do to a figure: shops that close sell less, a festival sells more and cheaper.
    select * from (values
        ('holiday', 'net_sales', 'down'), ('holiday', 'units', 'down'), ('holiday', 'orders', 'down'),
        ('holiday', 'complaints', 'down'),
        ('shopping_festival', 'net_sales', 'up'), ('shopping_festival', 'units', 'up'), ('shopping_festival', 'orders', 'up'),
        ('shopping_festival', 'complaints', 'up'), ('shopping_festival', 'average_price', 'down'),
        ('workday_moved', 'net_sales', 'up'), ('workday_moved', 'units', 'up'), ('workday_moved', 'orders', 'up'),
        ('workday_moved', 'net_sales', 'down'), ('workday_moved', 'units', 'down'), ('workday_moved', 'orders', 'down')
    ) as listed (kind, metric, direction)
),
calendar_days as (
    -- A holiday explains a day for as long as its own effect is not known from an earlier year.
    select business_date, kind, name, cast(null as text) as region, true as ends_once_known from season
    union all
    select business_date, kind, name, region, false from calendar
),
calendar_reasons as (
    select
        findings.business_date, findings.entity_type, findings.entity_id, findings.metric,
        first_value(calendar_days.kind order by calendar_days.kind, calendar_days.name) as kind,
        first_value(calendar_days.name order by calendar_days.kind, calendar_days.name) as name,
        bool_or(calendar_days.region is not null) as is_own
    from findings
    inner join calendar_days
        on findings.business_date = calendar_days.business_date
    inner join calendar_directions
        on calendar_days.kind = calendar_directions.kind
        and findings.metric = calendar_directions.metric
        and findings.direction = calendar_directions.direction
    where
        not (calendar_days.ends_once_known and findings.is_holiday_known)
        and (
            calendar_days.region is null
            or (findings.entity_type = 'region' and calendar_days.region = findings.entity_id)
        )
    group by findings.business_date, findings.entity_type, findings.entity_id, findings.metric
),
peers as (
    -- What the others of its kind brought that day of what was expected of them.
    select
        calendar_reasons.business_date, calendar_reasons.entity_type, calendar_reasons.entity_id, calendar_reasons.metric,
        cast(sum(cast(bands.observed as decimal(38, 6))) as double)
        / nullif(cast(sum(cast(bands.expected as decimal(38, 6))) as double), 0) as brought
    from calendar_reasons
    inner join bands
        on calendar_reasons.business_date = bands.business_date
        and calendar_reasons.metric = bands.metric
        and calendar_reasons.entity_type = bands.entity_type
    where calendar_reasons.entity_id <> bands.entity_id
    group by
        calendar_reasons.business_date, calendar_reasons.entity_type, calendar_reasons.entity_id, calendar_reasons.metric
),
calendar_parts as (
    -- A calendar explains what the peers share, in its own direction. Where there are none it explains all of it, and
    -- a region's own holiday is nobody else's.
    select
        findings.business_date, findings.entity_type, findings.entity_id, findings.metric, findings.direction,
        findings.observed, findings.expected, findings.lower, findings.upper,
        calendar_reasons.kind, calendar_reasons.name,
        calendar_reasons.is_own or peers.brought is null as is_all,
        case findings.direction when 'down' then least(peers.brought, 1) else greatest(peers.brought, 1) end as brought
    from findings
    inner join calendar_reasons
        on findings.business_date = calendar_reasons.business_date
        and findings.entity_type = calendar_reasons.entity_type
        and findings.entity_id = calendar_reasons.entity_id
        and findings.metric = calendar_reasons.metric
    left join peers
        on findings.business_date = peers.business_date
        and findings.entity_type = peers.entity_type
        and findings.entity_id = peers.entity_id
        and findings.metric = peers.metric
),
calendar_causes as (
    -- What is left outside its band, moved to where the peers are, stays an anomaly.
    select
        business_date, entity_type, entity_id, metric, kind as cause, name as detail, brought - 1 as shared_rate,
        is_all
        or case direction
            when 'down' then
                observed >= lower * brought or expected * brought - observed < $anomaly_gap_min * expected * brought
            else
                observed <= upper * brought or observed - expected * brought < $anomaly_gap_min * expected * brought
        end as is_enough
    from calendar_parts
),
scoped_promotions as (
    -- A promotion that covers the entity explains more sales, or a lower price.
    select findings.business_date, findings.entity_type, findings.entity_id, findings.metric, promotions.promotion_id
    from findings
    inner join promotions
        on findings.business_date = promotions.business_date
        and findings.entity_type = promotions.entity_type
        and findings.entity_id = promotions.entity_id
    where
        findings.metric in ('net_sales', 'units', 'orders', 'average_price')
        and findings.direction = case findings.metric when 'average_price' then 'down' else 'up' end
),
promoted as (
    -- And so does one whose own lines make up enough of the gap.
    select
        parts.business_date, parts.entity_type, parts.entity_id, parts.metric,
        sum(parts.promoted_net_sales) as promoted_net_sales,
        max(parts.promotion_id) as promotion_id
    from parts
    where parts.part_type = 'partner' and parts.metric = 'net_sales'
    group by parts.business_date, parts.entity_type, parts.entity_id, parts.metric
),
tagged_promotions as (
    select findings.business_date, findings.entity_type, findings.entity_id, findings.metric, promoted.promotion_id
    from findings
    inner join promoted
        on findings.business_date = promoted.business_date
        and findings.entity_type = promoted.entity_type
        and findings.entity_id = promoted.entity_id
        and findings.metric = promoted.metric
    where findings.direction = 'up' and cast(promoted.promoted_net_sales as double) >= $anomaly_cause_share * findings.gap
),
promotion_causes as (
    select business_date, entity_type, entity_id, metric, string_agg(distinct promotion_id, ', ') as detail
    from (
        select business_date, entity_type, entity_id, metric, promotion_id from scoped_promotions
        union all
        select business_date, entity_type, entity_id, metric, promotion_id from tagged_promotions
    ) as either
    group by business_date, entity_type, entity_id, metric
),
joined as (
    select
        findings.*,
        explanations.explanation,
        case
            when file_causes.cause is not null then file_causes.cause
            when calendar_causes.is_enough then calendar_causes.cause
            when promotion_causes.business_date is not null then 'promotion'
        end as known_cause,
        case
            when file_causes.cause is not null then file_causes.detail
            when calendar_causes.is_enough then calendar_causes.detail
            when promotion_causes.business_date is not null then promotion_causes.detail
        end as known_cause_detail,
        case when file_causes.cause is null and not calendar_causes.is_enough and promotion_causes.business_date is null then
            calendar_causes.detail
        end as partial_cause,
        case when file_causes.cause is null and not calendar_causes.is_enough and promotion_causes.business_date is null then
            calendar_causes.shared_rate
        end as partial_rate,
        case findings.entity_type
            when 'channel' then channels.name
            when 'partner' then partners.name
            else findings.entity_id
        end as entity_name,
        case findings.entity_type when 'channel' then findings.entity_id else partners.channel_id end as channel_id
    from findings
    left join explanations
        on findings.business_date = explanations.business_date
        and findings.entity_type = explanations.entity_type
        and findings.entity_id = explanations.entity_id
        and findings.metric = explanations.metric
    left join file_causes
        on findings.business_date = file_causes.business_date
        and findings.entity_type = file_causes.entity_type
        and findings.entity_id = file_causes.entity_id
        and findings.metric = file_causes.metric
    left join calendar_causes
        on findings.business_date = calendar_causes.business_date
        and findings.entity_type = calendar_causes.entity_type
        and findings.entity_id = calendar_causes.entity_id
        and findings.metric = calendar_causes.metric
    left join promotion_causes
        on findings.business_date = promotion_causes.business_date
        and findings.entity_type = promotion_causes.entity_type
        and findings.entity_id = promotion_causes.entity_id
        and findings.metric = promotion_causes.metric
    left join channels
        on findings.entity_type = 'channel'
        and findings.entity_id = channels.channel_id
    left join partners
        on findings.entity_type = 'partner'
        and findings.entity_id = partners.partner_id
),
final as (
    select
        business_date,
        metric,
        entity_type,
        entity_id,
        coalesce(entity_name, entity_id) as entity_name,
        channel_id,
        cast(observed as decimal(18, 4)) as observed,
        cast(expected as decimal(18, 4)) as expected,
        cast(lower as decimal(18, 4)) as lower,
        cast(upper as decimal(18, 4)) as upper,
        cast(observed as decimal(18, 4)) - cast(expected as decimal(18, 4)) as gap,
        round(gap_rate, 6) as gap_rate,
        case when gap_rate is null then 'nothing_expected' end as gap_rate_status,
        round(score, 4) as anomaly_score,
        direction,
        case when finding = 'level_shift' then 'level_shift' when direction = 'up' then 'spike' else 'drop' end as kind,
        off_days,
        business_date + cast(off_days as int) - 1 >= $as_of_date as is_ongoing,
        round(level_change, 6) as level_change,
        case
            when known_cause is not null then 'info'
            when metric <> 'average_price' and abs(score) >= $anomaly_critical_factor * $anomaly_band then 'critical'
            when
                metric in ('net_sales', 'units', 'orders')
                and least(gap_rate, coalesce(level_change, gap_rate)) <= -$anomaly_critical_drop then 'critical'
            else 'warning'
        end as severity,
        'season_band' as method,
        explanation,
        known_cause,
        known_cause_detail,
        partial_cause,
        round(partial_rate, 6) as partial_rate
    from joined
)
select
    business_date, metric, entity_type, entity_id, entity_name, channel_id, observed, expected, lower, upper, gap,
    gap_rate, gap_rate_status, anomaly_score, direction, kind, off_days, is_ongoing, level_change, severity, method,
    explanation, known_cause, known_cause_detail, partial_cause, partial_rate
from final
