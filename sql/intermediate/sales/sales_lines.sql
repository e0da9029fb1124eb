-- Clean sell-out lines in base currency, with what the article and the partner were on the day of sale.
-- An adjustment moves money, not goods: it has neither list value nor cost.
-- An amount that was delivered for the whole line counts as it is: its price of one is rounded.
-- Each amount is converted and rounded to four places on its own line; the discount is the difference, so that
-- gross_amount - discount_amount = net_amount holds to the last digit.
with lines as (
    select
        *,
        coalesce(delivered_amount, quantity * unit_price) as source_gross_amount,
        coalesce(delivered_amount, quantity * unit_price) - discount_amount as source_net_amount
    from stg_sales
    where refused_reason is null
),

article_days as (
    select distinct
        sku,
        business_date
    from lines
),

articles as (
    select
        article_days.sku,
        article_days.business_date,
        stg_products.category,
        stg_products.list_price,
        stg_products.unit_cost
    from article_days
    inner join stg_products
        on stg_products.sku = article_days.sku
        and stg_products.valid_from <= article_days.business_date
        and stg_products.superseded_from > article_days.business_date
),

partner_days as (
    select distinct
        partner_id,
        business_date
    from lines
),

home_regions as (
    select
        partner_days.partner_id,
        partner_days.business_date,
        nullif(trim(split_part(stg_partners.territory, ';', 1)), '') as home_region
    from partner_days
    inner join stg_partners
        on stg_partners.partner_id = partner_days.partner_id
        and stg_partners.valid_from <= partner_days.business_date
        and stg_partners.superseded_from > partner_days.business_date
),

converted as (
    select
        lines.*,
        cast(lines.source_gross_amount * lines.rate_to_base as decimal(38,4)) as gross_amount,
        cast(lines.source_net_amount * lines.rate_to_base as decimal(38,4)) as net_amount,
        case when lines.sale_type = 'adjustment' then 0 else lines.quantity end as goods_quantity
    from lines
)

select
    converted.business_date,
    converted.sold_at,
    converted.partner_id,
    converted.channel_id,
    coalesce(nullif(trim(converted.ship_to_region), ''), home_regions.home_region, 'unknown') as region,
    converted.order_id,
    converted.line_no,
    converted.customer_id,
    converted.sku,
    coalesce(articles.category, 'unknown') as category,
    converted.sale_type,
    converted.quantity,
    converted.unit_price,
    cast(converted.gross_amount as decimal(18,4)) as gross_amount,
    cast(converted.gross_amount - converted.net_amount as decimal(18,4)) as discount_amount,
    cast(converted.net_amount as decimal(18,4)) as net_amount,
    cast(converted.source_net_amount as decimal(18,4)) as source_net_amount,
    converted.currency,
    converted.rate_status,
    cast(articles.list_price * converted.goods_quantity as decimal(18,4)) as list_value,
    cast(articles.unit_cost * converted.goods_quantity as decimal(18,4)) as cost_amount,
    converted.promotion_id,
    converted.promised_on,
    converted.delivered_on,
    converted.ship_to_region,
    converted._sender,
    converted._input,
    converted._file,
    converted._line
from converted
left join articles
    on articles.sku = converted.sku
    and articles.business_date = converted.business_date
left join home_regions
    on home_regions.partner_id = converted.partner_id
    and home_regions.business_date = converted.business_date
