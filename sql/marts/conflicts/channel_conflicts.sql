-- What a channel manager should look into: sales outside the territory, under the floor price, under a promotion that
-- nobody approved, and price wars. A finding gathers a month's sale lines of one partner, product and place, and names
-- them, so that a person can check every one. It is evidence, not a verdict.
with
evidence as (
    select * from conflict_evidence
),
months as (
    select scope_id as partner_id, month_start, net_sales
    from monthly_sales
    where scope = 'partner'
),
partners as (
    select partner_id, name, manager from partners_current
),
channels as (
    select channel_id, name, manager from channels_current
),
products as (
    select sku, name from products_current
),
placed as (
    select
        *,
        cast(date_trunc('month', business_date) as date) as month_start,
        row_number() over (
            partition by
                cast(date_trunc('month', business_date) as date),
                kind, partner_id, channel_id, region, sku, reason, promotion_id, war_started_on
            order by business_date, sold_at, order_id, line_no, _input, _file, _line
        ) as place
    from evidence
),
findings as (
    select
        month_start, kind, partner_id, channel_id, region, sku, reason, promotion_id, war_started_on,
        count(*) as lines,
        sum(quantity) as units,
        sum(net_amount) as amount,
        sum(list_value) as list_value,
        count(list_value) as priced_lines,
        min(business_date) as first_seen_on,
        max(business_date) as last_seen_on,
        max(limit_price) as limit_price,
        min(cast(cast(net_amount as decimal(38, 8)) / quantity as decimal(38, 4))) as lowest_price,
        bool_and(is_adjacent) as is_adjacent,
        max_by(affected_partner_id, business_date) as affected_partner_id,
        max_by(affected_partners, business_date) as affected_partners,
        max(first_mover_id) as first_mover_id,
        max(war_partners) as war_partners,
        string_agg(order_id || '/' || cast(line_no as text), '; ' order by place)
            filter (where place <= $conflict_evidence_max) as evidence_keys
    from placed
    group by month_start, kind, partner_id, channel_id, region, sku, reason, promotion_id, war_started_on
),
shared as (
    select
        findings.*,
        months.net_sales,
        cast(findings.amount as double) / cast(case when months.net_sales > 0 then months.net_sales end as double)
            as sales_share,
        case when findings.priced_lines = findings.lines then
            1 - cast(findings.amount as double) / nullif(cast(findings.list_value as double), 0)
        end as price_deviation
    from findings
    left join months
        on findings.partner_id = months.partner_id
        and findings.month_start = months.month_start
),
final as (
    select
        period_month(shared.month_start) as month,
        shared.month_start,
        last_day(shared.month_start) > $as_of_date as is_provisional,
        shared.kind,
        shared.reason,
        shared.partner_id,
        coalesce(partners.name, shared.partner_id) as partner_name,
        partners.manager as partner_manager,
        shared.channel_id,
        coalesce(channels.name, shared.channel_id) as channel_name,
        channels.manager as channel_manager,
        shared.region,
        shared.sku,
        coalesce(products.name, shared.sku) as product_name,
        shared.promotion_id,
        shared.lines,
        shared.units,
        cast(shared.amount as decimal(18, 4)) as amount,
        case when shared.priced_lines = shared.lines then cast(shared.list_value as decimal(18, 4)) end as list_value,
        shared.price_deviation,
        case when shared.price_deviation is null then 'no_list_price' end as price_deviation_status,
        shared.limit_price,
        shared.lowest_price,
        shared.sales_share,
        case when shared.sales_share is null then 'no_sales' end as sales_share_status,
        case
            when shared.sales_share < $conflict_minor_share then 'minor'
            when shared.sales_share < $conflict_major_share then 'moderate'
            when shared.sales_share >= $conflict_major_share then 'severe'
        end as severity,
        case when shared.sales_share is null then 'no_sales' end as severity_status,
        shared.affected_partner_id,
        affected.name as affected_partner_name,
        shared.affected_partners,
        case when shared.kind = 'cross_region' then shared.is_adjacent end as is_adjacent,
        shared.war_started_on,
        shared.first_mover_id,
        shared.war_partners,
        shared.first_seen_on,
        shared.last_seen_on,
        shared.evidence_keys,
        shared.lines - least(shared.lines, $conflict_evidence_max) as evidence_left_out
    from shared
    left join partners
        on shared.partner_id = partners.partner_id
    left join partners as affected
        on shared.affected_partner_id = affected.partner_id
    left join channels
        on shared.channel_id = channels.channel_id
    left join products
        on shared.sku = products.sku
)
select
    month, month_start, is_provisional, kind, reason, partner_id, partner_name, partner_manager, channel_id, channel_name,
    channel_manager, region, sku, product_name, promotion_id, lines, units, amount, list_value, price_deviation,
    price_deviation_status, limit_price, lowest_price, sales_share, sales_share_status, severity, severity_status,
    affected_partner_id, affected_partner_name, affected_partners, is_adjacent, war_started_on, first_mover_id, war_partners,
    first_seen_on, last_seen_on, evidence_keys, evidence_left_out
from final
