"""Notes and attachments: what their files may be."""

import base64
import binascii
from typing import TYPE_CHECKING

from transload_sandbox.dataverse import errors
from transload_sandbox.dataverse.business.changes import Change
from transload_sandbox.dataverse.files import check_content

if TYPE_CHECKING:
    from transload_sandbox.dataverse.writer import Writer


def measure(writer: "Writer", change: Change) -> None:
    """Check a note's file and write down its size.

    Raises:
        ODataError: The content is no base64, too large, or of a blocked type.
    """
    row = change.row
    if change.touches("objectid"):
        row["objecttypecode"] = row["objectid__type"]
    if change.touches("documentbody", "filename"):
        row["isdocument"] = int(row["documentbody"] is not None or row["filename"] is not None)
        row["filesize"] = _measure(writer, change, "documentbody")


def measure_attachment(writer: "Writer", change: Change) -> None:
    """Check an attachment's file and write down its size.

    Raises:
        ODataError: The content is no base64, too large, or of a blocked type.
    """
    if change.touches("body", "filename"):
        change.row["filesize"] = _measure(writer, change, "body")


def _measure(writer: "Writer", change: Change, column: str) -> int:
    body, name = str(change.row[column] or ""), str(change.row["filename"] or "")
    try:
        size = len(base64.b64decode(body, validate=True))
    except binascii.Error as error:
        if column == "documentbody":
            raise errors.invalid_argument(f"The {column} is not valid base64.") from error
        # The platform's own samples attach texts that are cut off in the middle of a group.
        size = len(body) * 3 // 4
    check_content(writer.environment, name, size)
    return size
