-- Stock by month, of each partner and each channel: how fast it turns, how long it lasts, what it earns, what is too much.
with
stock as (
    select * from stock_months
),
partners as (
    select partner_id, name, channel_id, valid_from, superseded_from from stg_partners
),
channels as (
    select channel_id, name from channels_current
),
placed as (
    select stock.*, partners.name as partner_name, partners.channel_id
    from stock
    left join partners
        on stock.partner_id = partners.partner_id
        and partners.valid_from <= stock.closes_on
        and partners.superseded_from > stock.closes_on
),
by_partner as (
    select
        'partner' as scope,
        partner_id as scope_id,
        max(partner_name) as name,
        max(channel_id) as channel_id,
        month_start,
        max(closes_on) as closes_on,
        count(distinct partner_id) as partners,
        min(days_covered) as days_covered,
        bool_and(has_opening) as has_opening,
        sum(average_stock_value) as average_stock_value,
        sum(closing_value) as closing_value,
        sum(overstock_value) as overstock_value,
        coalesce(sum(closing_value) filter (where overstock_value is not null), 0) as judged_value,
        sum(net_sales) as net_sales,
        sum(cogs) as cogs,
        sum(days_selling) as days_selling,
        sum(stockout_days) as stockout_days
    from placed
    group by partner_id, month_start
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
        count(*) as partners,
        min(by_partner.days_covered) as days_covered,
        bool_and(by_partner.has_opening) as has_opening,
        sum(by_partner.average_stock_value) as average_stock_value,
        sum(by_partner.closing_value) as closing_value,
        sum(by_partner.overstock_value) as overstock_value,
        sum(by_partner.judged_value) as judged_value,
        sum(by_partner.net_sales) as net_sales,
        sum(by_partner.cogs) as cogs,
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
        scope,
        scope_id,
        coalesce(name, scope_id) as name,
        channel_id,
        to_char(month_start, '%Y-%m') as month,
        month_start,
        closes_on < cast(month_start + interval '1 month' as date) - 1 as provisional,
        partners,
        average_stock_value,
        closing_value,
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
            when not has_opening then 'no_opening_count'
            when average_stock_value is null then 'no_cost'
            when average_stock_value = 0 then 'no_stock'
        end as turnover_status,
        case
            when not has_opening then 'no_opening_count'
            when cost_of_goods <= 0 then 'no_sales'
            when average_stock_value is null then 'no_cost'
        end as days_of_inventory_status,
        overstock_value,
        cast(overstock_value as double) / nullif(cast(judged_value as double), 0) as overstock_rate,
        case
            when overstock_value is null then 'no_sales_feed'
            when judged_value = 0 then 'no_stock'
        end as overstock_status,
        stockout_days,
        cast(stockout_days as double) / nullif(cast(days_selling as double), 0) as stockout_rate,
        case when days_selling = 0 then 'no_sales' end as stockout_status
    from measured
)
select
    scope, scope_id, name, channel_id, month, month_start, provisional, partners, average_stock_value, closing_value,
    net_sales, cogs, inventory_turnover, days_of_inventory, gmroi, turnover_status, days_of_inventory_status,
    overstock_value, overstock_rate, overstock_status, stockout_days, stockout_rate, stockout_status
from final
