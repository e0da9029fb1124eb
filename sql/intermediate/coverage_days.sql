-- For each partner and day on which its sender owes sales: did they come? A partner that two senders report
-- for is owed two files; one that is not due yet is not there either. The channels are those the partner has sold in.
with expected as (
    select
        sender,
        business_date
    from system.expected_deliveries
    where feed = 'sales'
        and business_date <= $as_of_date
),

delivered as (
    select distinct
        sender,
        business_date
    from input_days
    where feed = 'sales'
        and status = 'active'
),

reporters as (
    select distinct
        partner_id,
        channel_id,
        sender
    from partner_senders
)

select
    reporters.partner_id,
    reporters.channel_id,
    expected.sender,
    expected.business_date,
    delivered.sender is not null as is_delivered
from expected
inner join reporters on reporters.sender = expected.sender
left join delivered
    on delivered.sender = expected.sender
    and delivered.business_date = expected.business_date
