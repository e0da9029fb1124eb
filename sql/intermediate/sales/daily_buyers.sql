-- Buyers and repeat buyers of each channel in the $customer_window_days days that end with each day.
-- An order makes its customer a buyer from its day on, until the window has passed or the next order takes over; and a
-- repeat buyer as long as the order before it is in the window too. Adding up who enters and who leaves day by day
-- takes one pass, where counting every window anew would take one a day.
-- A channel has a row for every day up to the partition's last, also after its buyers have gone.
with
order_days as (
    select business_date, channel_id, customer_id, order_key
    from orders
    where customer_id is not null
),
customer_orders_once as (
    select channel_id, customer_id, order_key, max(business_date) as ordered_on
    from order_days
    group by channel_id, customer_id, order_key
),
spans as (
    select
        channel_id,
        ordered_on,
        lag(ordered_on) over (partition by channel_id, customer_id order by ordered_on, order_key) as ordered_before,
        lead(ordered_on) over (partition by channel_id, customer_id order by ordered_on, order_key) as next_ordered_on
    from customer_orders_once
),
ends as (
    select
        channel_id,
        ordered_on,
        ordered_before,
        least(ordered_on + $customer_window_days, coalesce(next_ordered_on, date '9999-12-31')) as ends_on,
        least(
            ordered_before + $customer_window_days,
            ordered_on + $customer_window_days,
            coalesce(next_ordered_on, date '9999-12-31')
        ) as repeats_until
    from spans
),
steps as (
    select channel_id, ordered_on as day, 1 as buyers, 0 as repeat_buyers from ends
    union all
    select channel_id, ends_on as day, -1 as buyers, 0 as repeat_buyers from ends
    union all
    select channel_id, ordered_on as day, 0 as buyers, 1 as repeat_buyers from ends
    where ordered_before is not null and repeats_until > ordered_on
    union all
    select channel_id, repeats_until as day, 0 as buyers, -1 as repeat_buyers from ends
    where ordered_before is not null and repeats_until > ordered_on
),
changes as (
    select channel_id, day, sum(buyers) as buyers, sum(repeat_buyers) as repeat_buyers
    from steps
    group by channel_id, day
),
channels as (
    select channel_id, min(ordered_on) as first_day
    from ends
    group by channel_id
),
days as (
    select
        channel_id,
        unnest(generate_series(first_day, $partition_to, interval '1 day')) as day
    from channels
),
final as (
    select
        cast(days.day as date) as business_date,
        days.channel_id,
        sum(coalesce(changes.buyers, 0)) over (partition by days.channel_id order by days.day) as buyers,
        sum(coalesce(changes.repeat_buyers, 0)) over (partition by days.channel_id order by days.day) as repeat_buyers
    from days
    left join changes
        on changes.channel_id = days.channel_id
        and changes.day = days.day
)
select business_date, channel_id, buyers, repeat_buyers
from final
