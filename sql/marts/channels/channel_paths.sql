-- How channels feed each other: where identified customers went with their next order, by month. A channel that gives
-- more orders to another than it gets back feeds it; net_orders shows who.
with
paths as (
    select * from channel_path_months
),
months as (
    select month_start, month, closes_on, is_provisional
    from kpi_months
),
channel_sales as (
    select month_start, scope_id as channel_id, net_sales
    from monthly_sales
    where scope = 'channel'
),
channel_versions as (
    select channel_id, name, valid_from, superseded_from
    from stg_channels
),
shares as (
    select
        month_start,
        channel_id,
        net_sales,
        sum(net_sales) over (partition by month_start) as total_net_sales,
        row_number() over (partition by month_start order by net_sales desc, channel_id) as place
    from channel_sales
),
roles as (
    select
        month_start,
        channel_id,
        case
            when total_net_sales <= 0 then null
            when place = 1 then 'main'
            when cast(net_sales as decimal(38, 4)) >= $auxiliary_share * cast(total_net_sales as decimal(38, 4))
                then 'auxiliary'
            else 'marginal'
        end as role
    from shares
),
names as (
    select months.month_start, channel_versions.channel_id, channel_versions.name
    from months
    inner join channel_versions
        on channel_versions.valid_from <= months.closes_on
        and channel_versions.superseded_from > months.closes_on
),
summed as (
    select
        *,
        sum(orders) over (partition by month_start, from_channel_id) as from_orders,
        sum(orders) over (partition by month_start, to_channel_id) as to_orders
    from paths
),
final as (
    select
        months.month,
        summed.month_start,
        months.is_provisional,
        summed.from_channel_id,
        coalesce(from_names.name, summed.from_channel_id) as from_channel_name,
        from_roles.role as from_role,
        case
            when from_roles.role is not null then null
            when summed.from_channel_id = 'none' then 'no_order_before'
            else 'no_sales'
        end as from_role_status,
        summed.to_channel_id,
        coalesce(to_names.name, summed.to_channel_id) as to_channel_name,
        to_roles.role as to_role,
        case when to_roles.role is null then 'no_sales' end as to_role_status,
        case
            when summed.from_channel_id = 'none' then 'entry'
            when summed.from_channel_id = summed.to_channel_id then 'stay'
            else 'move'
        end as path,
        summed.customers,
        summed.orders,
        summed.order_value,
        cast(summed.orders as double) / summed.from_orders as onward_share,
        cast(summed.orders as double) / summed.to_orders as inflow_share,
        case when summed.from_channel_id <> 'none' then summed.orders - coalesce(back.orders, 0) end as net_orders,
        case when summed.from_channel_id = 'none' then 'no_order_before' end as net_orders_status,
        cast(summed.median_days_between as double) as median_days_between,
        case when summed.from_channel_id = 'none' then 'no_order_before' end as median_days_between_status
    from summed
    inner join months
        on months.month_start = summed.month_start
    left join paths as back
        on back.month_start = summed.month_start
        and back.from_channel_id = summed.to_channel_id
        and back.to_channel_id = summed.from_channel_id
    left join names as from_names
        on from_names.month_start = summed.month_start
        and from_names.channel_id = summed.from_channel_id
    left join names as to_names
        on to_names.month_start = summed.month_start
        and to_names.channel_id = summed.to_channel_id
    left join roles as from_roles
        on from_roles.month_start = summed.month_start
        and from_roles.channel_id = summed.from_channel_id
    left join roles as to_roles
        on to_roles.month_start = summed.month_start
        and to_roles.channel_id = summed.to_channel_id
)
select
    month, month_start, is_provisional, from_channel_id, from_channel_name, from_role, from_role_status, to_channel_id,
    to_channel_name, to_role, to_role_status, path, customers, orders, order_value, onward_share, inflow_share,
    net_orders, net_orders_status, median_days_between, median_days_between_status
from final
