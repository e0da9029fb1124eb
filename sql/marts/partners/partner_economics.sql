-- What each partner earns and costs by month under its mode of cooperation, and what support did for its sales.
-- Support is judged against comparable partners: those of the same channel and mode without it in that month. What the
-- partner would have sold at their pace is its own month before × their growth; the rest is uplift.
with months as (
    select scope_id as partner_id, month, month_start, closes_on, is_provisional, net_sales, month_before_net_sales,
        month_before_is_part
    from monthly_sales
    where scope = 'partner'
),

placed as (
    select
        months.*,
        stg_partners.name as partner_name,
        stg_partners.manager as partner_manager,
        stg_partners.channel_id,
        stg_partners.cooperation_mode,
        stg_partners.commission_rate,
        stg_partners.franchise_fee_per_month,
        stg_partners.management_fee_rate
    from months
    inner join stg_partners
        on stg_partners.partner_id = months.partner_id
        and stg_partners.valid_from <= months.closes_on
        and stg_partners.superseded_from > months.closes_on
),

costs as (
    select
        lines.partner_id,
        lines.month_start,
        count(*) filter (where lines.cost_type = 'commission' and lines.source = 'delivered') as commission_rows,
        count(*) filter (where lines.cost_type = 'commission' and lines.amount is null) as commission_without_rate,
        sum(lines.amount) filter (where lines.cost_type = 'commission' and lines.source = 'delivered') as commission,
        sum(lines.amount) filter (where lines.cost_type = 'rebate') as accrued_rebates,
        sum(lines.amount) filter (where support.cost_type = 'training') as training_support,
        sum(lines.amount) filter (where support.cost_type = 'logistics') as logistics_support,
        sum(lines.amount) filter (where support.cost_type = 'marketing') as marketing_support,
        sum(lines.amount) filter (where support.cost_type is not null) as support_cost,
        count(*) filter (where support.cost_type is not null and lines.amount is null) as support_without_rate
    from cost_lines as lines
    left join settings.support_cost_types as support on support.cost_type = lines.cost_type
    where lines.partner_id is not null
    group by lines.partner_id, lines.month_start
),

-- Without a feed of costs support is unknown, without one of plans the rebates are: neither is 0.
arrived as (
    select
        (select count(*) from system.feeds where feed = 'channel_costs' and arrived) > 0 as costs_arrived,
        (select count(*) from system.feeds where feed = 'rebate_plans' and arrived) > 0 as plans_arrived
),

measured as (
    select
        placed.*,
        arrived.costs_arrived,
        purchase_costs.purchase_cost,
        purchase_costs.partner_id is not null as has_sales_lines,
        case
            when not arrived.plans_arrived then 'no_rebate_data'
            else unknown_rebates.rebate_status
        end as accrued_rebates_status,
        coalesce(costs.accrued_rebates, 0) as known_rebates,
        case when arrived.costs_arrived then coalesce(costs.training_support, 0) end as training_support,
        case when arrived.costs_arrived then coalesce(costs.logistics_support, 0) end as logistics_support,
        case when arrived.costs_arrived then coalesce(costs.marketing_support, 0) end as marketing_support,
        case
            when arrived.costs_arrived and coalesce(costs.support_without_rate, 0) = 0
                then coalesce(costs.support_cost, 0)
        end as support_cost,
        coalesce(costs.commission_without_rate, 0) as commission_without_rate,
        case
            when costs.commission_without_rate > 0 then null
            when costs.commission_rows > 0 then costs.commission
            else cast(placed.net_sales * placed.commission_rate as decimal(38,4))
        end as commission,
        case
            when placed.franchise_fee_per_month is null and placed.management_fee_rate is null then null
            else
                coalesce(placed.franchise_fee_per_month, 0)
                + cast(greatest(placed.net_sales, 0) * coalesce(placed.management_fee_rate, 0) as decimal(38,4))
        end as fees
    from placed
    cross join arrived
    left join purchase_costs
        on purchase_costs.partner_id = placed.partner_id
        and purchase_costs.month_start = placed.month_start
    left join costs
        on costs.partner_id = placed.partner_id
        and costs.month_start = placed.month_start
    left join unknown_rebates
        on unknown_rebates.partner_id = placed.partner_id
        and unknown_rebates.month_start = placed.month_start
),

supported as (
    select
        *,
        support_cost > 0
            and (net_sales <= 0 or support_cost >= $support_share_min * net_sales)
            as is_supported
    from measured
),

