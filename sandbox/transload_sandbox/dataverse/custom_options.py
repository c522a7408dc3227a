"""Choices that come, change and go: global ones, and single options of global and local ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from transload_sandbox.dataverse import components, errors
from transload_sandbox.dataverse.columns import next_value, read_options
from transload_sandbox.dataverse.components import Components, in_use, is_managed
from transload_sandbox.dataverse.environment import Environment
from transload_sandbox.dataverse.labels import label_text, read_label
from transload_sandbox.dataverse.model import Column, OptionSet, Table
from transload_sandbox.dataverse.wire import Request

Json = Mapping[str, object]

_CHOICES = frozenset({"Picklist", "MultiSelectPicklist", "Boolean", "Status", "State"})


@dataclass(frozen=True, slots=True)
class Place:
    """The options that a message is about."""

    options: Mapping[int, str]
    put: Callable[[Mapping[int, str]], None]
    table: Table | None = None
    column: Column | None = None


class CustomOptions:
    """Changes the choices of an environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.components = Components(environment)

    # -- global choices

    def create(self, request: Request, body: Json) -> OptionSet:
        """Add a global choice.

        Raises:
            ODataError: The definition is refused, or the name is taken.
        """
        name = self.components.check_name(body.get("Name")).lower()
        if name in self.environment.model.option_sets:
            raise errors.invalid_argument(f"An OptionSet with the name {name} already exists.")
        solution = self.components.solution(request)
        first = self.components.option_prefix(solution) * 10_000
        display = read_label(body.get("DisplayName"), self.environment.languages)
        facts = {"DisplayName": display, **_description(body, self.environment)}
        options = read_options(body, first)
        option_set = OptionSet(name, label_text(display) or name, options, self.environment.new_id(), facts)
        self.environment.model.put_option_set(option_set)
        self.components.add(solution, components.OPTION_SET, option_set.metadata_id)
        return option_set

    def change(self, request: Request, option_set: OptionSet, body: Json) -> None:
        """Put a definition in place of a choice's former one; its options stay.

        Raises:
            ODataError: A language that is not provisioned.
        """
        merge = request.headers.get("mscrm.mergelabels", "").lower() == "true"
        facts = {**option_set.facts, **_description(body, self.environment)}
        if body.get("DisplayName") is not None:
            former = option_set.facts.get("DisplayName")
            facts["DisplayName"] = read_label(body["DisplayName"], self.environment.languages, former, merge=merge)
        text = label_text(facts.get("DisplayName")) or option_set.label
        self.environment.model.put_option_set(replace(option_set, label=text, facts=facts))

    def delete(self, option_set: OptionSet) -> None:
        """Remove a global choice.

        Raises:
            ODataError: It is shipped, or a column uses it.
        """
        if not option_set.metadata_id:
            raise is_managed("option set", option_set.name)
        tables = self.environment.model.tables.values()
        if any(column.option_set == option_set.name for table in tables for column in table.columns.values()):
            raise in_use("option set", option_set.name)
        del self.environment.model.option_sets[option_set.name]
        self.environment.model.version += 1
        self.components.remove(option_set.metadata_id)

    # -- options

    def insert(self, request: Request, body: Json) -> int:
        """Add an option and return its value.

        Raises:
            ODataError: No such choice, or the value is taken.
        """
        place = self._place(body)
        if place.column is not None and place.column.type in {"State", "Status", "Boolean"}:
            raise errors.invalid_argument(f"Options cannot be inserted into '{place.column.name}' this way.")
        value = self._new_value(request, body, place.options)
        place.put({**place.options, value: self._label(body)})
        return value

    def insert_status(self, request: Request, body: Json) -> int:
        """Add a status reason to a state and return its value.

        Raises:
            ODataError: No such column or state, or the value is taken.
        """
        place = self._place({**body, "AttributeLogicalName": body.get("AttributeLogicalName") or "statuscode"})
        table, column, state_value = place.table, place.column, body.get("StateCode")
        if table is None or column is None or column.type != "Status":
            raise errors.invalid_argument("InsertStatusValue takes the status column of a table.")
        if not isinstance(state_value, int) or state_value not in table.states:
            raise errors.invalid_argument(f"The state {state_value} is not defined for '{table.name}'.")
        value, state = self._new_value(request, body, place.options), table.states[state_value]
        text = self._label(body)
        place.put({**place.options, value: text})
        changed = replace(state, statuses={**state.statuses, value: text})
        self.environment.model.amend(table.name, states={**table.states, state_value: changed})
        return value

    def update(self, body: Json) -> None:
        """Give an option another label.

        Raises:
            ODataError: No such choice or option.
        """
        place, value = self._option(body)
        text = self._label(body)
        place.put({**place.options, value: text})
        table, column = place.table, place.column
        if table is not None and column is not None and column.type in {"State", "Status"}:
            states = {
                each.value: replace(
                    each,
                    label=text if column.type == "State" and each.value == value else each.label,
                    statuses={
                        status: text if column.type == "Status" and status == value else former
                        for status, former in each.statuses.items()
                    },
                )
                for each in table.states.values()
            }
            self.environment.model.amend(table.name, states=states)

    def order(self, body: Json) -> None:
        """Put the options of a choice into another order.

        Raises:
            ODataError: No such choice, or a list that does not hold every option once.
        """
        place, raw = self._place(body), body.get("Values")
        values = raw if isinstance(raw, list) else []
        if sorted(place.options) != sorted(value for value in values if isinstance(value, int)):
            raise errors.invalid_argument("Values must name every option once.")
        place.put({value: place.options[value] for value in values})

    def delete_option(self, body: Json) -> None:
        """Remove an option.

        Raises:
            ODataError: No such choice or option, or a state needs it.
        """
        place, value = self._option(body)
        table, column = place.table, place.column
        if column is not None and column.type in {"State", "Boolean"}:
            raise errors.invalid_argument(f"Options of '{column.name}' cannot be deleted.")
        if table is not None and column is not None and column.type == "Status":
            if any(state.default_status == value for state in table.states.values()):
                raise errors.invalid_argument(f"The status {value} is the default of its state and cannot be deleted.")
            states = {
                each.value: replace(each, statuses={k: text for k, text in each.statuses.items() if k != value})
                for each in table.states.values()
            }
            self.environment.model.amend(table.name, states=states)
        place.put({known: text for known, text in place.options.items() if known != value})

    # -- shared

    def _place(self, body: Json) -> Place:
        model = self.environment.model
        name = body.get("OptionSetName")
        if name:
            option_set = model.option_sets.get(str(name).lower())
            if option_set is None:
                raise errors.invalid_argument(f"Could not find an optionset with name {name}.")
            return Place(
                option_set.options, lambda options: model.put_option_set(replace(option_set, options=dict(options)))
            )
        table = model.tables.get(str(body.get("EntityLogicalName")))
        column = table.columns.get(str(body.get("AttributeLogicalName"))) if table else None
        if table is None or column is None or column.type not in _CHOICES:
            raise errors.invalid_argument(
                f"Could not find a choice column {body.get('AttributeLogicalName')} of {body.get('EntityLogicalName')}."
            )
        if column.option_set:
            return self._place({"OptionSetName": column.option_set})

        def put(options: Mapping[int, str]) -> None:
            current = model.tables[table.name].columns[column.name]
            model.put_column(table.name, replace(current, options=dict(options)))

        return Place(column.options, put, table, column)

    def _option(self, body: Json) -> tuple[Place, int]:
        place, value = self._place(body), body.get("Value")
        if not isinstance(value, int) or value not in place.options:
            raise errors.invalid_argument(f"The option value {value} does not exist.")
        return place, value

    def _new_value(self, request: Request, body: Json, options: Mapping[int, str]) -> int:
        value = body.get("Value")
        if value is None:
            solution = self.components.solution(request, body.get("SolutionUniqueName"))
            return next_value(options, self.components.option_prefix(solution) * 10_000)
        self.components.solution(request, body.get("SolutionUniqueName"))
        if not isinstance(value, int) or isinstance(value, bool):
            raise errors.payload("InsertOptionValue", "'Value' must be a whole number.")
        if value in options:
            raise errors.invalid_argument(f"The option value {value} already exists.")
        return value

    def _label(self, body: Json) -> str:
        text = label_text(read_label(body.get("Label"), self.environment.languages))
        if text is None:
            raise errors.invalid_argument("Required parameter 'Label' is missing.")
        return text


def _description(body: Json, environment: Environment) -> dict[str, object]:
    value = body.get("Description")
    return {} if value is None else {"Description": read_label(value, environment.languages)}
