-- The version of every customer that is in force on the as-of date.
select
    customer_id,
    joined_on,
    birth_date,
    gender,
    income_band,
    region,
    referred_by,
    manager,
    contact_allowed,
    valid_from,
    valid_to
from stg_customers
where valid_from <= $as_of_date
    and valid_to > $as_of_date
