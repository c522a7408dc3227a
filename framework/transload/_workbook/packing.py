"""The file of a workbook, without the times that would make two equal ones differ."""

from datetime import UTC, datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.xml.functions import tostring

_PROPERTIES = "docProps/core.xml"


def pack(book: Workbook, made_at: datetime) -> bytes:
    """Return the bytes of an xlsx file. Only ``made_at`` tells when it was written."""
    drafted, packed = BytesIO(), BytesIO()
    book.save(drafted)
    moment = made_at.astimezone(UTC).replace(tzinfo=None)
    book.properties.creator = "transload"
    book.properties.created = book.properties.modified = moment
    with ZipFile(drafted) as draft, ZipFile(packed, "w", ZIP_DEFLATED) as archive:
        for name in draft.namelist():
            content = tostring(book.properties.to_tree()) if name == _PROPERTIES else draft.read(name)
            part = ZipInfo(name, moment.timetuple()[:6])
            part.compress_type = ZIP_DEFLATED
            archive.writestr(part, content)
    return packed.getvalue()
