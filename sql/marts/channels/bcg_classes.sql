-- The BCG matrix: every channel, region, partner (within its channel) and product category by quarter.
-- Growth and share are compared after rounding to nine digits, so that "exactly on the cut" is high.
-- Which kinds of unit are classified, and when a share is high, the settings bcg_*_share_rule say.
with unit_rules as (
    select 'channel' as entity_type, $bcg_channel_share_rule as share_rule
    union all
    select 'region' as entity_type, $bcg_region_share_rule as share_rule
    union all
    select 'partner' as entity_type, $bcg_partner_share_rule as share_rule
    union all
    select 'category' as entity_type, $bcg_category_share_rule as share_rule
),

unit_quarters_placed as (
    select
        units.*,
        case
            when units.entity_type = 'channel' then stg_channels.name
            when units.entity_type = 'partner' then stg_partners.name
            when units.entity_type = 'region' then stg_regions.name
        end as entity_name,
        case when units.entity_type = 'partner' then coalesce(stg_partners.channel_id, 'unknown') else 'all' end
            as share_group,
        case units.growth_basis
            when 'year_on_year' then units.year_before_net_sales
            when 'prior_quarter' then units.quarter_before_net_sales
        end as base_net_sales,
        unit_rules.share_rule,
        units.entity_id = 'unknown' as is_unknown
    from unit_quarters as units
    inner join unit_rules
        on unit_rules.entity_type = units.entity_type
        and unit_rules.share_rule <> 'off'
    left join stg_channels
        on stg_channels.channel_id = units.entity_id
        and units.entity_type = 'channel'
        and stg_channels.valid_from <= units.closes_on
        and stg_channels.superseded_from > units.closes_on
    left join stg_partners
        on stg_partners.partner_id = units.entity_id
        and units.entity_type = 'partner'
        and stg_partners.valid_from <= units.closes_on
        and stg_partners.superseded_from > units.closes_on
    left join stg_regions
        on stg_regions.region = units.entity_id
        and units.entity_type = 'region'
        and stg_regions.valid_from <= units.closes_on
        and stg_regions.superseded_from > units.closes_on
),

-- Each unit among the others of its group and quarter. What is sold in an unknown region is in the total, but is
-- no unit of its own: it counts for no share cut, is nobody's rival, and gets no class.
compared as (
    select
        units.*,
        market_competitors.competitor_sales_amount as market_competitor_amount,
        sum(net_sales) over (partition by units.entity_type, share_group, quarter_start) as group_net_sales,
        count(*) filter (where net_sales > 0 and not is_unknown) over (partition by units.entity_type, share_group, quarter_start)
            as active_units,
        row_number() over (
            partition by units.entity_type, share_group, quarter_start
            order by is_unknown, net_sales desc, units.entity_id
        ) as place,
        first_value(net_sales) over (
            partition by units.entity_type, share_group, quarter_start
            order by is_unknown, net_sales desc, units.entity_id
            rows between unbounded preceding and unbounded following
        ) as first_net_sales,
        nth_value(net_sales, 2) over (
            partition by units.entity_type, share_group, quarter_start
            order by is_unknown, net_sales desc, units.entity_id
            rows between unbounded preceding and unbounded following
        ) as second_net_sales,
        nth_value(is_unknown, 2) over (
            partition by units.entity_type, share_group, quarter_start
            order by is_unknown, net_sales desc, units.entity_id
            rows between unbounded preceding and unbounded following
        ) as second_is_unknown,
        case growth_basis
            when 'year_on_year'
                then sum(year_before_net_sales) over (partition by units.entity_type, share_group, quarter_start)
            when 'prior_quarter'
                then sum(quarter_before_net_sales) over (partition by units.entity_type, share_group, quarter_start)
        end as group_base_net_sales
    from unit_quarters_placed as units
    left join market_competitors
        on market_competitors.entity_type = units.entity_type
        and market_competitors.entity_id = units.entity_id
        and market_competitors.quarter = units.quarter
),

rivals as (
    select
        *,
        coalesce(
            market_competitor_amount,
            case
                when place = 1 and not second_is_unknown and second_net_sales > 0 then second_net_sales
                when place > 1 and first_net_sales > 0 then first_net_sales
            end
        ) as competitor_sales_amount
    from compared
),

