-- Who bought in a month: where the customer lives, age, gender, income and how often they buy. What is not known is
-- 'unknown', so that every customer has one value of each. Age and master data are those of the month's last day;
-- how often is counted over the $customer_window_days days that end with the customer's last day in the month, so that
-- the figure of a closed month never changes and a running month is judged like a closed one.
with
buyers as (
    select month_start, customer_id, max(last_seen_on) as last_seen_on
    from customer_channel_months
    group by month_start, customer_id
),
customer_days as (
    select business_date, customer_id, partner_id, order_id
    from customer_orders
    where has_sale_line
),
master_data as (
    select customer_id, region, birth_date, gender, income_band, valid_from, superseded_from
    from stg_customers
),
age_bands as (
    select age_band, age_min, lead(age_min) over (order by age_min) as next_age
    from settings.age_bands
),
frequency_bands as (
    select frequency_band, orders_min, lead(orders_min) over (order by orders_min) as next_orders
    from settings.frequency_bands
),
orders_in_window as (
    select buyers.month_start, buyers.customer_id, customer_days.partner_id, customer_days.order_id
    from buyers
    inner join customer_days
        on customer_days.customer_id = buyers.customer_id
        and customer_days.business_date <= buyers.last_seen_on
        and customer_days.business_date > buyers.last_seen_on - $customer_window_days
    group by buyers.month_start, buyers.customer_id, customer_days.partner_id, customer_days.order_id
),
frequencies as (
    select month_start, customer_id, count(*) as orders_in_window
    from orders_in_window
    group by month_start, customer_id
),
described as (
    select
        buyers.month_start,
        buyers.customer_id,
        master_data.region,
        master_data.gender,
        master_data.income_band,
        age_years(master_data.birth_date, last_day(buyers.month_start)) as age,
        coalesce(frequencies.orders_in_window, 0) as orders_in_window
    from buyers
    left join frequencies
        on frequencies.month_start = buyers.month_start
        and frequencies.customer_id = buyers.customer_id
    left join master_data
        on master_data.customer_id = buyers.customer_id
        and master_data.valid_from <= last_day(buyers.month_start)
        and master_data.superseded_from > last_day(buyers.month_start)
),
final as (
    select
        described.month_start,
        described.customer_id,
        coalesce(nullif(trim(described.region), ''), 'unknown') as region,
        coalesce(age_bands.age_band, 'unknown') as age_band,
        coalesce(nullif(trim(described.gender), ''), 'unknown') as gender,
        coalesce(nullif(trim(described.income_band), ''), 'unknown') as income_band,
        coalesce(frequency_bands.frequency_band, 'unknown') as frequency_band,
        described.orders_in_window
    from described
    left join age_bands
        on described.age >= age_bands.age_min
        and (described.age < age_bands.next_age or age_bands.next_age is null)
    left join frequency_bands
        on described.orders_in_window >= frequency_bands.orders_min
        and (described.orders_in_window < frequency_bands.next_orders or frequency_bands.next_orders is null)
)
select month_start, customer_id, region, age_band, gender, income_band, frequency_band, orders_in_window
from final
