"""What a Kickserv account has and its API does not give: the list of what people rebuild in Dynamics."""

from transload.values import LeftBehind

_NO_API = "Kickserv's API does not give it."
LEFT_BEHIND = (
    LeftBehind("Automated e-mails and texts to customers", _NO_API, "Cloud flows, or journeys of Customer Insights"),
    LeftBehind("Reminders before visits", "Who gets some comes along; the rule that sends them does not.",
               "Cloud flows on appointments or bookings"),
    LeftBehind("Templates of e-mails and texts", _NO_API, "E-mail templates"),
    LeftBehind("Layouts of estimates, invoices and work orders", _NO_API, "Word templates, or reports"),
    LeftBehind("History of e-mails and texts that Kickserv sent", "Only notes and events come along.",
               "Server-side synchronisation from now on; the old ones stay in the mailboxes"),
    LeftBehind("Signatures and files that were made on a phone", "They come along only as far as they are attachments.",
               "Check some jobs by hand"),
    LeftBehind("Recurring jobs", "The jobs that exist come along; the rule that makes the next ones does not.",
               "Recurring appointments, or agreements of Field Service"),
    LeftBehind("The customers' own portal", "Its secrets are never read.", "Power Pages"),
    LeftBehind("The web form for new leads", _NO_API, "A form that makes leads"),
    LeftBehind("Synchronisation with QuickBooks", "Its marks come along as columns; the connection does not.",
               "A connector between Dynamics and QuickBooks"),
    LeftBehind("Payments by card", "Cards are never read; payments come along as records.",
               "A payment provider for invoices"),
    LeftBehind("Saved filters, lists and reports", _NO_API, "Views, charts and dashboards"),
    LeftBehind("Positions of technicians and routes", _NO_API, "Field Service's schedule board"),
    LeftBehind("Rights of employees", "Their roles come along as far as the mapping says.", "Security roles and teams"),
)  # fmt: skip
