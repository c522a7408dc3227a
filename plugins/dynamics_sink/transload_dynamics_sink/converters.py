"""Conversions for what only Dataverse asks for."""

import re
from collections.abc import Callable, Mapping

from transload import Value

_RESERVED = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_LONGEST_NAME, _LONGEST_ENDING = 255, 20
_ENDINGS = """
    ade adp app asa ashx asmx asp bas bat cdx cer chm class cmd com config cpl crt csh dll exe fxp hlp hta htr
    htw ida idc idq inf ins isp its jar js jse ksh lnk mad maf mag mam maq mar mas mat mau mav maw mda mdb mde
    mdt mdw mdz msc msh msh1 msh1xml msh2 msh2xml mshxml msi msp mst ops pcd pif prf prg printer pst reg rem scf
    scr sct shb shs shtm shtml soap stm svc tmp url vb vbe vbs vsix ws wsc wsf wsh
"""
_BLOCKED = frozenset(_ENDINGS.split())
"""Endings that an environment blocks by default (``Organization.blockedattachments``)."""


def file_name(value: Value) -> Value:
    """Return a file's name as Dataverse takes it.

    It has no path, no control characters and at most 255 characters, its ending included. One with
    an ending that environments block gets ``.txt`` behind it; the bytes stay what they are.

    Raises:
        ValueError: The value is no text.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no file name")  # noqa: TRY004 - converters raise ValueError
    name = _RESERVED.sub("_", value.replace("\\", "/").rpartition("/")[2]).strip(". ") or "file"
    if name.rpartition(".")[2].lower() in _BLOCKED and "." in name:
        name += ".txt"
    stem, dot, ending = name.rpartition(".")
    if len(name) > _LONGEST_NAME and dot and len(ending) < _LONGEST_ENDING:
        return f"{stem[: _LONGEST_NAME - len(ending) - 1]}.{ending}"
    return name[:_LONGEST_NAME]


CONVERTERS: Mapping[str, Callable[[Value], Value]] = {"dynamics.file_name": file_name}
"""The conversions by their names in mapping rules."""
