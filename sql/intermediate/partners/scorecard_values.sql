-- Every metric of the scorecard as a row: its value, or why there is none. What each is worth stands in the settings
-- table scorecard_metrics and comes in the next step.
with facts as (
    select * from scorecard_facts
),

-- Candidates sell nothing yet: what is measured by sales does not exist for them.
plain as (
    select
        partner_id, quarter, 'regional_share' as metric,
        case
            when net_sales is not null and region_net_sales > 0
                then cast(own_net_sales as double) / cast(region_net_sales as double)
        end as value,
        'no_sales' as reason
    from facts
    union all
    select
        partner_id, quarter, 'attainment' as metric,
        case when target_due > 0 then cast(coalesce(net_sales, 0) as double) / cast(target_due as double) end as value,
        coalesce(target_due_status, 'no_target') as reason
    from facts
    union all
    select
        partner_id, quarter, 'growth' as metric,
        case when year_before_is_part is not true then growth(net_sales, year_before_net_sales) end as value,
        case
            when year_before_is_part then 'incomplete_history'
            when year_before_net_sales < 0 then 'negative_base'
            else 'no_prior_period'
        end as reason
    from facts
    union all
    select
        partner_id, quarter, 'overstock_rate' as metric,
        overstock_rate as value,
        'no_stock_data' as reason
    from facts
    union all
    select
        partner_id, quarter, 'days_of_inventory' as metric,
        ratio(stock_days_value, stock_cogs) as value,
        case when stock_days_value is null then 'no_stock_data' else 'no_sales' end as reason
    from facts
    union all
    select
        partner_id, quarter, 'satisfaction_rate' as metric,
        case when responses >= $scorecard_responses_min then cast(satisfied_responses as double) / cast(responses as double) end
            as value,
        case
            when responses is null then 'no_survey_data'
            when responses = 0 then 'no_responses'
            else 'too_few_responses'
        end as reason
    from facts
    union all
    select
        partner_id, quarter, 'complaint_rate' as metric,
        ratio(complaints, orders) as value,
        case when complaints is null then 'no_complaint_data' else 'no_sales' end as reason
    from facts
    union all
    select
        partner_id, quarter, 'conflict_share' as metric,
        ratio(conflict_value, net_sales) as value,
        'no_sales' as reason
    from facts
    union all
    select
        partner_id, quarter, 'clean_file_rate' as metric,
        ratio(clean_files, expected_files) as value,
        'no_expected_files' as reason
    from facts
    union all
    select
        partner_id, quarter, 'review_score' as metric,
        case when reviews > 0 then cast(review_points as double) / (2 * reviews) end as value,
        'no_reviews' as reason
    from facts
),

measured as (
    select
        partner_id, quarter, channel_id, is_candidate, 'customers_percentile' as metric,
        cast(customers as double) as measure,
        'no_known_customers' as reason
    from facts
    union all
    select
        partner_id, quarter, channel_id, is_candidate, 'team_percentile' as metric,
        cast(sales_team_size as double) as measure,
        'no_team_data' as reason
    from facts
    union all
    select
        partner_id, quarter, channel_id, is_candidate, 'margin_percentile' as metric,
        case
            when margin_net_sales > 0 then round(cast(gross_margin as double) / cast(margin_net_sales as double), 9)
        end as measure,
        case when coalesce(margin_net_sales, 0) <= 0 then 'no_sales' else 'no_cost_data' end as reason
    from facts
),

-- A partner stands among the active partners of its channel: the share of them below it, equals counted half, so
-- that the middle is 50 %. A candidate is set among them too and moves nobody. Alone, it stands nowhere.
peers as (
    select
        *,
        count(*) filter (where not is_candidate) over (partition by quarter, channel_id, metric) as active_peers,
        count(*) filter (where not is_candidate) over (
            partition by quarter, channel_id, metric
            order by measure
            range between unbounded preceding and current row
        ) as active_up_to,
        count(*) filter (where not is_candidate) over (partition by quarter, channel_id, metric, measure)
            as active_equal
    from measured
    where measure is not null
),

placed as (
    select
        partner_id,
        quarter,
        metric,
        measure,
        active_peers + case when is_candidate then 1 else 0 end as compared,
        active_up_to - active_equal as below,
        active_equal + case when is_candidate then 1 else 0 end as equal
    from peers
),

percentiles as (
    select
        measured.partner_id,
        measured.quarter,
        measured.metric,
        case when placed.compared > 1 then (placed.below + placed.equal / cast(2 as double)) / placed.compared end as value,
        case when placed.compared = 1 then 'alone_in_channel' else measured.reason end as reason
    from measured
    left join placed
        on placed.partner_id = measured.partner_id
        and placed.quarter = measured.quarter
        and placed.metric = measured.metric
),

together as (
    select partner_id, quarter, metric, value, reason from plain
    union all
    select partner_id, quarter, metric, value, reason from percentiles
)

select
    partner_id,
    quarter,
    metric,
    round(value, 9) as value,
    case when value is null then reason end as value_status
from together
