-- Who bought in a month: where the customer lives, age, gender, income and how often they buy. What is not known is
-- 'unknown', so that every customer has one value of each. Age and master data are those of the month's last day.
with
frequencies as (
    select month_start, customer_id, orders_in_window
    from customer_frequencies
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
described as (
    select
        frequencies.month_start,
        frequencies.customer_id,
        master_data.region,
        master_data.gender,
        master_data.income_band,
        age_years(master_data.birth_date, last_day(frequencies.month_start)) as age,
        frequencies.orders_in_window
    from frequencies
    left join master_data
        on master_data.customer_id = frequencies.customer_id
        and master_data.valid_from <= last_day(frequencies.month_start)
        and master_data.superseded_from > last_day(frequencies.month_start)
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
