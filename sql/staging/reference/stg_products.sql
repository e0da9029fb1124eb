-- Every version of every article and the days on which it held; a snapshot that leaves an article out ends it there.
-- An article that names its own day (valid_from) starts there, any other on the date of its snapshot.
select
    sku, name, category, list_price, floor_price, unit_cost, lead_time_days, launched_on, valid_from, valid_to,
    superseded_from, _sender, _file, _line, _input
from feeds.products_versions
