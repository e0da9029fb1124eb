-- Every version of every partner and the days on which it held; a snapshot that leaves a partner out ends it there.
select
    partner_id, name, channel_id, cooperation_mode, territory, business_licence, licence_valid_until, industry_years,
    registered_capital, sales_team_size, training_hours, status, joined_on, ended_on, manager, commission_rate,
    franchise_fee_per_month, management_fee_rate, valid_from, valid_to, superseded_from, _sender, _file, _line, _input
from feeds.partners_versions
