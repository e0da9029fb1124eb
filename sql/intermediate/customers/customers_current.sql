-- The version of every customer that is in force on the as-of date. Nobody is contacted of whom it is not known that
-- they may be.
select
    customer_id,
    joined_on,
    birth_date,
    gender,
    income_band,
    region,
    referred_by,
    manager,
    coalesce(contact_allowed, false) as contact_allowed,
    case when contact_allowed is null then 'unknown' end as contact_status,
    valid_from,
    valid_to
from stg_customers
where valid_from <= $as_of_date
    and valid_to > $as_of_date
