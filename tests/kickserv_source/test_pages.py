"""A record leads to its page in Kickserv."""

from pydantic import SecretStr

from transload import EntityName, Record, RecordKey, SourceId, Value
from transload_kickserv_source.pages import pages_of
from transload_kickserv_source.settings import KickservSettings

SETTINGS = KickservSettings(account="example-ducts", api_prefix="/v2", api_token=SecretStr("secret"))


def page_of(entity: str, **fields: Value) -> str | None:
    record = Record(RecordKey(EntityName(entity), SourceId("1")), fields)
    return pages_of([record], SETTINGS).get(record.key)


def test_pages_have_the_numbers_that_people_know() -> None:
    assert page_of("customer", id=1, customer_number=204) == "https://app.kickserv.com/example-ducts/customers/204"
    assert page_of("job", id=1, job_number=17) == "https://app.kickserv.com/example-ducts/jobs/17"


def test_pages_of_a_host_that_is_one_account_have_no_account_in_their_address() -> None:
    settings = SETTINGS.model_copy(update={"base_url": "https://example-ducts.kickservapp.com"})
    record = Record(RecordKey(EntityName("job"), SourceId("1")), {"job_number": 17})

    assert pages_of([record], settings) == {record.key: "https://example-ducts.kickservapp.com/jobs/17"}


def test_what_belongs_to_a_job_is_seen_on_its_page() -> None:
    assert page_of("note", job_number=17, customer_number=204) == "https://app.kickserv.com/example-ducts/jobs/17"


def test_a_record_without_a_number_has_no_page() -> None:
    assert page_of("employee", id=1) is None
    assert page_of("job", job_number=None) is None
    assert page_of("job", job_number="../17") is None
