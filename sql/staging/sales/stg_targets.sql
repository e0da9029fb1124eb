-- Sales targets: of every target the newest row, whichever snapshot brought it and however late.
select
    scope, scope_id, period, metric, target, _sender, _file, _line, _input
from feeds.targets_newest