axes as (
    select
        *,
        case
            when base_net_sales > 0
                then round(cast(net_sales - base_net_sales as double) / cast(base_net_sales as double), 9)
        end as growth,
        round(
            case
                when $bcg_growth_rule = 'weighted_average' and group_base_net_sales > 0
                    then cast(group_net_sales - group_base_net_sales as double) / cast(group_base_net_sales as double)
                when $bcg_growth_rule = 'weighted_average' then null
                when growth_basis = 'prior_quarter' then power(cast(1 + $bcg_growth_cut as double), 0.25) - 1
                when growth_basis = 'year_on_year' then cast($bcg_growth_cut as double)
            end, 9
        ) as growth_cut,
        case
            when group_net_sales > 0 then round(cast(net_sales as double) / cast(group_net_sales as double), 9)
        end as share,
        case when share_rule = 'mean_share' and active_units > 0 then round(1 / cast(active_units as double), 9) end
            as share_cut,
        case
            when competitor_sales_amount > 0
                then round(cast(net_sales as double) / cast(competitor_sales_amount as double), 9)
        end as relative_share
    from rivals
),

judged as (
    select
        *,
        case
            when growth_basis = 'none' and quarter_no > 1 then 'incomplete_history'
            when growth_basis = 'none' or base_net_sales = 0 then 'no_prior_period'
            when base_net_sales < 0 then 'negative_base'
        end as growth_status,
        case
            when share_rule = 'mean_share' then share >= share_cut
            when net_sales <= 0 then false
            when relative_share is null then true
            else relative_share >= cast($bcg_relative_cut as double)
        end as share_is_high,
        growth >= growth_cut as growth_is_high
    from axes
),

classified as (
    select
        *,
        case
            when is_unknown or growth_status is not null or growth_cut is null or share_is_high is null then 'unclassified'
            when growth_is_high and share_is_high then 'star'
            when share_is_high then 'cash_cow'
            when growth_is_high then 'question_mark'
            else 'dog'
        end as class,
        case
            when is_unknown then 'unknown_unit'
            when growth_status is not null then growth_status
            when growth_cut is null then 'no_growth_cut'
            when share_is_high is null then 'no_sales'
            when growth_is_high and share_is_high then 'high_growth_high_share'
            when share_is_high then 'low_growth_high_share'
            when growth_is_high then 'high_growth_low_share'
            else 'low_growth_low_share'
        end as class_reason
    from judged
),

followed as (
    select
        *,
        lag(class) over (partition by entity_type, entity_id order by quarter_no) as previous_class,
        coalesce(max(case when growth < 0 then null else quarter_no end) over (
            partition by entity_type, entity_id
            order by quarter_no
            rows between unbounded preceding and current row
        ), min(quarter_no) over (partition by entity_type, entity_id) - 1) as last_quarter_not_declining
    from classified
),

turns as (
    select
        *,
        max(case when class is distinct from previous_class then quarter_no end) over (
            partition by entity_type, entity_id
            order by quarter_no
            rows between unbounded preceding and current row
        ) as class_since
    from followed
),

counted as (
    select
        *,
        cast(quarter_no - class_since + 1 as bigint) as periods_in_class,
        cast(quarter_no - last_quarter_not_declining as bigint) as declining_periods
    from turns
)

select
    entity_type,
    entity_id,
    coalesce(entity_name, entity_id) as entity_name,
    share_group,
    quarter,
    quarter_start,
    is_provisional,
    net_sales,
    base_net_sales,
    growth,
    growth_status,
    growth_basis,
    growth_cut,
    case
        when growth_cut is not null then null
        when growth_basis = 'none' and quarter_no > 1 then 'incomplete_history'
        when group_base_net_sales < 0 then 'negative_base'
        else 'no_prior_period'
    end as growth_cut_status,
    share,
    case when share is null then 'no_sales' end as share_status,
    share_rule,
    share_cut,
    active_units,
    competitor_sales_amount,
    case
        when market_competitor_amount is not null then 'market_feed'
        when competitor_sales_amount is not null then 'largest_other_unit'
        else 'none'
    end as competitor_source,
    relative_share,
    case when relative_share is null then 'no_competitor' end as relative_share_status,
    class,
    class_reason,
    previous_class,
    periods_in_class,
    declining_periods,
    cast(
        case
            when share_rule = 'mean_share' and active_units > 0 then per_unit(group_net_sales, active_units) - net_sales
            when share_rule = 'relative' then competitor_sales_amount - net_sales
        end as decimal(18,4)
    ) as share_gap,
    case
        when share_rule = 'mean_share' and active_units = 0 then 'no_sales'
        when share_rule = 'relative' and competitor_sales_amount is null then 'no_competitor'
    end as share_gap_status,
    case
        when class = 'dog' and declining_periods >= $bcg_exit_periods then 'exit'
        when class = 'dog' then 'harvest'
        when class = 'question_mark' then 'invest'
        when class = 'star' then 'hold_and_grow'
        when class = 'cash_cow' then 'milk'
    end as advice
from counted
