-- Every partner, channel, article, region and customer that a row of ours names, whether or not a list of master data
-- holds it: what a dimension must have a row for.
with keys as (
    select 'partner' as entity_type, partner_id as entity_id from partner_article_months
    union all
    select 'partner' as entity_type, partner_id as entity_id from sell_in_days
    union all
    select 'partner' as entity_type, partner_id as entity_id from inventory_counts
    union all
    select 'partner' as entity_type, partner_id as entity_id from stg_complaints
    union all
    select 'partner' as entity_type, partner_id as entity_id from stg_partner_reviews
    union all
    select 'partner' as entity_type, partner_id as entity_id from stg_channel_costs
    union all
    select 'partner' as entity_type, partner_id as entity_id from stg_rebate_payouts
    union all
    select 'partner' as entity_type, scope_id as entity_id from stg_rebate_plans where scope = 'partner'
    union all
    select 'partner' as entity_type, scope_id as entity_id from stg_targets where scope = 'partner'
    union all
    select 'channel' as entity_type, channel_id as entity_id from region_channel_days
    union all
    select 'channel' as entity_type, channel_id as entity_id from stg_partners
    union all
    select 'channel' as entity_type, channel_id as entity_id from stg_complaints
    union all
    select 'channel' as entity_type, channel_id as entity_id from stg_surveys
    union all
    select 'channel' as entity_type, coalesce(nullif(trim(channel_id), ''), 'unknown') as entity_id from stg_market_notes
    union all
    select 'channel' as entity_type, channel_id as entity_id from stg_channel_costs
    union all
    select 'channel' as entity_type, scope_id as entity_id from stg_targets where scope = 'channel'
    union all
    select 'product' as entity_type, sku as entity_id from partner_article_months
    union all
    select 'product' as entity_type, sku as entity_id from sell_in_lines
    union all
    select 'product' as entity_type, sku as entity_id from inventory_counts
    union all
    select 'region' as entity_type, region as entity_id from region_channel_days
    union all
    select 'region' as entity_type, nullif(trim(split_part(territory, ';', 1)), '') as entity_id from stg_partners
    union all
    select 'region' as entity_type, region as entity_id from stg_customers
    union all
    select 'region' as entity_type, coalesce(nullif(trim(region), ''), 'unknown') as entity_id from stg_market_notes
    union all
    select 'customer' as entity_type, customer_id as entity_id from customer_channel_months
    union all
    select 'customer' as entity_type, referred_by as entity_id from stg_customers
    union all
    select 'customer' as entity_type, customer_id as entity_id from stg_complaints
    union all
    select 'customer' as entity_type, customer_id as entity_id from stg_points_redemptions
    union all
    select 'customer' as entity_type, customer_id as entity_id from stg_contacts
)

select distinct
    entity_type,
    entity_id
from keys
where entity_id is not null
