-- Sell-out lines as delivered, checked against the other feeds. Every row stays: one that names an unknown
-- partner, channel or article, or a currency without a rate, is marked as refused and tried again with every
-- run. A feed that never arrived is not checked against.
-- A foreign amount takes the rate of its day, else the last one before; one that is older than $fx_rate_days_max days
-- still counts, and says so.
-- The sale type is put straight here: a negative quantity is a return unless the line is an adjustment.
with sales as (
    select
        business_date,
        sold_at,
        partner_id,
        channel_id,
        order_id,
        line_no,
        customer_id,
        sku,
        case
            when sale_type = 'adjustment' then 'adjustment'
            when quantity < 0 then 'return'
            else coalesce(sale_type, 'sale')
        end as sale_type,
        quantity,
        unit_price,
        gross_amount as delivered_amount,
        coalesce(discount_amount, 0) as discount_amount,
        coalesce(currency, $base_currency) as currency,
        ship_to_region,
        promotion_id,
        promised_on,
        delivered_on,
        _sender,
        _file,
        _line,
        _input,
        _delivered_at
    from feeds.sales
),

known_partners as (
    select distinct partner_id from stg_partners
),

known_channels as (
    select distinct channel_id from stg_channels
),

known_articles as (
    select distinct sku from stg_products
),

arrived as (
    select
        (select count(*) from known_partners) > 0 as partners_arrived,
        (select count(*) from known_channels) > 0 as channels_arrived,
        (select count(*) from known_articles) > 0 as articles_arrived
),

foreign_currency_days as (
    select distinct
        currency,
        business_date
    from sales
    where currency <> $base_currency
),

rates as (
    select
        days.currency,
        days.business_date,
        stg_fx_rates.rate_to_base,
        days.business_date - stg_fx_rates.rate_date as rate_age_days
    from foreign_currency_days as days
    inner join stg_fx_rates
        on stg_fx_rates.currency = days.currency
        and stg_fx_rates.rate_date <= days.business_date
        and stg_fx_rates.superseded_from > days.business_date
),

checked as (
    select
        sales.*,
        case
            when sales.currency = $base_currency then 1.00000000
            else rates.rate_to_base
        end as rate_to_base,
        coalesce(rates.rate_age_days, 0) as rate_age_days,
        arrived.partners_arrived and known_partners.partner_id is null as partner_unknown,
        arrived.channels_arrived and known_channels.channel_id is null as channel_unknown,
        arrived.articles_arrived and known_articles.sku is null as article_unknown
    from sales
    cross join arrived
    left join known_partners on known_partners.partner_id = sales.partner_id
    left join known_channels on known_channels.channel_id = sales.channel_id
    left join known_articles on known_articles.sku = sales.sku
    left join rates
        on rates.currency = sales.currency
        and rates.business_date = sales.business_date
)

select
    business_date,
    sold_at,
    partner_id,
    channel_id,
    order_id,
    line_no,
    customer_id,
    sku,
    sale_type,
    quantity,
    unit_price,
    delivered_amount,
    discount_amount,
    currency,
    rate_to_base,
    rate_age_days,
    case when rate_age_days > $fx_rate_days_max then 'stale_rate' end as rate_status,
    ship_to_region,
    promotion_id,
    promised_on,
    delivered_on,
    case
        when partner_unknown then 'partner_id'
        when channel_unknown then 'channel_id'
        when article_unknown then 'sku'
        when rate_to_base is null then 'currency'
    end as refused_column,
    case
        when partner_unknown then 'unknown_partner'
        when channel_unknown then 'unknown_channel'
        when article_unknown then 'unknown_sku'
        when rate_to_base is null then 'no_rate'
    end as refused_reason,
    _sender,
    _file,
    _line,
    _input,
    _delivered_at
from checked
