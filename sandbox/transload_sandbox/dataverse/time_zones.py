"""Time zones by the codes that the platform numbers them with.

Fact: the codes are those of the platform's time zone definitions, which are the registry indexes of Windows; the
zones beside them are what the Unicode CLDR maps those zones to. Zones that few clients live in are left out.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from transload_sandbox.dataverse.errors import ODataError

ZONES: Mapping[int, str] = {
    2: "Pacific/Honolulu", 3: "America/Anchorage", 4: "America/Los_Angeles", 10: "America/Denver",
    15: "America/Phoenix", 20: "America/Chicago", 25: "America/Regina", 33: "America/Guatemala",
    35: "America/New_York", 40: "America/Indiana/Indianapolis", 45: "America/Bogota", 50: "America/Halifax",
    60: "America/St_Johns", 65: "America/Sao_Paulo", 80: "Atlantic/Azores", 85: "Europe/London",
    90: "Atlantic/Reykjavik", 92: "UTC", 95: "Europe/Budapest", 100: "Europe/Warsaw", 105: "Europe/Paris",
    110: "Europe/Berlin", 120: "Africa/Cairo", 125: "Europe/Kyiv", 130: "Europe/Athens", 140: "Africa/Johannesburg",
    145: "Europe/Moscow", 190: "Asia/Kolkata", 210: "Asia/Shanghai", 215: "Asia/Singapore", 235: "Asia/Tokyo",
    255: "Australia/Sydney", 290: "Pacific/Auckland",
}  # fmt: skip


def local_from_utc(code: int, moment: datetime) -> datetime:
    """Return what the clocks of a zone show at a moment.

    Raises:
        ODataError: There is no zone of that code.
    """
    return moment.astimezone(_zone(code)).replace(tzinfo=None)


def utc_from_local(code: int, shown: datetime) -> datetime:
    """Return the moment at which the clocks of a zone show a time; of two, the first.

    Raises:
        ODataError: There is no zone of that code.
    """
    return shown.replace(tzinfo=_zone(code)).astimezone(UTC).replace(tzinfo=None)


def _zone(code: int) -> ZoneInfo:
    if code not in ZONES:
        raise ODataError(400, "0x80040203", f"There is no time zone with the code {code}.")
    return ZoneInfo(ZONES[code])
