-- The partner scorecard: gates, a score from 0 to 100, a grade and what to do, for each partner and quarter.
-- How a metric is measured: scorecard_facts and scorecard_values; what it is worth: the settings table
-- scorecard_metrics. What is missing is left out and the rest carries its weight; with too little present there is
-- no grade. A gate that is not known is not a failed one.
with quarters as (
    select * from partner_quarters
),

parts as (
    select * from scorecard_points
),

-- The metrics side by side.
metrics as (
    select
        partner_id,
        quarter,
        max(value) filter (where metric = 'regional_share') as regional_share,
        max(value_status) filter (where metric = 'regional_share') as regional_share_status,
        max(value) filter (where metric = 'customers_percentile') as customers_percentile,
        max(value_status) filter (where metric = 'customers_percentile') as customers_percentile_status,
        max(value) filter (where metric = 'team_percentile') as team_percentile,
        max(value_status) filter (where metric = 'team_percentile') as team_percentile_status,
        max(value) filter (where metric = 'attainment') as attainment,
        max(value_status) filter (where metric = 'attainment') as attainment_status,
        max(value) filter (where metric = 'growth') as sales_growth,
        max(value_status) filter (where metric = 'growth') as sales_growth_status,
        max(value) filter (where metric = 'margin_percentile') as margin_percentile,
        max(value_status) filter (where metric = 'margin_percentile') as margin_percentile_status,
        max(value) filter (where metric = 'overstock_rate') as overstock_rate,
        max(value_status) filter (where metric = 'overstock_rate') as overstock_rate_status,
        max(value) filter (where metric = 'days_of_inventory') as days_of_inventory,
        max(value_status) filter (where metric = 'days_of_inventory') as days_of_inventory_status,
        max(value) filter (where metric = 'satisfaction_rate') as satisfaction_rate,
        max(value_status) filter (where metric = 'satisfaction_rate') as satisfaction_rate_status,
        max(value) filter (where metric = 'complaint_rate') as complaint_rate,
        max(value_status) filter (where metric = 'complaint_rate') as complaint_rate_status,
        max(value) filter (where metric = 'conflict_share') as conflict_share,
        max(value_status) filter (where metric = 'conflict_share') as conflict_share_status,
        max(value) filter (where metric = 'clean_file_rate') as clean_file_rate,
        max(value_status) filter (where metric = 'clean_file_rate') as clean_file_rate_status,
        max(value) filter (where metric = 'review_score') as review_score,
        max(value_status) filter (where metric = 'review_score') as review_score_status,
        sum(score_points) filter (where dimension = 'market') as market_points,
        sum(score_points) filter (where dimension = 'performance') as performance_points,
        sum(score_points) filter (where dimension = 'stock') as stock_points,
        sum(score_points) filter (where dimension = 'voice') as voice_points,
        sum(score_points) filter (where dimension = 'compliance') as compliance_points,
        sum(score_points) filter (where dimension = 'brand') as brand_points,
        sum(score_points) as score_points,
        max(weight_present) as weight_present,
        string_agg(
            case when value is null then metric || ' (' || value_status || ')' end, ', '
            order by weight desc, metric
        ) as missing_parts
    from parts
    group by partner_id, quarter
),

-- Where the partner loses most.
weakest as (
    select partner_id, quarter, metric as weakest_metric, score_points_lost
    from (
        select
            *,
            row_number() over (partition by partner_id, quarter order by score_points_lost desc, metric) as place
        from parts
        where score_points_lost > 0
    ) as losses
    where place = 1
),

gated as (
    select
        quarters.*,
        case
            when licence_valid_until < closes_on then 'failed'
            when business_licence is null or licence_valid_until is null then 'unknown'
            else 'passed'
        end as licence_gate,
        case
            when industry_years >= $scorecard_industry_years_min then 'passed'
            when industry_years is null then 'unknown'
            else 'failed'
        end as industry_years_gate,
        case
            when registered_capital >= $scorecard_capital_min then 'passed'
            when registered_capital is null then 'unknown'
            else 'failed'
        end as registered_capital_gate
    from quarters
),

