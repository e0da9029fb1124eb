-- Stock on hand at cost by partner and category, on the days on which the partner counted.
with
counts as (
    select business_date, partner_id, sku, stock_value from inventory_counts
),
article_days as (
    select distinct sku, business_date
    from counts
),
articles as (
    select article_days.sku, article_days.business_date, stg_products.category
    from article_days
    inner join stg_products
        on stg_products.sku = article_days.sku
        and stg_products.valid_from <= article_days.business_date
        and stg_products.superseded_from > article_days.business_date
),
final as (
    select
        counts.business_date,
        counts.partner_id,
        coalesce(articles.category, 'unknown') as category,
        cast(sum(coalesce(counts.stock_value, 0)) as decimal(18, 4)) as stock_value
    from counts
    left join articles
        on counts.sku = articles.sku
        and counts.business_date = articles.business_date
    group by counts.business_date, counts.partner_id, coalesce(articles.category, 'unknown')
)
select business_date, partner_id, category, stock_value
from final
