-- Every partner, channel, article, region and customer that a list of master data holds or a row of ours names: what a
-- dimension must have a row for, and whether a list still has it. Sales without a region are booked to 'unknown'.
with
lists as (
    select 'partner' as entity_type, partner_id as entity_id, valid_to from stg_partners where valid_from <= $as_of_date
    union all
    select 'channel' as entity_type, channel_id as entity_id, valid_to from stg_channels where valid_from <= $as_of_date
    union all
    select 'product' as entity_type, sku as entity_id, valid_to from stg_products where valid_from <= $as_of_date
    union all
    select 'region' as entity_type, region as entity_id, valid_to from stg_regions where valid_from <= $as_of_date
    union all
    select 'customer' as entity_type, customer_id as entity_id, valid_to from stg_customers where valid_from <= $as_of_date
),
named as (
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
    union all
    select 'region' as entity_type, 'unknown' as entity_id
),
keys as (
    select entity_type, entity_id, valid_to from lists
    union all
    select entity_type, entity_id, cast(null as date) as valid_to from named where entity_id is not null
),
final as (
    select
        entity_type,
        entity_id,
        case
            when max(valid_to) is null then 'unknown'
            when max(valid_to) > $as_of_date then 'listed'
            else 'left'
        end as master_data_status
    from keys
    group by entity_type, entity_id
)
select entity_type, entity_id, master_data_status
from final
