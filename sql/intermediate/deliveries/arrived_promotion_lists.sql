-- The feed of promotions, once a list was ever accepted, be it an empty one. How many files there are changes with every
-- night and other feeds arrive one day too: models by month that only ask whether promotions can be checked at all read
-- it here, and are not made anew for either.
select feed
from system.feeds
where arrived
    and feed = 'promotions'
