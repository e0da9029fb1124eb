-- Which promotion covers which watched entity on which day. One without partner, channel and article covers everything;
-- one for an article covers its category.
with
promotions as (
    select promotion_id, partner_id, channel_id, sku, starts_on, ends_on
    from stg_promotions
    where starts_on <= $as_of_date and ends_on > $as_of_date - $anomaly_season_days
),
entities as (
    select entity_type, entity_id
    from watch_days
    where business_date <= $as_of_date and business_date > $as_of_date - $anomaly_season_days
    group by entity_type, entity_id
),
partners as (
    select partner_id, channel_id from partners_current
),
categories as (
    select sku, category from products_current
),
scoped as (
    select promotions.promotion_id, entities.entity_type, entities.entity_id
    from promotions
    cross join entities
    where promotions.partner_id is null and promotions.channel_id is null and promotions.sku is null
    union all
    select promotion_id, 'channel', channel_id
    from promotions
    where partner_id is null and channel_id is not null and sku is null
    union all
    select promotions.promotion_id, 'partner', partners.partner_id
    from promotions
    inner join partners
        on promotions.channel_id = partners.channel_id
    where promotions.partner_id is null and promotions.sku is null
    union all
    select promotion_id, 'partner', partner_id
    from promotions
    where partner_id is not null and sku is null
    union all
    select promotions.promotion_id, 'category', categories.category
    from promotions
    inner join categories
        on promotions.sku = categories.sku
    where promotions.partner_id is null and promotions.channel_id is null
),
dated as (
    select
        promotion_id,
        sku is null as is_whole,
        unnest(generate_series(
            greatest(starts_on, $as_of_date - $anomaly_season_days + 1), least(ends_on, $as_of_date), interval '1 day'
        )) as business_date
    from promotions
),
final as (
    select distinct dated.business_date, scoped.entity_type, scoped.entity_id, dated.promotion_id, dated.is_whole
    from dated
    inner join scoped
        on dated.promotion_id = scoped.promotion_id
)
select business_date, entity_type, entity_id, promotion_id, is_whole
from final
