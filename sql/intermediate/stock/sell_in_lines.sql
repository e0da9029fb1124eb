-- Clean sell-in lines (brand to partner) by the day the goods arrived, or left where no arrival is known.
-- A receipt dated before the shipping is a slip of the pen and counts on the day of shipping.
with lines as (
    select
        *,
        greatest(received_on, shipped_on) as arrived_on
    from stg_shipments
    where refused_reason is null
)

select
    arrived_on as business_date,
    partner_id,
    shipment_id,
    line_no,
    sku,
    shipped_on,
    promised_on,
    received_on,
    quantity,
    cast(coalesce(delivered_amount, quantity * unit_price) * rate_to_base as decimal(18,4)) as net_amount,
    _sender,
    _input,
    _file,
    _line
from lines
