"""Which records a sample takes: what records exercise of a mapping, and few that show all of it."""

from transload._sample.selection import Selection, select
from transload._sample.survey import Survey, survey
from transload._sample.traits import FOR_ROOM, Kind, Trait

__all__ = ["FOR_ROOM", "Kind", "Selection", "Survey", "Trait", "select", "survey"]
