-- The version of every partner that is in force on the as-of date.
select
    partner_id,
    name,
    channel_id,
    cooperation_mode,
    territory,
    business_licence,
    licence_valid_until,
    industry_years,
    registered_capital,
    sales_team_size,
    training_hours,
    status,
    joined_on,
    ended_on,
    manager,
    commission_rate,
    franchise_fee_per_month,
    management_fee_rate,
    valid_from,
    valid_to
from stg_partners
where valid_from <= $as_of_date
    and valid_to > $as_of_date
