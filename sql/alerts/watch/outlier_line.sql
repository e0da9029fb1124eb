-- The line of the last days that is furthest beyond anything usual, of each sender and partner; the others are counted.
with
lines as (
    select * from outlier_lines
),
partners as (
    select partner_id, name, channel_id, manager from partners_current
),
channels as (
    select channel_id, manager from channels_current
),
worst as (
    select
        *,
        quantity / usual_quantity as times_usual,
        count(*) over (partition by sender, partner_id) as lines_found
    from lines
    qualify row_number() over (
        partition by sender, partner_id order by quantity / usual_quantity desc, file, line
    ) = 1
),
final as (
    select
        worst.sender,
        worst.partner_id,
        coalesce(partners.name, worst.partner_id) as partner_name,
        partners.manager as partner_manager,
        channels.manager as channel_manager,
        worst.business_date,
        worst.sku,
        worst.order_id,
        worst.quantity,
        worst.usual_quantity,
        worst.times_usual,
        worst.compared_with,
        worst.file,
        worst.line,
        worst.lines_found
    from worst
    left join partners
        on worst.partner_id = partners.partner_id
    left join channels
        on partners.channel_id = channels.channel_id
)
select
    sender, partner_id, partner_name, partner_manager, channel_manager, business_date, sku, order_id, quantity,
    usual_quantity, times_usual, compared_with, file, line, lines_found
from final
