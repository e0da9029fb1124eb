-- Sale lines far under what the same partner usually takes for the same product: its own median of the days before.
-- Only lines well under the partner's highest price can be, so that few days need a median.
with
prices as (
    select
        business_date, partner_id, sku, _input, _file, _line,
        cast(cast(net_amount as decimal(38, 10)) / quantity as decimal(38, 10)) as price
    from sales_lines
    where sale_type = 'sale'
),
highest as (
    select partner_id, sku, max(price) as price
    from prices
    group by partner_id, sku
),
cheap as (
    select prices.*
    from prices
    inner join highest
        on prices.partner_id = highest.partner_id
        and prices.sku = highest.sku
        and prices.price <= highest.price * (1 - $price_war_drop)
),
cheap_days as (
    select distinct partner_id, sku, business_date from cheap
),
usual as (
    select
        cheap_days.partner_id,
        cheap_days.sku,
        cheap_days.business_date,
        median_exact(prices.price) as price
    from cheap_days
    inner join prices
        on cheap_days.partner_id = prices.partner_id
        and cheap_days.sku = prices.sku
        and prices.business_date < cheap_days.business_date
        and prices.business_date >= cheap_days.business_date - $price_war_median_days
    group by cheap_days.partner_id, cheap_days.sku, cheap_days.business_date
)
select
    cheap.business_date,
    cheap.partner_id,
    cheap.sku,
    cheap._input,
    cheap._file,
    cheap._line,
    cast(cheap.price as decimal(18, 4)) as price,
    cast(usual.price as decimal(18, 4)) as usual_price
from cheap
inner join usual
    on cheap.partner_id = usual.partner_id
    and cheap.sku = usual.sku
    and cheap.business_date = usual.business_date
    and cheap.price <= usual.price * (1 - $price_war_drop)
