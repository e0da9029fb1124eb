-- Every version of every region and the days on which it held; a snapshot that leaves a region out ends it there.
select
    region, name, parent, city_tier, population, adjacent_regions, valid_from, valid_to, superseded_from, _sender,
    _file, _line, _input
from feeds.regions_versions
