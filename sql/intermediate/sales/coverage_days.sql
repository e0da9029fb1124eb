-- For each partner and day on which its sales are owed: are they all there? A partner that two senders report for is
-- owed one day, and has delivered it once both files came; one that is not due yet is not there either. The channels
-- are those the partner has sold in, each by the senders that report it.
with files as (
    select
        sender,
        business_date,
        files > 0 as is_delivered
    from deliveries
    where feed = 'sales'
        and expected_by is not null
),

reporters as (
    select distinct
        partner_id,
        channel_id,
        sender
    from partner_senders
),

owed as (
    select
        reporters.partner_id,
        reporters.channel_id,
        files.business_date,
        files.is_delivered
    from reporters
    inner join reporting_spans as spans
        on spans.partner_id = reporters.partner_id
        and spans.sender = reporters.sender
    inner join files
        on files.sender = reporters.sender
        and files.business_date >= spans.starts_on
        and files.business_date <= spans.ends_on
)

select
    partner_id,
    channel_id,
    business_date,
    bool_and(is_delivered) as is_delivered
from owed
group by partner_id, channel_id, business_date
