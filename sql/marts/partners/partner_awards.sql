-- The best distributor of the year: everybody who competes, in all by the mean of the year's quarterly scores, and in
-- each region of its territory by what it sold there. Who failed a gate or was scored in too few quarters is listed, but
-- not placed. Ties go to the larger net sales, of a region to the better score, then to the id, so that there is always
-- one winner.
with cards as (
    select * from partner_scorecard
),

competing as (
    select cards.*
    from cards
    inner join stg_channels
        on stg_channels.channel_id = cards.channel_id
        and stg_channels.valid_from <= least(period_end(cards.quarter), $as_of_date)
        and stg_channels.superseded_from > least(period_end(cards.quarter), $as_of_date)
    inner join settings.award_channel_types as award
        on award.channel_type = stg_channels.channel_type
    where cards.partner_status <> 'candidate'
),

years as (
    select
        partner_id,
        period_year(quarter_start) as year,
        max_by(partner_name, quarter_start) as partner_name,
        max_by(partner_manager, quarter_start) as partner_manager,
        max_by(channel_id, quarter_start) as channel_id,
        max_by(quarter, quarter_start) as last_quarter,
        count(score) as scored_quarters,
        sum(score) as score_total,
        count(*) filter (where gates = 'failed') as failed_quarters
    from competing
    group by partner_id, period_year(quarter_start)
),

sales as (
    select
        entity_id as partner_id,
        period_year(quarter_start) as year,
        sum(net_sales) as net_sales,
        sum(year_before_net_sales) as year_before_net_sales,
        min(year_before_net_sales) as least_year_before,
        bool_or(year_before_is_part) as year_before_is_part
    from unit_quarters
    where entity_type = 'partner'
    group by entity_id, period_year(quarter_start)
),

area_months as (
    -- What was sold in a place was sold in every area that holds it.
    select partner_id, month_start, region, net_sales
    from partner_region_months
    where month_start <= $as_of_date
    union all
    select months.partner_id, months.month_start, region_areas.area as region, months.net_sales
    from partner_region_months as months
    inner join region_areas
        on region_areas.region = months.region
        and region_areas.area <> months.region
        and region_areas.valid_from <= least(last_day(months.month_start), $as_of_date)
        and region_areas.superseded_from > least(last_day(months.month_start), $as_of_date)
    where months.month_start <= $as_of_date
),

region_sales as (
    select partner_id, period_year(month_start) as year, region, sum(net_sales) as net_sales
    from area_months
    group by partner_id, period_year(month_start), region
),

targets as (
    select scope_id as partner_id, period as year, target, target_due, target_due_status
    from period_targets
    where scope = 'partner'
        and metric = 'net_sales'
),

measured as (
    select
        years.*,
        period_end(years.year) > $as_of_date as is_provisional,
        cast(coalesce(sales.net_sales, 0) as decimal(38,4)) as net_sales,
        cast(cast(years.score_total as decimal(38,6)) / nullif(years.scored_quarters, 0) as decimal(38,4)) as award_score,
        sales.least_year_before,
        coalesce(sales.year_before_is_part, false) as year_before_is_part,
        -- Growth of a year needs all of it before, attainment a target for all of it; of a running year only the elapsed
        -- part of the target is due, as on the scorecard.
        case
            when sales.least_year_before > 0 and sales.year_before_is_part is not true
                then cast(sales.net_sales - sales.year_before_net_sales as double)
                    / cast(sales.year_before_net_sales as double)
        end as sales_growth,
        targets.target,
        targets.target_due,
        case
            when targets.target_due > 0
                then cast(coalesce(sales.net_sales, 0) as double) / cast(targets.target_due as double)
        end as attainment,
        case
            when coalesce(targets.target, 0) <= 0 then 'no_target'
            else targets.target_due_status
        end as attainment_status
    from years
    left join sales
        on sales.partner_id = years.partner_id
        and sales.year = years.year
    left join targets
        on targets.partner_id = years.partner_id
        and targets.year = years.year
),

judged as (
    select
        *,
        case
            when award_score is null then 'nothing_measured'
            when failed_quarters > 0 then 'failed_gate'
            when scored_quarters < $award_quarters_min then 'too_few_quarters'
        end as award_status
    from measured
),

territories as (
    select distinct partner_id, quarter, trim(unnest(string_to_array(territory, ';'))) as region
    from partner_quarters
    where coalesce(trim(territory), '') <> ''
),

entries as (
    select
        'all' as award_scope,
        award_status as own_status,
        cast(award_score as decimal(38,4)) as ranked_by,
        cast(net_sales as decimal(38,4)) as then_by,
        judged.*
    from judged
    union all
    select
        territories.region as award_scope,
        coalesce(judged.award_status, case when coalesce(region_sales.net_sales, 0) <= 0 then 'no_sales' end)
            as own_status,
        cast(coalesce(region_sales.net_sales, 0) as decimal(38,4)) as ranked_by,
        cast(judged.award_score as decimal(38,4)) as then_by,
        judged.*
    from judged
    inner join territories
        on territories.partner_id = judged.partner_id
        and territories.quarter = judged.last_quarter
    left join region_sales
        on region_sales.partner_id = judged.partner_id
        and region_sales.year = judged.year
        and region_sales.region = territories.region
),

placed as (
    select
        *,
        row_number() over (
            partition by year, award_scope, own_status is null
            order by ranked_by desc, then_by desc, partner_id
        ) as place,
        count(*) over (partition by year, award_scope, own_status is null) as placed_partners
    from entries
)

select
    year,
    is_provisional,
    award_scope,
    partner_id,
    partner_name,
    partner_manager,
    channel_id,
    case when own_status is null then place end as place,
    own_status as place_status,
    own_status is null and place = 1 as is_winner,
    case when own_status is null then placed_partners else 0 end as placed_partners,
    award_score,
    case when award_score is null then 'nothing_measured' end as award_score_status,
    scored_quarters,
    -- A region's own: what it is ranked by.
    cast(case when award_scope = 'all' then net_sales else ranked_by end as decimal(18,4)) as net_sales,
    case when award_scope = 'all' then sales_growth end as sales_growth,
    case
        when award_scope <> 'all' then 'not_by_region'
        when sales_growth is not null then null
        when year_before_is_part then 'incomplete_history'
        when least_year_before < 0 then 'negative_base'
        else 'no_prior_period'
    end as sales_growth_status,
    case when award_scope = 'all' then target end as target,
    case when award_scope = 'all' then target_due end as target_due,
    case when award_scope = 'all' then attainment end as attainment,
    case when award_scope = 'all' then attainment_status else 'not_by_region' end as attainment_status
from placed
