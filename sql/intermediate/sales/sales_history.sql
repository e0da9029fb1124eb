-- The first day of which any sale is known. A period that began before it is known in part only: neither it nor what is
-- compared with it is judged.
select min(business_date) as first_day
from partner_channel_days
where business_date is not null
having count(*) > 0
