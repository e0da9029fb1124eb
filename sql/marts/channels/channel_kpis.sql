-- The figures of every channel by month. How each rate is made: monthly_kpis.
with kpis as (
    select *
    from monthly_kpis
    where scope = 'channel'
),

-- A channel's name as it was when the month closed.
channel_versions as (
    select
        channel_id,
        name,
        channel_type,
        valid_from,
        superseded_from
    from stg_channels
)

select
    kpis.scope_id as channel_id,
    channel_versions.name as channel_name,
    channel_versions.channel_type,
    kpis.month,
    kpis.month_start,
    kpis.is_provisional,
    kpis.gross_sales,
    kpis.discounts,
    kpis.returns,
    kpis.adjustments,
    kpis.net_sales,
    kpis.net_sales_status,
    kpis.units,
    kpis.orders,
    kpis.active_customers,
    kpis.new_customers,
    kpis.average_order_value, kpis.average_order_value_status,
    kpis.contribution_share, kpis.contribution_share_status,
    kpis.market_share, kpis.market_share_status,
    kpis.month_before_net_sales,
    kpis.sales_growth_mom, kpis.sales_growth_mom_status,
    kpis.year_before_net_sales,
    kpis.sales_growth_yoy, kpis.sales_growth_yoy_status,
    kpis.growth_contribution, kpis.growth_contribution_status,
    kpis.growth_contribution_yoy, kpis.growth_contribution_yoy_status,
    kpis.gross_margin, kpis.gross_margin_status,
    kpis.gross_margin_rate, kpis.gross_margin_rate_status,
    kpis.channel_cost, kpis.channel_cost_status,
    kpis.cost_rate, kpis.cost_rate_status,
    kpis.return_rate, kpis.return_rate_status,
    kpis.responses,
    kpis.satisfaction_rate, kpis.satisfaction_rate_status,
    kpis.average_score, kpis.average_score_status,
    kpis.complaints, kpis.complaints_status,
    kpis.complaint_rate, kpis.complaint_rate_status,
    kpis.target,
    kpis.attainment, kpis.attainment_status,
    kpis.buyers,
    kpis.repeat_buyers,
    kpis.repeat_purchase_rate, kpis.repeat_purchase_rate_status,
    kpis.covered_regions,
    kpis.list_price_value,
    kpis.price_realisation_rate, kpis.price_realisation_rate_status,
    kpis.due_deliveries,
    kpis.reported_deliveries,
    kpis.on_time_delivery_rate, kpis.on_time_delivery_rate_status,
    kpis.expected_days,
    kpis.coverage_share, kpis.coverage_share_status
from kpis
left join channel_versions
    on channel_versions.channel_id = kpis.scope_id
    and channel_versions.valid_from <= kpis.closes_on
    and channel_versions.superseded_from > kpis.closes_on
