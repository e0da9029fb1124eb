-- The figures of every partner by month, its rank, and what it bought from the brand beside what it sold.
-- How each rate is made: monthly_kpis.
with kpis as (
    select *
    from monthly_kpis
    where scope = 'partner'
),

-- Channel and first region of the partner as they were when the month closed.
partner_versions as (
    select
        partner_id,
        name,
        channel_id,
        cooperation_mode,
        coalesce(nullif(trim(split_part(territory, ';', 1)), ''), 'unknown') as region,
        valid_from,
        superseded_from
    from stg_partners
),

placed as (
    select
        kpis.*,
        partner_versions.name as partner_name,
        partner_versions.channel_id,
        partner_versions.region,
        partner_versions.cooperation_mode
    from kpis
    left join partner_versions
        on partner_versions.partner_id = kpis.scope_id
        and partner_versions.valid_from <= kpis.closes_on
        and partner_versions.superseded_from > kpis.closes_on
),

ranked as (
    select
        *,
        rank() over (partition by month_start, channel_id order by net_sales desc) as channel_place,
        rank() over (partition by month_start, region order by net_sales desc) as region_place
    from placed
),

sell_in as (
    select
        partner_id,
        cast(date_trunc('month', business_date) as date) as month_start,
        sum(net_amount) as sell_in_sales,
        sum(quantity) as sell_in_units
    from sell_in_lines
    where business_date <= $as_of_date
    group by partner_id, cast(date_trunc('month', business_date) as date)
),

-- What was sent before the records begin and came within their first month is not known: that month is no whole one.
arrived as (
    select
        (select count(*) from system.feeds where feed = 'shipments' and arrived) > 0 as shipments_arrived,
        (select min(business_date) from sell_in_lines) as sell_in_begins_on
),

known as (
    select
        ranked.*,
        case
            when not arrived.shipments_arrived then 'no_sell_in_data'
            when ranked.month_start < arrived.sell_in_begins_on then 'incomplete_history'
        end as sell_in_status
    from ranked
    cross join arrived
)

select
    kpis.scope_id as partner_id,
    kpis.partner_name,
    kpis.channel_id,
    kpis.region,
    kpis.cooperation_mode,
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
    kpis.coverage_share, kpis.coverage_share_status,
    cast(case when kpis.channel_id is not null then kpis.channel_place end as bigint) as rank_in_channel,
    case when kpis.channel_id is null then 'no_partner_data' end as rank_in_channel_status,
    cast(case when kpis.region <> 'unknown' then kpis.region_place end as bigint) as rank_in_region,
    case
        when kpis.region is null then 'no_partner_data'
        when kpis.region = 'unknown' then 'no_territory'
    end as rank_in_region_status,
    cast(
        case when kpis.sell_in_status is null then coalesce(sell_in.sell_in_sales, 0) end as decimal(18,4)
    ) as sell_in_sales,
    case when kpis.sell_in_status is null then coalesce(sell_in.sell_in_units, 0) end as sell_in_units,
    kpis.sell_in_status as sell_in_sales_status,
    case when kpis.sell_in_status is null then ratio(kpis.units, sell_in.sell_in_units) end as sell_through_rate,
    case
        when kpis.sell_in_status is not null then kpis.sell_in_status
        when coalesce(sell_in.sell_in_units, 0) <= 0 then 'no_sell_in'
    end as sell_through_rate_status
from known as kpis
left join sell_in
    on sell_in.partner_id = kpis.scope_id
    and sell_in.month_start = kpis.month_start
