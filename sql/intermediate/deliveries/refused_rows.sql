-- Staged rows that are kept out of the figures because something they name is not known (yet).
with refused as (
    select
        business_date,
        'sales' as feed,
        _sender as sender,
        _file as file,
        _input as input,
        _line as line,
        refused_column as "column",
        refused_reason as reason,
        case refused_column
            when 'partner_id' then partner_id
            when 'channel_id' then channel_id
            when 'sku' then sku
            else currency
        end as found,
        _delivered_at as delivered_at
    from stg_sales
    where refused_reason is not null
    union all
    select
        business_date,
        'inventory' as feed,
        _sender as sender,
        _file as file,
        _input as input,
        _line as line,
        refused_column as "column",
        refused_reason as reason,
        case refused_column when 'partner_id' then partner_id else sku end as found,
        _delivered_at as delivered_at
    from stg_inventory
    where refused_reason is not null
    union all
    select
        business_date,
        'shipments' as feed,
        _sender as sender,
        _file as file,
        _input as input,
        _line as line,
        refused_column as "column",
        refused_reason as reason,
        case refused_column
            when 'partner_id' then partner_id
            when 'sku' then sku
            else currency
        end as found,
        _delivered_at as delivered_at
    from stg_shipments
    where refused_reason is not null
)

select
    business_date,
    feed,
    sender,
    file,
    input,
    line,
    "column",
    reason,
    found,
    case reason
        when 'unknown_partner' then 'a partner of the partners feed'
        when 'unknown_channel' then 'a channel of the channels feed'
        when 'unknown_sku' then 'an article of the products feed'
        when 'no_rate' then 'a currency with a rate in the fx_rates feed'
    end as expected,
    delivered_at
from refused
