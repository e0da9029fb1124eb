-- Holidays, shopping festivals and moved workdays: of every day and region the newest row, whichever snapshot brought it.
select
    "date", region, kind, name, is_workday, _sender, _file, _line, _input
from feeds.calendar_newest
