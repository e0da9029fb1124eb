-- Products that go together: how many times as often as by chance one order holds both, in the newest months.
with
months as (
    select sku, other_sku, orders, month_start, orders_in_month
    from basket_pairs
    where month_start > add_months(cast(date_trunc('month', $as_of_date) as date), -$basket_months)
        and month_start <= $as_of_date
),
pairs as (
    select sku, other_sku, sum(orders) as orders
    from months
    group by sku, other_sku
),
products as (
    select sku, orders from pairs where sku = other_sku
),
everything as (
    select sum(orders_in_month) as orders
    from (select month_start, max(orders_in_month) as orders_in_month from months group by month_start) as totals
),
frequent as (
    select
        pairs.sku,
        pairs.other_sku,
        pairs.orders,
        cast(pairs.orders as double) * cast(everything.orders as double)
        / nullif(cast(first.orders as double) * cast(second.orders as double), 0) as lift
    from everything
    cross join pairs
    inner join products as first
        on pairs.sku = first.sku
    inner join products as second
        on pairs.other_sku = second.sku
    where pairs.sku <> pairs.other_sku and pairs.orders >= $basket_support_min
),
final as (
    select sku, other_sku, orders, lift from frequent
    union all
    select other_sku as sku, sku as other_sku, orders, lift from frequent
)
select sku, other_sku, orders, lift
from final
