-- Sale lines that a person should look at, once for each kind of conflict they give reason to suspect:
-- cross_region (outside the territory), below_floor_price, unapproved_promotion, and price_low, which only becomes
-- a price war when others do the same (price_wars).
with
lines as (
    select
        business_date, sold_at, partner_id, channel_id, region, order_id, line_no, sku, quantity, net_amount,
        list_value,
        nullif(trim(promotion_id), '') as promotion_id,
        nullif(trim(ship_to_region), '') is not null as is_shipped,
        _input, _file, _line
    from sales_lines
    where sale_type = 'sale'
),
checks as (
    select * from territory_checks
),
lows as (
    select business_date, _input, _file, _line, usual_price from price_lows
),
promotions as (
    select
        promotion_id,
        nullif(trim(partner_id), '') as partner_id,
        nullif(trim(channel_id), '') as channel_id,
        nullif(trim(sku), '') as sku,
        starts_on,
        ends_on,
        min_price,
        valid_from,
        valid_to,
        superseded_from
    from stg_promotions
),
feeds as (
    -- A list that came and is empty approves nothing; only one that never came cannot be checked against.
    select (select count(*) from arrived_promotion_lists) > 0 as has_promotions
),

-- The lowest price that needs no approval: the product's floor, else list price less what the channel may give.
product_days as (
    select distinct sku, channel_id, business_date from lines
),
bounds as (
    select
        product_days.sku,
        product_days.channel_id,
        product_days.business_date,
        case when stg_products.floor_price is null then 'allowed_discount' else 'floor_price' end as bound,
        coalesce(
            cast(stg_products.floor_price as decimal(38, 10)),
            cast(
                stg_products.list_price
                * (1 - coalesce(discounts.allowed_discount, $allowed_discount_default)) as decimal(38, 10)
            )
        ) as bound_price
    from product_days
    inner join stg_products
        on product_days.sku = stg_products.sku
        and stg_products.valid_from <= product_days.business_date
        and stg_products.superseded_from > product_days.business_date
    left join stg_channels
        on product_days.channel_id = stg_channels.channel_id
        and stg_channels.valid_from <= product_days.business_date
        and stg_channels.superseded_from > product_days.business_date
    left join settings.allowed_discounts as discounts
        on stg_channels.channel_type = discounts.channel_type
),

compared as (
    select
        lines.*,
        checks.territory_status = 'outside' as is_outside,
        checks.is_adjacent,
        checks.affected_partner_id,
        checks.affected_partners,
        bounds.bound,
        bounds.bound_price,
        lines.net_amount < bounds.bound_price * lines.quantity as is_under_bound,
        lows.usual_price,
        named.min_price,
        case
            when lines.promotion_id is null then null
            when not feeds.has_promotions then 'not_checked'
            when named.promotion_id is null then 'unknown'
            when lines.business_date > named.ends_on then 'ended'
            when lines.business_date < named.starts_on then 'not_started'
            when lines.business_date >= named.valid_to then 'withdrawn'
            when lines.partner_id <> named.partner_id then 'other_partner'
            when lines.channel_id <> named.channel_id then 'other_channel'
            when lines.sku <> named.sku then 'other_sku'
            when lines.net_amount < named.min_price * lines.quantity then 'under_min_price'
        end as promotion_fault
    from lines
    cross join feeds
    inner join checks
        on lines.business_date = checks.business_date
        and lines.partner_id = checks.partner_id
        and lines.channel_id = checks.channel_id
        and lines.region = checks.region
        and lines.is_shipped = checks.is_shipped
    left join bounds
        on lines.sku = bounds.sku
        and lines.channel_id = bounds.channel_id
        and lines.business_date = bounds.business_date
    left join lows
        on lines.business_date = lows.business_date
        and lines._input = lows._input
        and lines._file = lows._file
        and lines._line = lows._line
    left join promotions as named
        on lines.promotion_id = named.promotion_id
        and named.valid_from <= lines.business_date
        and named.superseded_from > lines.business_date
),
cheap as (
    select *
    from compared
    where is_under_bound or usual_price is not null
),
covered as (
    -- A promotion approved on that day covers a line whether or not the line names it; what it leaves open covers all.
    select distinct cheap.business_date, cheap._input, cheap._file, cheap._line
    from cheap
    inner join promotions
        on promotions.starts_on <= cheap.business_date
        and promotions.ends_on >= cheap.business_date
        and promotions.valid_from <= cheap.business_date
        and promotions.valid_to > cheap.business_date
        and coalesce(promotions.partner_id, cheap.partner_id) = cheap.partner_id
        and coalesce(promotions.channel_id, cheap.channel_id) = cheap.channel_id
        and coalesce(promotions.sku, cheap.sku) = cheap.sku
        and coalesce(promotions.min_price, 0) * cheap.quantity <= cheap.net_amount
),
judged as (
    select
        compared.*,
        covered._line is not null as is_covered,
        promotion_id is not null and coalesce(promotion_fault, 'not_checked') = 'not_checked' as keeps_to_promotion
    from compared
    left join covered
        on compared.business_date = covered.business_date
        and compared._input = covered._input
        and compared._file = covered._file
        and compared._line = covered._line
),
kinds as (
    select *, 'cross_region' as kind, 'outside_territory' as reason, cast(null as decimal(38, 10)) as limit_price
    from judged
    where is_outside
    union all
    select *, 'unapproved_promotion' as kind, promotion_fault as reason,
        case when promotion_fault = 'under_min_price' then cast(min_price as decimal(38, 10)) end as limit_price
    from judged
    where promotion_fault is not null and promotion_fault <> 'not_checked'
    union all
    select *, 'below_floor_price' as kind, bound as reason, bound_price as limit_price
    from judged
    where is_under_bound and not is_covered and promotion_fault is null
    union all
    select *, 'price_low' as kind, 'own_median' as reason, cast(usual_price as decimal(38, 10)) as limit_price
    from judged
    where usual_price is not null
        and not (keeps_to_promotion and $price_war_spares_promotions)
        and not (is_outside and $price_war_spares_cross_region)
)
select
    business_date, sold_at, kind, reason, partner_id, channel_id, region, sku, order_id, line_no,
    case when kind = 'unapproved_promotion' then promotion_id end as promotion_id,
    quantity, net_amount, list_value,
    cast(limit_price as decimal(18, 4)) as limit_price,
    is_adjacent, affected_partner_id, affected_partners, _input, _file, _line
from kinds
