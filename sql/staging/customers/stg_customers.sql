-- Every version of every customer and the days on which it held; a snapshot that leaves a customer out ends it there.
select
    customer_id, joined_on, birth_date, gender, income_band, region, referred_by, manager, contact_allowed,
    valid_from, valid_to, superseded_from, _sender, _file, _line, _input
from feeds.customers_versions
