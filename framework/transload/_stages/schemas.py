"""Both schemas as the last stage saw them, kept in the ledger: an explanation translates without asking anybody."""

import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass

from pydantic import TypeAdapter

from transload._ledger import Ledger
from transload.values import SourceSchema, TargetSchema

_FACT = "schemas"


@dataclass(frozen=True, slots=True)
class Schemas:
    """What both systems offer."""

    source: SourceSchema
    target: TargetSchema


_FORM: TypeAdapter[Schemas] = TypeAdapter(Schemas)


def keep_schemas(ledger: Ledger, schemas: Schemas) -> None:
    """Keep both schemas, in place of what was kept before."""
    packed = b64encode(zlib.compress(_FORM.dump_json(schemas), 1)).decode("ascii")
    if ledger.runs.fact(_FACT) != packed:
        ledger.runs.set_fact(_FACT, packed)


def kept_schemas(ledger: Ledger) -> Schemas | None:
    """Return the schemas that were kept; None when no stage has looked at both systems yet."""
    packed = ledger.runs.fact(_FACT)
    return None if packed is None else _FORM.validate_json(zlib.decompress(b64decode(packed)))
