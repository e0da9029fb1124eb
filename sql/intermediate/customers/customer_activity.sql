-- Every buyer in one of eight cells: near or far, often or seldom, much or little, on the as-of date and, for movements,
-- at the end of the month before it.
with
history as (
    select * from customer_history
),
medians as (
    select evaluated_on, median_exact(average_before_last) as average_before_last
    from history
    group by evaluated_on
),
final as (
    select
        history.evaluated_on,
        history.customer_id,
        history.first_order_on,
        history.last_order_on,
        history.recency_days,
        history.frequency,
        history.frequency_all_time,
        history.monetary,
        history.monetary_all_time,
        history.orders_before_last,
        case when history.last_order_on is not null then concat(
            case when history.recency_days <= $near_days then 'N' else 'F' end,
            case when history.orders_before_last >= $high_frequency_orders then 'H' else 'L' end,
            case when history.average_before_last >= medians.average_before_last then 'H' else 'L' end
        ) end as rfm_cell
    from history
    inner join medians
        on history.evaluated_on = medians.evaluated_on
)
select
    evaluated_on, customer_id, first_order_on, last_order_on, recency_days, frequency, frequency_all_time, monetary,
    monetary_all_time, orders_before_last, rfm_cell
from final
