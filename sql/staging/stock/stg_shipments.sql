-- Sell-in lines (brand to partner) as delivered, checked against the other feeds. Every row stays; one of an
-- unknown partner or article, or in a currency without a rate on the day of shipping, is marked as refused.
-- A feed that never arrived is not checked against. A rate that is older than $fx_rate_days_max days still counts, and
-- says so.
with shipments as (
    select
        business_date,
        partner_id,
        shipment_id,
        line_no,
        sku,
        shipped_on,
        promised_on,
        received_on,
        quantity,
        unit_price,
        gross_amount as delivered_amount,
        coalesce(currency, $base_currency) as currency,
        _sender,
        _file,
        _line,
        _input,
        _delivered_at
    from feeds.shipments
),

known_partners as (
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

foreign_currency_days as (
    select distinct
        currency,
        business_date
    from shipments
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
        shipments.*,
        case
            when shipments.currency = $base_currency then 1.00000000
            else rates.rate_to_base
        end as rate_to_base,
        coalesce(rates.rate_age_days, 0) as rate_age_days,
        arrived.partners_arrived and known_partners.partner_id is null as partner_unknown,
        arrived.articles_arrived and known_articles.sku is null as article_unknown
    from shipments
    cross join arrived
    left join known_partners on known_partners.partner_id = shipments.partner_id
    left join known_articles on known_articles.sku = shipments.sku
    left join rates
        on rates.currency = shipments.currency
        and rates.business_date = shipments.business_date
)

select
    business_date,
    partner_id,
    shipment_id,
    line_no,
    sku,
    shipped_on,
    promised_on,
    received_on,
    quantity,
    unit_price,
    delivered_amount,
    currency,
    rate_to_base,
    rate_age_days,
    case when rate_age_days > $fx_rate_days_max then 'stale_rate' end as rate_status,
    case
        when partner_unknown then 'partner_id'
        when article_unknown then 'sku'
        when rate_to_base is null then 'currency'
    end as refused_column,
    case
        when partner_unknown then 'unknown_partner'
        when article_unknown then 'unknown_sku'
        when rate_to_base is null then 'no_rate'
    end as refused_reason,
    _sender,
    _file,
    _line,
    _input,
    _delivered_at
from checked
