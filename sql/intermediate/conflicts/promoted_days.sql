-- Which promotion covers which watched entity on which day. One without partner, channel and article covers everything;
-- one for an article covers its category. A version of a promotion covers its days while it was in force.
with
versions as (
    select
        promotion_id,
        partner_id,
        channel_id,
        sku,
        greatest(starts_on, valid_from, $as_of_date - $anomaly_season_days + 1) as covers_from,
        least(ends_on, valid_to - 1, $as_of_date) as covers_to
    from stg_promotions
),
promotions as (
    select * from versions where covers_from <= covers_to
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
    select promotions.promotion_id, promotions.covers_from, entities.entity_type, entities.entity_id
    from promotions
    cross join entities
    where promotions.partner_id is null and promotions.channel_id is null and promotions.sku is null
    union all
    select promotion_id, covers_from, 'channel', channel_id
    from promotions
    where partner_id is null and channel_id is not null and sku is null
    union all
    select promotions.promotion_id, promotions.covers_from, 'partner', partners.partner_id
    from promotions
    inner join partners
        on promotions.channel_id = partners.channel_id
    where promotions.partner_id is null and promotions.sku is null
    union all
    select promotion_id, covers_from, 'partner', partner_id
    from promotions
    where partner_id is not null and sku is null
    union all
    select promotions.promotion_id, promotions.covers_from, 'category', categories.category
    from promotions
    inner join categories
        on promotions.sku = categories.sku
    where promotions.partner_id is null and promotions.channel_id is null
),
dated as (
    select
        promotion_id,
        covers_from,
        sku is null as is_whole,
        unnest(generate_series(covers_from, covers_to, interval '1 day')) as business_date
    from promotions
),
final as (
    select distinct dated.business_date, scoped.entity_type, scoped.entity_id, dated.promotion_id, dated.is_whole
    from dated
    inner join scoped
        on dated.promotion_id = scoped.promotion_id
        and dated.covers_from = scoped.covers_from
)
select business_date, entity_type, entity_id, promotion_id, is_whole
from final
