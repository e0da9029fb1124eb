-- Stock counts as delivered, checked against the other feeds. Every row stays; one of an unknown partner or
-- article is marked as refused. A feed that never arrived is not checked against.
with known_partners as (
    select distinct partner_id from stg_partners
),

known_articles as (
    select distinct sku from stg_products
),

arrived as (
    select
        (select count(*) from known_partners) > 0 as partners_arrived,
        (select count(*) from known_articles) > 0 as articles_arrived
),

checked as (
    select
        inventory.*,
        arrived.partners_arrived and known_partners.partner_id is null as partner_unknown,
        arrived.articles_arrived and known_articles.sku is null as article_unknown
    from feeds.inventory as inventory
    cross join arrived
    left join known_partners on known_partners.partner_id = inventory.partner_id
    left join known_articles on known_articles.sku = inventory.sku
)

select
    business_date,
    counted_on,
    partner_id,
    sku,
    on_hand_quantity,
    on_order_quantity,
    unit_cost,
    oldest_receipt_on,
    case
        when partner_unknown then 'partner_id'
        when article_unknown then 'sku'
    end as refused_column,
    case
        when partner_unknown then 'unknown_partner'
        when article_unknown then 'unknown_sku'
    end as refused_reason,
    _sender,
    _file,
    _line,
    _input,
    _delivered_at
from checked
