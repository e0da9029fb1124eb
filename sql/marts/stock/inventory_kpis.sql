-- Stock by month, of each partner and each channel: how fast it turns, how long it lasts, what it earns, what is too much.
-- A partner that stopped counting keeps its row while it cooperates, and nothing is said of its stock. A value that lacks
-- the cost of any product is not known, nor is what is made from it.
with
stock as (
    select * from stock_months
),
partners as (
    select partner_id, name, channel_id, status, ended_on, valid_from, superseded_from from stg_partners
),
channels as (
    select channel_id, name from channels_current
),
counted as (
    select
        partner_id,
        month_start,
        max(closes_on) as closes_on,
        bool_and(has_opening) as has_opening,
        case when count(*) = count(average_stock_value) then sum(average_stock_value) end as average_stock_value,
        case when count(*) = count(closing_value) then sum(closing_value) end as closing_value,
        case when count(*) = count(booked_closing_value) then sum(booked_closing_value) end as booked_closing_value,
        count(*) = count(overstock_units) as sells,
        case when count(*) = count(overstock_value) then sum(overstock_value) end as overstock_value,
        sum(net_sales) as net_sales,
        case when count(*) = count(cogs) then sum(cogs) end as cogs,
        sum(days_selling) as days_selling,
        sum(stockout_days) as stockout_days
    from stock
    group by partner_id, month_start
),
first_months as (
    select partner_id, min(month_start) as month_start
    from counted
    group by partner_id
),
silent as (
    select first_months.partner_id, kpi_months.month_start, kpi_months.closes_on
    from first_months
    inner join kpi_months
        on kpi_months.month_start > first_months.month_start
    left anti join counted
        on counted.partner_id = first_months.partner_id
        and counted.month_start = kpi_months.month_start
),
everything as (
    select
        partner_id, month_start, closes_on, false as is_stale, has_opening, average_stock_value, closing_value,
        booked_closing_value, sells, overstock_value, net_sales, cogs, days_selling, stockout_days
    from counted
    union all
    select
        partner_id, month_start, closes_on, true as is_stale, null, null, null, null, null, null, null, null, null, null
    from silent
),
by_partner as (
    select
        'partner' as scope,
        everything.partner_id as scope_id,
        partners.name,
        partners.channel_id,
        everything.month_start,
        everything.closes_on,
        case when everything.is_stale then 0 else 1 end as partners,
        case when everything.is_stale then 1 else 0 end as stale_partners,
        everything.is_stale,
        everything.has_opening,
        everything.average_stock_value,
        everything.closing_value,
        everything.booked_closing_value,
        everything.sells,
        everything.overstock_value,
        case when everything.sells then everything.closing_value end as judged_value,
        everything.net_sales,
        everything.cogs,
        everything.days_selling,
        everything.stockout_days
    from everything
    left join partners
        on everything.partner_id = partners.partner_id
        and partners.valid_from <= everything.closes_on
        and partners.superseded_from > everything.closes_on
    where not everything.is_stale
        or coalesce(partners.ended_on >= everything.month_start, coalesce(partners.status, 'active') <> 'ended')
),
by_channel as (
    -- A channel holds the partners that report stock; the others' sales stay out of its turnover.
    select
        'channel' as scope,
        by_partner.channel_id as scope_id,
        max(channels.name) as name,
        by_partner.channel_id,
        by_partner.month_start,
        max(by_partner.closes_on) as closes_on,
        sum(by_partner.partners) as partners,
        sum(by_partner.stale_partners) as stale_partners,
        bool_and(by_partner.is_stale) as is_stale,
        bool_and(by_partner.has_opening) as has_opening,
        case
            when sum(by_partner.partners) = count(by_partner.average_stock_value)
                then sum(by_partner.average_stock_value)
        end as average_stock_value,
        case when sum(by_partner.partners) = count(by_partner.closing_value) then sum(by_partner.closing_value) end
            as closing_value,
        case
            when sum(by_partner.partners) = count(by_partner.booked_closing_value)
                then sum(by_partner.booked_closing_value)
        end as booked_closing_value,
        bool_or(by_partner.sells) as sells,
        case
            when count(*) filter (where by_partner.sells) = count(by_partner.overstock_value)
                then sum(by_partner.overstock_value)
        end as overstock_value,
        case
            when count(*) filter (where by_partner.sells) = count(by_partner.judged_value)
                then sum(by_partner.judged_value)
        end as judged_value,
        sum(by_partner.net_sales) as net_sales,
        case when sum(by_partner.partners) = count(by_partner.cogs) then sum(by_partner.cogs) end as cogs,
        sum(by_partner.days_selling) as days_selling,
        sum(by_partner.stockout_days) as stockout_days
    from by_partner
    left join channels
        on by_partner.channel_id = channels.channel_id
    where by_partner.channel_id is not null
    group by by_partner.channel_id, by_partner.month_start
),
both_scopes as (
    select * from by_partner
    union all
    select * from by_channel
),
measured as (
    select
        *,
        cast(closes_on - month_start + 1 as double) as period_days,
        cast(average_stock_value as double) as average_stock,
        cast(cogs as double) as cost_of_goods
    from both_scopes
),
final as (
    select
        scope as entity_type,
        scope_id as entity_id,
        coalesce(name, scope_id) as entity_name,
        channel_id,
        to_char(month_start, '%Y-%m') as month,
        month_start,
        cast(month_start + interval '1 month' as date) - 1 > $as_of_date as is_provisional,
        partners,
        stale_partners,
        average_stock_value,
        closing_value,
        booked_closing_value,
        net_sales,
        cogs,
        case when has_opening then
            cost_of_goods * 365 / period_days / nullif(average_stock, 0)
        end as inventory_turnover,
        case when has_opening and cost_of_goods > 0 then average_stock * period_days / nullif(cost_of_goods, 0)
        end as days_of_inventory,
        case when has_opening then
            cast(net_sales - cogs as double) * 365 / period_days / nullif(average_stock, 0)
        end as gmroi,
        case
            when is_stale then 'stale_count'
            when not has_opening then 'no_opening_count'
            when average_stock_value is null or cogs is null then 'no_cost'
            when average_stock_value = 0 then 'no_stock'
        end as turnover_status,
        case
            when is_stale then 'stale_count'
            when not has_opening then 'no_opening_count'
            when average_stock_value is null or cogs is null then 'no_cost'
            when cost_of_goods <= 0 then 'no_sales'
        end as days_of_inventory_status,
        overstock_value,
        cast(overstock_value as double) / nullif(cast(judged_value as double), 0) as overstock_rate,
        case
            when is_stale then 'stale_count'
            when not sells then 'no_sales_feed'
            when overstock_value is null or judged_value is null then 'no_cost'
            when judged_value = 0 then 'no_stock'
        end as overstock_status,
        stockout_days,
        cast(stockout_days as double) / nullif(cast(days_selling as double), 0) as stockout_rate,
        case
            when is_stale then 'stale_count'
            when days_selling = 0 then 'no_sales'
        end as stockout_status
    from measured
)
select
    entity_type, entity_id, entity_name, channel_id, month, month_start, is_provisional, partners, stale_partners,
    average_stock_value, closing_value, booked_closing_value, net_sales, cogs, inventory_turnover, days_of_inventory, gmroi, turnover_status,
    days_of_inventory_status, overstock_value, overstock_rate, overstock_status, stockout_days, stockout_rate,
    stockout_status
from final