scored as (
    select
        gated.*,
        case
            when 'failed' in (licence_gate, industry_years_gate, registered_capital_gate) then 'failed'
            when 'unknown' in (licence_gate, industry_years_gate, registered_capital_gate) then 'unknown'
            else 'passed'
        end as gates,
        metrics.regional_share,
        metrics.regional_share_status,
        metrics.customers_percentile,
        metrics.customers_percentile_status,
        metrics.team_percentile,
        metrics.team_percentile_status,
        metrics.attainment,
        metrics.attainment_status,
        metrics.sales_growth,
        metrics.sales_growth_status,
        metrics.margin_percentile,
        metrics.margin_percentile_status,
        metrics.overstock_rate,
        metrics.overstock_rate_status,
        metrics.days_of_inventory,
        metrics.days_of_inventory_status,
        metrics.satisfaction_rate,
        metrics.satisfaction_rate_status,
        metrics.complaint_rate,
        metrics.complaint_rate_status,
        metrics.conflict_share,
        metrics.conflict_share_status,
        metrics.clean_file_rate,
        metrics.clean_file_rate_status,
        metrics.review_score,
        metrics.review_score_status,
        metrics.market_points,
        metrics.performance_points,
        metrics.stock_points,
        metrics.voice_points,
        metrics.compliance_points,
        metrics.brand_points,
        metrics.weight_present,
        metrics.missing_parts,
        weakest.weakest_metric,
        weakest.score_points_lost as weakest_metric_points_lost,
        case when metrics.weight_present > 0 then cast(round(metrics.score_points, 2) as decimal(38,2)) end as score,
        row_number() over (partition by gated.partner_id order by gated.quarter_start) as quarter_no
    from gated
    left join metrics
        on metrics.partner_id = gated.partner_id
        and metrics.quarter = gated.quarter
    left join weakest
        on weakest.partner_id = gated.partner_id
        and weakest.quarter = gated.quarter
),

graded as (
    select
        *,
        case
            when coalesce(weight_present, 0) < $scorecard_weight_min then null
            when score >= $scorecard_grade_a then 'A'
            when score >= $scorecard_grade_b then 'B'
            when score >= $scorecard_grade_c then 'C'
            else 'D'
        end as grade
    from scored
),

-- Quarters in a row that ended with the grade; the running one has not ended and neither adds nor breaks.
followed as (
    select
        *,
        lag(grade) over (partition by partner_id order by quarter_no) as previous_grade,
        max(case when not is_provisional then quarter_no end) over to_date as last_closed_no,
        max(case when not is_provisional and grade is distinct from 'A' then quarter_no end) over to_date as last_not_a_no,
        max(case when not is_provisional and grade is distinct from 'D' then quarter_no end) over to_date as last_not_d_no
    from graded
    window to_date as (
        partition by partner_id order by quarter_no rows between unbounded preceding and current row
    )
),

counted as (
    select
        *,
        coalesce(last_closed_no, 0) - coalesce(last_not_a_no, 0) as a_quarters,
        coalesce(last_closed_no, 0) - coalesce(last_not_d_no, 0) as d_quarters
    from followed
),

-- A candidate that failed a gate is no choice, whatever it scores.
ranked as (
    select
        *,
        case
            when score is null then 'nothing_measured'
            when is_candidate and gates = 'failed' then 'failed_gate'
        end as rank_status,
        rank() over (
            partition by quarter, channel_id, is_candidate, is_candidate and gates = 'failed'
            order by score desc
        ) as channel_place
    from counted
)

select
    partner_id,
    partner_name,
    partner_manager,
    channel_id,
    cooperation_mode,
    partner_status,
    quarter,
    quarter_start,
    is_provisional,
    licence_valid_until,
    licence_gate,
    industry_years_gate,
    registered_capital_gate,
    gates,
    score,
    case when score is null then 'nothing_measured' end as score_status,
    grade,
    case when grade is null then 'too_little_measured' end as grade_status,
    coalesce(weight_present, 0) as weight_present,
    missing_parts,
    previous_grade,
    a_quarters,
    d_quarters,
    cast(case when rank_status is null then channel_place end as bigint) as score_rank_in_channel,
    rank_status as score_rank_in_channel_status,
    case
        when is_candidate then null
        when gates = 'failed' then 'terminate_review'
        when grade = 'D' and d_quarters >= $scorecard_terminate_quarters then 'terminate_review'
        when grade = 'A' and a_quarters >= $scorecard_promote_quarters then 'promote_to_regional_agent'
        when grade in ('A', 'B') then 'develop'
        when grade is not null then 'improve_plan'
    end as advice,
    case
        when is_candidate then 'candidate'
        when gates = 'failed' then null
        when grade is null then 'too_little_measured'
    end as advice_status,
    weakest_metric,
    weakest_metric_points_lost,
    market_points,
    performance_points,
    stock_points,
    voice_points,
    compliance_points,
    brand_points,
    regional_share,
    regional_share_status,
    customers_percentile,
    customers_percentile_status,
    team_percentile,
    team_percentile_status,
    attainment,
    attainment_status,
    sales_growth,
    sales_growth_status,
    margin_percentile,
    margin_percentile_status,
    overstock_rate,
    overstock_rate_status,
    days_of_inventory,
    days_of_inventory_status,
    satisfaction_rate,
    satisfaction_rate_status,
    complaint_rate,
    complaint_rate_status,
    conflict_share,
    conflict_share_status,
    clean_file_rate,
    clean_file_rate_status,
    review_score,
    review_score_status
from ranked
