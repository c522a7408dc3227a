"""The certificate of a delta that found nothing to write: both sides agree, as of a moment."""

from dataclasses import replace
from datetime import datetime

from transload._reports import Report, Tone, Verdict, write_report
from transload._stages.bench import Bench

STAGE = "delta-certificate"


def certify(bench: Bench, report: Report, begin: datetime, end: datetime) -> Report:
    """Leave a certificate beside the report of a delta, as a page and as JSON.

    Args:
        bench: The bench.
        report: The report of the delta.
        begin: When the load began on which the delta builds.
        end: When the delta had compared everything.

    Returns:
        The report, which names the certificate.
    """
    staged = sum(bench.ledger.staging.counts().values())
    facts = {
        "Window begins": f"{begin:%Y-%m-%d %H:%M:%S} UTC",
        "Window ends": f"{end:%Y-%m-%d %H:%M:%S} UTC",
        "Records in the source": f"{staged:,}",
        "Rows of the migration": f"{sum(counts.left for counts in bench.ledger.journal.row_counts().values()):,}",
        "Head of the audit log": bench.ledger.audit_log.verify().head,
    }
    verdict = Verdict(
        Tone.GOOD,
        "Nothing to write: everything that the source holds was written before",
        "Every record was read and compared with what was written. Keep this page outside the folder.",
        "transload reconcile",
    )
    certificate = replace(
        report, stage=STAGE, title="Certificate of the delta", verdict=verdict, facts=facts, findings=(), tables=(),
        charts=(), files={},
    )  # fmt: skip
    written = write_report(certificate, bench.project.reports)
    files = {
        written.html.name: "the certificate that there was nothing to write",
        written.json.name: "the same for machines",
    }
    return replace(report, files={**report.files, **files})
