-- The version of every article that is in force on the as-of date.
select
    sku,
    name,
    category,
    list_price,
    floor_price,
    unit_cost,
    lead_time_days,
    launched_on,
    valid_from,
    valid_to
from stg_products
where valid_from <= $as_of_date
    and valid_to > $as_of_date