-- Partners without support in the month, that sold in the month before.
comparable as (
    select
        month_start,
        channel_id,
        cooperation_mode,
        count(*) as comparable_partners,
        sum(net_sales) as comparable_net_sales,
        sum(month_before_net_sales) as comparable_month_before
    from supported
    where not is_supported
        and month_before_net_sales > 0
    group by month_start, channel_id, cooperation_mode
),

compared as (
    select
        supported.*,
        coalesce(comparable.comparable_partners, 0) as comparable_partners,
        case
            when not supported.costs_arrived then 'no_cost_data'
            when supported.support_cost is null then 'no_rate'
            when not supported.is_supported then 'no_support'
            when supported.month_before_is_part then 'incomplete_history'
            when supported.month_before_net_sales <= 0 then 'no_prior_period'
            when coalesce(comparable.comparable_partners, 0) < $support_comparables_min then 'no_comparable_partners'
        end as uplift_status,
        comparable.comparable_net_sales,
        comparable.comparable_month_before
    from supported
    left join comparable
        on comparable.month_start = supported.month_start
        and comparable.channel_id = supported.channel_id
        and comparable.cooperation_mode = supported.cooperation_mode
),

lifted as (
    select
        *,
        case
            when uplift_status is null
                then cast(
                    net_sales - cast(
                        cast(month_before_net_sales as decimal(38,8)) * cast(comparable_net_sales as decimal(38,4))
                        / nullif(comparable_month_before, 0) as decimal(38,4)
                    ) as decimal(38,4)
                )
        end as sales_uplift
    from compared
)

select
    partner_id,
    partner_name,
    partner_manager,
    channel_id,
    cooperation_mode,
    month,
    month_start,
    is_provisional,
    net_sales,
    cast(case when cooperation_mode = 'distribution' then net_sales - purchase_cost end as decimal(18,4))
        as distribution_margin,
    case
        when cooperation_mode = 'distribution' and net_sales > 0
            then cast(net_sales - purchase_cost as double) / cast(net_sales as double)
    end as distribution_margin_rate,
    case
        when cooperation_mode is distinct from 'distribution' then 'not_distribution'
        when not has_sales_lines then 'no_sales'
        when purchase_cost is null then 'no_purchase_price'
    end as distribution_margin_status,
    case
        when cooperation_mode is distinct from 'distribution' then 'not_distribution'
        when not has_sales_lines then 'no_sales'
        when purchase_cost is null then 'no_purchase_price'
        when net_sales <= 0 then 'no_sales'
    end as distribution_margin_rate_status,
    cast(case when cooperation_mode = 'agency' then commission end as decimal(18,4)) as agency_commission,
    case
        when cooperation_mode is distinct from 'agency' then 'not_agency'
        when commission_without_rate > 0 then 'no_rate'
        when commission is null then 'no_commission_rate'
    end as agency_commission_status,
    cast(case when cooperation_mode = 'franchise' then fees end as decimal(18,4)) as franchise_fees,
    case
        when cooperation_mode is distinct from 'franchise' then 'not_franchise'
        when fees is null then 'no_fee_terms'
    end as franchise_fees_status,
    cast(case when accrued_rebates_status is null then known_rebates end as decimal(18,4)) as accrued_rebates,
    accrued_rebates_status,
    cast(training_support as decimal(18,4)) as training_support,
    cast(logistics_support as decimal(18,4)) as logistics_support,
    cast(marketing_support as decimal(18,4)) as marketing_support,
    cast(support_cost - training_support - logistics_support - marketing_support as decimal(18,4)) as other_support,
    cast(support_cost as decimal(18,4)) as support_cost,
    case
        when not costs_arrived then 'no_cost_data'
        when support_cost is null then 'no_rate'
    end as support_cost_status,
    is_supported,
    month_before_net_sales,
    comparable_partners,
    case when month_before_is_part is not true then growth(comparable_net_sales, comparable_month_before) end
        as comparable_growth,
    case
        when coalesce(comparable_month_before, 0) <= 0 then 'no_comparable_partners'
        when month_before_is_part then 'incomplete_history'
    end as comparable_growth_status,
    sales_uplift,
    uplift_status as sales_uplift_status,
    cast(sales_uplift as double) / nullif(cast(support_cost as double), 0) as support_return,
    uplift_status as support_return_status
from lifted
