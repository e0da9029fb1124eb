-- Staged rows that are kept out of the figures because something they name is not known (yet).
select
    business_date,
    'sales' as feed,
    _sender as sender,
    _file as file,
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
