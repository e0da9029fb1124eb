-- Contacts with customers: of every contact, the latest delivery counts.
select
    business_date, contact_id, customer_id, contacted_at, kind, "by", outcome, reason, _sender, _file, _line, _input,
    _delivered_at
from feeds.contacts_newest
