-- Contacts with customers: of every contact, the latest delivery counts.
with ranked as (
    select
        *,
        row_number() over (
            partition by contact_id
            order by _delivered_at desc, _input desc, _file desc, _line desc
        ) as newest_row
    from feeds.contacts
)

select
    business_date,
    contact_id,
    customer_id,
    contacted_at,
    kind,
    "by",
    outcome,
    reason,
    _sender,
    _file,
    _line,
    _input,
    _delivered_at
from ranked
where newest_row = 1
