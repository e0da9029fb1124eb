-- What was refused, by sender, feed, day of delivery and reason: rows that intake rejected, and rows that are
-- held back because they name something unknown. Files that were refused whole, with the rows that were lost with
-- them although nothing was wrong with these. And what was odd but kept: stock reported below zero,
-- complaints that end before they begin, amounts that were converted at an old rate.
with rejected as (
    select
        sender,
        feed,
        cast(delivered_at at time zone $time_zone as date) as delivered_on,
        reason,
        'rejected' as outcome,
        file,
        line,
        "column",
        found,
        1 as refused_rows
    from system.rejects
),

quarantined as (
    select
        sender,
        feed,
        cast(delivered_at at time zone $time_zone as date) as delivered_on,
        'file_refused' as reason,
        'quarantined' as outcome,
        file,
        cast(null as bigint) as line,
        cast(null as varchar) as "column",
        reason as found,
        rows_read - rows_rejected as refused_rows
    from system.inputs
    where status = 'quarantined'
),

held_back as (
    select
        sender,
        feed,
        cast(delivered_at at time zone $time_zone as date) as delivered_on,
        reason,
        'held_back' as outcome,
        file,
        line,
        "column",
        found,
        1 as refused_rows
    from refused_rows
),

kept as (
    select
        _sender as sender,
        'inventory' as feed,
        cast(_delivered_at at time zone $time_zone as date) as delivered_on,
        'negative_stock' as reason,
        'kept' as outcome,
        _file as file,
        _line as line,
        'on_hand_quantity' as "column",
        cast(on_hand_quantity as varchar) as found,
        1 as refused_rows
    from stg_inventory
    where on_hand_quantity < 0 and refused_reason is null
    union all
    -- Answered or solved before it was opened. (Solved before the first answer that is noted is no contradiction.)
    select
        _sender as sender,
        'complaints' as feed,
        cast(_delivered_at at time zone $time_zone as date) as delivered_on,
        'negative_duration' as reason,
        'kept' as outcome,
        _file as file,
        _line as line,
        case when first_response_at < opened_at then 'first_response_at' else 'resolved_at' end as "column",
        cast(case when first_response_at < opened_at then first_response_at else resolved_at end as varchar) as found,
        1 as refused_rows
    from stg_complaints
    where first_response_at < opened_at or resolved_at < opened_at
    union all
    select
        _sender as sender,
        'sales' as feed,
        cast(_delivered_at at time zone $time_zone as date) as delivered_on,
        rate_status as reason,
        'kept' as outcome,
        _file as file,
        _line as line,
        'currency' as "column",
        currency as found,
        1 as refused_rows
    from stg_sales
    where rate_status is not null and refused_reason is null
    union all
    select
        _sender as sender,
        'shipments' as feed,
        cast(_delivered_at at time zone $time_zone as date) as delivered_on,
        rate_status as reason,
        'kept' as outcome,
        _file as file,
        _line as line,
        'currency' as "column",
        currency as found,
        1 as refused_rows
    from stg_shipments
    where rate_status is not null and refused_reason is null
),

refused as (
    select * from rejected
    union all
    select * from held_back
    union all
    select * from quarantined
    union all
    select * from kept
),

placed as (
    select
        *,
        row_number() over (
            partition by sender, feed, delivered_on, reason, outcome
            order by file, line, "column", found
        ) as place
    from refused
),

counted as (
    select
        sender,
        feed,
        delivered_on,
        reason,
        outcome,
        sum(refused_rows) as refused_rows,
        count(distinct file) as files,
        max(case when place = 1 then file end) as first_file,
        max(case when place = 1 then line end) as first_line,
        max(case when place = 1 then "column" end) as first_column,
        max(case when place = 1 then found end) as first_found
    from placed
    group by sender, feed, delivered_on, reason, outcome
),

delivered as (
    select
        sender,
        feed,
        cast(delivered_at at time zone $time_zone as date) as delivered_on,
        sum(rows_read) as rows_read
    from system.inputs
    group by sender, feed, cast(delivered_at at time zone $time_zone as date)
)

select
    counted.sender,
    counted.feed,
    counted.delivered_on,
    counted.reason,
    counted.outcome,
    counted.refused_rows,
    delivered.rows_read,
    ratio(counted.refused_rows, delivered.rows_read) as refused_share,
    case when coalesce(delivered.rows_read, 0) = 0 then 'no_rows_read' end as refused_share_status,
    counted.files,
    counted.first_file,
    counted.first_line,
    counted.first_column,
    counted.first_found
from counted
left join delivered
    on delivered.sender = counted.sender
    and delivered.feed = counted.feed
    and delivered.delivered_on = counted.delivered_on
