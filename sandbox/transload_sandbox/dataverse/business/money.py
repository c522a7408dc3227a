"""Amounts: rounded to the currency, with their value in the organisation's base currency beside them."""

from transload_sandbox.dataverse.environment import Currency, Environment
from transload_sandbox.dataverse.model import Column, Row
from transload_sandbox.dataverse.plan import Plan
from transload_sandbox.dataverse.values import round_half_up

_PRICING = 1
_CURRENCY = 2
_BASE_DIGITS = 4


def convert(environment: Environment, plan: Plan, row: Row) -> None:
    """Round money to its currency, the default one where there is none, and compute the base values.

    Raises:
        ODataError: The row's currency does not exist.
    """
    if all(row[column.name] is None for column, _ in plan.money):
        for _, base in plan.money:
            if base:
                row[base] = None
        if "transactioncurrencyid" in row and row["transactioncurrencyid"] is None:
            return
    currency = environment.currency(str(row["transactioncurrencyid"]) if row.get("transactioncurrencyid") else None)
    if "transactioncurrencyid" in row:
        row["transactioncurrencyid"] = currency.currency_id
    if "exchangerate" in row:
        row["exchangerate"] = currency.rate
    for column, base in plan.money:
        value = row[column.name]
        if isinstance(value, int | float):
            value = row[column.name] = round_half_up(float(value), _digits(environment, column, currency))
        if base:
            row[base] = round_half_up(value / currency.rate, _BASE_DIGITS) if isinstance(value, float) else None


def _digits(environment: Environment, column: Column, currency: Currency) -> int:
    if column.precision_source == _CURRENCY:
        return currency.precision
    if column.precision_source == _PRICING:
        return int(str(environment.organization()["pricingdecimalprecision"] or 0))
    return column.precision or 2
