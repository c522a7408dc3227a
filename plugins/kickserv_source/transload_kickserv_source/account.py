"""What everything that takes rows apart knows of the account."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from transload.values import EntityName, Value
from transload_kickserv_source.catalogue import Catalogue
from transload_kickserv_source.nesting import fingerprint, key_text, strays_in
from transload_kickserv_source.observations import Observations
from transload_kickserv_source.settings import KickservSettings
from transload_kickserv_source.slots import Definitions, read_slots
from transload_kickserv_source.xml import Row


@dataclass(frozen=True, slots=True)
class Account:
    """The account while it is read.

    Attributes:
        settings: What the operator wants.
        seen: Learns what the audit should say.
        catalogue: Items, types and the like.
        definitions: The account's own fields.
        with_sales: Ids of the customers that anything was sold to, as text; None when nobody asks.
        primary_contacts: Gives the id of each customer's primary contact, by the customer's id as text.
        employees: Gives the name of each employee, by the employee's id as text.
    """

    settings: KickservSettings
    seen: Observations
    catalogue: Catalogue
    definitions: Definitions = field(default_factory=Definitions)
    with_sales: Set[str] | None = None
    primary_contacts: Callable[[], Mapping[str, Value]] = dict
    employees: Callable[[], Mapping[str, str | None]] = dict

    def own_fields(self, entity: str, fields: Row) -> dict[str, Value]:
        """Return a record's fields with the account's own ones read by their definitions."""
        read, odd = read_slots(entity, fields, self.definitions)
        for place in odd:
            self.seen.mark("own_fields", f"{place} in {fields.get('id')}")
        return read

    def key_of(self, entity: EntityName, fields: dict[str, Value], parent: str) -> str:
        """Return a nested record's key. One without an id gets one that is made of its content."""
        key = key_text(fields)
        if key is None:
            key = fields["id"] = f"{parent}-{fingerprint(fields)}"
            self.seen.mark("nameless", f"{entity} {key}")
        return key

    def name_of(self, entity: EntityName, ident: Value) -> str | None:
        """Return the name of an entry of a list."""
        known = self.catalogue.find(entity, ident)
        return known.name if known is not None else None

    def count_strays(self, place: str, nested: Value) -> None:
        """Count what stands in an array and is no record, since no record can be made of it."""
        if strays := strays_in(nested):
            self.seen.oddities[f"{place}: text where a record should stand"] += len(strays)

    def is_deleted(self, entity: EntityName, fields: Row) -> bool:
        """Return whether a nested record was deleted in Kickserv; it is left out then, and counted."""
        if not fields.get("deleted_at"):
            return False
        self.seen.mark("deleted", f"{entity} {fields.get('id')}")
        return True

    def byline(self, author: Value) -> str | None:
        """Return who made something, in words, for rows that cannot say it otherwise."""
        if author in (None, ""):
            return None
        return f"by {self.employees().get(str(author)) or f'employee {author} of Kickserv'}"
