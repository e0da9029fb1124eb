-- Every version of every channel and the days on which it held; a snapshot that leaves a channel out ends it there.
select
    channel_id, name, channel_type, manager, valid_from, valid_to, superseded_from, _sender, _file, _line, _input
from feeds.channels_versions
