-- What the goods that a partner sold in a month had cost it: units × the average price of its purchases of the article
-- up to the month's close (goods sent back to the brand left out). An article that it never bought in that time has no
-- price, and then the partner's month has no cost either: a part of it would pass for the whole.
with sold as (
    select partner_id, sku, month_start, units
    from partner_article_months
),

bought as (
    select
        partner_id,
        sku,
        cast(date_trunc('month', business_date) as date) as bought_in,
        sum(quantity) as quantity,
        sum(net_amount) as net_amount
    from sell_in_lines
    where quantity > 0
        and business_date <= $as_of_date
    group by partner_id, sku, cast(date_trunc('month', business_date) as date)
),

prices as (
    select
        sold.partner_id,
        sold.sku,
        sold.month_start,
        sum(bought.quantity) as quantity,
        sum(bought.net_amount) as net_amount
    from sold
    inner join bought
        on bought.partner_id = sold.partner_id
        and bought.sku = sold.sku
        and bought.bought_in <= sold.month_start
        and last_day(bought.bought_in) > last_day(sold.month_start) - $purchase_price_days
    group by sold.partner_id, sold.sku, sold.month_start
),

priced as (
    select
        sold.partner_id,
        sold.month_start,
        case
            when sold.units = 0 then cast(0 as decimal(38,4))
            else cast(
                cast(prices.net_amount as decimal(38,8)) * sold.units / nullif(prices.quantity, 0) as decimal(38,4)
            )
        end as purchase_cost
    from sold
    left join prices
        on prices.partner_id = sold.partner_id
        and prices.sku = sold.sku
        and prices.month_start = sold.month_start
)

select
    partner_id,
    month_start,
    count(*) filter (where purchase_cost is null) as articles_without_price,
    cast(case when count(purchase_cost) = count(*) then sum(purchase_cost) end as decimal(18,4)) as purchase_cost
from priced
group by partner_id, month_start
