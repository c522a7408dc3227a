"""Says in findings what was noticed record by record."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from transload.values import Finding, Severity
from transload_kickserv_source.observations import Observations

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Matter:
    """How something that was noticed is told."""

    title: str
    remedy: str
    severity: Severity = Severity.WARNING


_ASKED = "Kickserv did not answer for them. Run the same command again; if it stays, compare with Kickserv's export."
_MATTERS: Mapping[str, _Matter] = {
    "children": _Matter("Some records could not be asked for what hangs on them", _ASKED),
    "without_job_charges": _Matter("Some jobs do not say what lines they have", _ASKED),
    "without_payments": _Matter(
        "Some jobs do not say what was paid", "One payment is derived for each, from what is owed no more."
    ),
    "without_time_entries": _Matter("Some jobs do not say what time was worked on them", _ASKED),
    "without_notes": _Matter("Some jobs do not say what notes they have", _ASKED),
    "without_attachments": _Matter(
        "Some jobs do not say what files they have", "Look at the jobs in Kickserv; fetch their files by hand."
    ),
    "differences": _Matter(
        "Some totals are not the sum of their lines and their tax",
        "A line carries the difference, unless `difference_line` is off; look at the largest ones in Kickserv.",
    ),
    "payments": _Matter(
        "Payments of some jobs do not add up to what is owed no more",
        "One payment may cover several jobs, and some were paid outside Kickserv. Look at the largest ones.",
    ),
    "odd_charges": _Matter(
        "Some lines have no total, or a price that is no number", "Look at them in Kickserv; their total is computed."
    ),
    "deleted": _Matter(
        "Lines, payments, notes, files and the like that were deleted in Kickserv were left out",
        "Nothing to do.",
        Severity.INFO,
    ),
    "ends": _Matter(
        "Some lists ended with a refusal instead of an empty page",
        "Compare the counts of the audit with Kickserv's own: what comes after that page is missing.",
    ),
    "unlisted_employees": _Matter(
        "Some employees are named by jobs and events, and the list of employees does not show them",
        "They were read as far as they are named. Nobody is matched to a user without an e-mail address.",
    ),
    "unlisted_customers": _Matter(
        "Some customers are named by jobs and events, and the list of customers does not show them",
        "They were read as far as they are named. Check whether the token sees everything.",
    ),
    "unlisted_items": _Matter(
        "Some lines name items that the list of items does not show",
        "A retired product is made of each, from its first line. Look at them in Kickserv.",
    ),
    "own_parents": _Matter(
        "Some customers are their own parent", "They get no parent. Correct them in Kickserv.", Severity.INFO
    ),
    "task_types": _Matter(
        "Some events are of a kind that nobody has named", "Name their ids in `inferred.task_types`."
    ),
    "timeless": _Matter(
        "Some events have no time",
        "They become tasks. Give them a time in Kickserv if they are appointments.",
        Severity.INFO,
    ),
    "odd_times": _Matter(
        "Some events and time entries end before they begin", "Correct them in Kickserv: the target may refuse them."
    ),
    "running": _Matter(
        "Some time entries are still running", "Stop them in Kickserv before the last delta.", Severity.INFO
    ),
    "files": _Matter(
        "Some files could not be fetched as they should", "Open them in Kickserv; then run the same command again."
    ),
    "own_fields": _Matter(
        "Some values do not fit the type of the account's own field",
        "They are kept as they are. Correct them in Kickserv, or say in the file of labels that the field is text.",
    ),
    "nameless": _Matter(
        "Some nested records have no id", "They are told apart by their content: a changed one counts as new."
    ),
    "quickbooks_errors": _Matter(
        "QuickBooks refused some records when Kickserv sent them",
        "Settle them in Kickserv and QuickBooks before the cut-over: nothing sends them again afterwards.",
    ),
    "gaps_left": _Matter("Not every missing job number was asked for", "Raise `gap_limit`."),
}


def marked(seen: Observations) -> Iterator[Finding]:
    """Yield a finding for each kind of thing that was noticed."""
    for code, matter in _MATTERS.items():
        if found := seen.marks.get(code):
            yield Finding(
                f"kickserv.{code}", matter.severity, matter.title, _evidence(found), matter.remedy, len(found)
            )


def _evidence(found: Mapping[str, str | Decimal]) -> str:
    """Name the records; the largest amounts first, or what was said of the first ones."""
    amounts = {key: detail for key, detail in found.items() if isinstance(detail, Decimal)}
    if amounts:
        worst = sorted(amounts, key=lambda key: abs(amounts[key]), reverse=True)[:_SHOWN]
        return "largest: " + ", ".join(f"{key} ({amounts[key]})" for key in worst)
    shown = [f"{key} ({detail})" if detail else key for key, detail in list(found.items())[:_SHOWN]]
    return ", ".join(shown) + (", ..." if len(found) > _SHOWN else "")
