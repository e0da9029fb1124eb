-- What each channel and each partner cost by month, line by line, in base currency: the cost rows that were delivered,
-- the commission of every partner with a commission rate (rate × net sales) where no commission row came for its month,
-- and accrued rebates. A commission row without a partner speaks for all partners of its channel; any cost row without
-- one belongs to the channel alone. A rebate belongs to the partner's channel of the month.
with cost_rows as (
    select
        kpi_months.month_start,
        stg_channel_costs.channel_id,
        stg_channel_costs.partner_id,
        stg_channel_costs.cost_type,
        cast(stg_channel_costs.amount * month_end_rates.rate_to_base as decimal(38,4)) as amount
    from stg_channel_costs
    inner join kpi_months on kpi_months.month = stg_channel_costs.month
    left join month_end_rates
        on month_end_rates.month = stg_channel_costs.month
        and month_end_rates.currency = coalesce(stg_channel_costs.currency, $base_currency)
),

partner_channel_months as (
    select
        cast(date_trunc('month', business_date) as date) as month_start,
        partner_id,
        channel_id,
        sum(net_sales) as net_sales
    from partner_channel_days
    group by cast(date_trunc('month', business_date) as date), partner_id, channel_id
),

commissionable_sales as (
    select
        sales.month_start,
        sales.partner_id,
        sales.channel_id,
        cast(sales.net_sales * stg_partners.commission_rate as decimal(38,4)) as commission
    from partner_channel_months as sales
    inner join kpi_months on kpi_months.month_start = sales.month_start
    inner join stg_partners
        on stg_partners.partner_id = sales.partner_id
        and stg_partners.valid_from <= kpi_months.closes_on
        and stg_partners.superseded_from > kpi_months.closes_on
    where stg_partners.commission_rate is not null
),

commission_rows as (
    select distinct
        month_start,
        channel_id,
        partner_id
    from cost_rows
    where cost_type = 'commission'
),

accrued_commissions as (
    select
        sales.month_start,
        sales.channel_id,
        sales.partner_id,
        sales.commission
    from commissionable_sales as sales
    left anti join (select month_start, partner_id from commission_rows where partner_id is not null) as of_partner
        on of_partner.month_start = sales.month_start
        and of_partner.partner_id = sales.partner_id
    left anti join (select month_start, channel_id from commission_rows where partner_id is null) as of_channel
        on of_channel.month_start = sales.month_start
        and of_channel.channel_id = sales.channel_id
),

accrued_rebates as (
    select
        rebate_months.month_start,
        stg_partners.channel_id,
        rebate_months.partner_id,
        sum(rebate_months.accrued_rebate) as rebate
    from rebate_months
    inner join stg_partners
        on stg_partners.partner_id = rebate_months.partner_id
        and stg_partners.valid_from <= rebate_months.closes_on
        and stg_partners.superseded_from > rebate_months.closes_on
    where rebate_months.accrued_rebate <> 0
    group by rebate_months.month_start, stg_partners.channel_id, rebate_months.partner_id
)

select month_start, channel_id, partner_id, cost_type, 'delivered' as source, cast(amount as decimal(18,4)) as amount
from cost_rows
union all
select
    month_start, channel_id, partner_id, 'commission' as cost_type, 'accrued' as source,
    cast(commission as decimal(18,4)) as amount
from accrued_commissions
union all
select month_start, channel_id, partner_id, 'rebate' as cost_type, 'accrued' as source, cast(rebate as decimal(18,4)) as amount
from accrued_rebates
