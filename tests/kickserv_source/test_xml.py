"""Reading Kickserv's XML, against an independent reading of the recorded and agreed answers."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transload.errors import ProtocolError
from transload.values import Value
from transload_kickserv_source.xml import Document, NotXmlError, excerpt, read_errors, read_list, read_record

SAMPLES = sorted((Path(__file__).parent.parent / "data" / "kickserv").rglob("*.xml"))
ANSWERS = [path for path in SAMPLES if not path.name.startswith("error.")]
SECRET = re.compile("token|password|salt|digest|secret|stripe-customer-id")


def read(body: bytes) -> Document:
    root = ElementTree.fromstring(body)
    return read_list(body, root.tag) if root.get("type") == "array" else read_record(body, root.tag)


def wrap(content: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<job>{content}</job>'.encode()


def value_of(content: str) -> Value:
    (row,) = read_record(wrap(content), "job").rows
    (value,) = row.values()
    return value


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.name)
def test_every_element_of_every_sample_is_read_as_an_independent_walk_reads_it(path: Path) -> None:
    root = ElementTree.fromstring(path.read_bytes())
    records = list(root) if root.get("type") == "array" else [root]

    document = read(path.read_bytes())

    assert len(document.rows) == len(records)
    assert not document.oddities
    for row, record in zip(document.rows, records, strict=True):
        assert_same(row, record, path.name)


def assert_same(value: Value, element: ElementTree.Element, place: str) -> None:
    """Compare what was read with an element, by the rules of the reference and with other code."""
    kind, text = element.get("type"), element.text or ""
    children = [child for child in element if not SECRET.search(child.tag)]
    if len(element) and kind != "array":
        assert isinstance(value, Mapping), place
        assert list(value) == [child.tag.replace("-", "_") for child in children], place
        for child, inner in zip(children, value.values(), strict=True):
            assert_same(inner, child, f"{place}/{child.tag}")
    elif kind == "array":
        assert isinstance(value, tuple), place
        assert len(value) == len(element), place
        for child, inner in zip(element, value, strict=True):
            assert_same(inner, child, f"{place}/{child.tag}")
    elif element.get("nil") == "true":
        assert value is None, place
    else:
        assert_same_scalar(value, text, kind, place)


def assert_same_scalar(value: Value, text: str, kind: str | None, place: str) -> None:
    if kind == "integer":
        assert type(value) is int, place
        assert str(value) == text, place
    elif kind in {"decimal", "float"}:
        assert isinstance(value, Decimal), place
        assert str(value) == text, place
    elif kind == "boolean":
        assert value is (text == "true"), place
        assert text in {"true", "false"}, place
    elif kind == "dateTime":
        assert isinstance(value, datetime), place
        assert value.isoformat() == text, place
        assert value == datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z"), place
    elif kind == "date":
        assert value == date(*map(int, text.split("-"))), place
    else:
        assert (kind, value) == (None, text), place


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_no_secret_of_a_sample_survives_the_reading(path: Path) -> None:
    body = path.read_bytes()
    secrets = [e.text for e in ElementTree.fromstring(body).iter() if SECRET.search(e.tag) and e.text]

    read_text = repr(read(body).rows) if path in ANSWERS else repr(read_errors(body))

    assert not [secret for secret in secrets if secret in read_text]
    assert not [secret for secret in secrets if secret in excerpt(body)]


def test_the_samples_do_hold_secrets_to_be_dropped() -> None:
    assert sum(b"FAKE-" in path.read_bytes() for path in SAMPLES) > 3


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<fax/>", ""),
        ("<fax></fax>", ""),
        ('<fax nil="true"/>', None),
        ('<parent-id type="integer" nil="true"/>', None),
        ("<name> two  blanks </name>", " two  blanks "),
        ("<name>a&amp;b &lt;c&gt; &#233;</name>", "a&b <c> é"),
        ("<name>one\r\ntwo</name>", "one\ntwo"),
        ("<name>one&#13;\ntwo</name>", "one\r\ntwo"),
        ("<name>a<!-- hidden -->b</name>", "ab"),
        ("<name><![CDATA[<b>]]></name>", "<b>"),
        ('<amount type="float">100</amount>', Decimal(100)),
        ('<amount type="integer">100</amount>', 100),
        ('<amount type="integer">12.50</amount>', Decimal("12.50")),
        ('<balance type="decimal">-0.10</balance>', Decimal("-0.10")),
        ('<children type="array"/>', ()),
        ('<children type="array">\n</children>', ()),
        ('<children type="array" nil="true"/>', None),
        ('<child type="Customer"><id type="integer">4</id></child>', {"id": 4}),
        ("<tags><tag><id>1</id></tag><tag><id>2</id></tag></tags>", ({"id": "1"}, {"id": "2"})),
        ('<days type="array"><day>mon</day><day nil="true"/></days>', ("mon", None)),
        ('<date type="date">2017-08-04</date>', date(2017, 8, 4)),
    ],
)
def test_values_are_read_as_they_are_written(content: str, expected: Value) -> None:
    value = value_of(content)

    assert (value, type(value)) == (expected, type(expected))


def test_a_time_keeps_the_offset_that_it_was_written_with() -> None:
    value = value_of('<created-at type="dateTime">2017-08-04T08:16:22-04:00</created-at>')

    assert isinstance(value, datetime)
    assert value.utcoffset() == timedelta(hours=-4)


@pytest.mark.parametrize(
    ("content", "text", "problem"),
    [
        ('<total type="decimal">1,568 </total>', "1,568 ", "job.total: not a decimal"),
        ('<total type="decimal">NaN</total>', "NaN", "job.total: not a decimal"),
        ('<total type="float">1e99999999</total>', "1e99999999", "job.total: not a float"),
        ('<tax-id type="integer">x9</tax-id>', "x9", "job.tax_id: not a integer"),
        ('<public type="boolean">perhaps</public>', "perhaps", "job.public: not a boolean"),
        ('<due type="dateTime">2017-08-04T08:00:00</due>', "2017-08-04T08:00:00", "job.due: not a dateTime"),
        ('<due type="date">yesterday</due>', "yesterday", "job.due: not a date"),
        ("<note>Call <b>now</b> &amp; then</note>", "Call <b>now</b> &amp; then", "job.note: text between elements"),
        ('<photo type="base64Binary">AAAA</photo>', "AAAA", "job.photo: unknown type base64Binary"),
    ],
)
def test_what_is_not_what_its_type_says_stays_text_and_is_counted(content: str, text: str, problem: str) -> None:
    document = read_record(wrap(content), "job")

    assert list(document.rows[0].values()) == [text]
    assert document.oddities == {problem: 1}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2013-04-10 10:26:01 -0400", "2013-04-10T10:26:01-04:00"),
        ("2013-04-10 10:26:01 UTC", "2013-04-10T10:26:01+00:00"),
        (" 2013-04-10T10:26:01Z", "2013-04-10T10:26:01+00:00"),
    ],
)
def test_a_time_may_be_written_as_the_export_writes_it(text: str, moment: str) -> None:
    assert value_of(f'<created-at type="dateTime">{text}</created-at>') == datetime.fromisoformat(moment)


def test_a_day_that_comes_with_a_time_keeps_it() -> None:
    assert value_of('<date type="date">2017-08-04T09:00:00-04:00</date>') == datetime.fromisoformat(
        "2017-08-04T09:00:00-04:00"
    )


def test_attributes_that_nobody_documented_are_fields_beside_their_element() -> None:
    content = (
        '<total type="decimal" currency="USD">1.5</total><fax/><name kind="legal" nil="true"/>'
        '<tags type="array" count="2"><tag id="7"><name>VIP</name></tag></tags><at xml:space="preserve"> </at>'
    )

    (row,) = read_record(wrap(content), "job").rows

    assert row == {
        "total": Decimal("1.5"), "total_currency": "USD", "fax": "", "name": None, "name_kind": "legal",
        "tags": ({"name": "VIP", "id": "7"},), "tags_count": "2", "at": " ",
    }  # fmt: skip


def test_an_element_that_comes_twice_is_kept_twice_and_counted() -> None:
    document = read_record(wrap("<fax>1</fax><name>x</name><fax>2</fax>"), "job")

    assert document.rows == ({"fax": ("1", "2"), "name": "x"},)
    assert document.oddities == {"job.fax: more than once": 1}


@pytest.mark.parametrize(
    "name", ["token", "remember-me-token", "encrypted-password", "api_secret", "x-digest", "New-Salt-2"]
)
def test_unknown_elements_that_sound_secret_are_dropped_at_any_depth(name: str) -> None:
    body = wrap(f"<a><{name}>hush</{name}><b>1</b></a><{name}><c>hush</c></{name}>")

    document = read_record(body, "job")

    place = name.replace("-", "_")
    assert document.rows == ({"a": {"b": "1"}},)
    known = name in {"token", "remember-me-token", "encrypted-password"}
    assert document.withheld == ({} if known else {f"job.a.{place}": 1, f"job.{place}": 1})


def test_secrets_are_taken_out_of_markup_and_attributes_too() -> None:
    content = '<note>See <a><api-token>hush</api-token>here</a></note><call session-token="hush">1</call>'

    document = read_record(wrap(content), "job")

    assert "hush" not in repr(document.rows)
    assert sum(document.withheld.values()) == 2


def test_what_is_nested_without_end_stays_text() -> None:
    deep = "<a>" * 300 + "<b>bottom</b>" + "</a>" * 300

    document = read_record(wrap(deep), "job")

    assert "<b>bottom</b>" in repr(document.rows)
    assert [place.rpartition(": ")[2] for place in document.oddities] == ["nested too deep"]


NAMES = st.from_regex(r"[a-z]{1,8}(_[a-z0-9]{1,5}){0,2}", fullmatch=True).filter(lambda name: not SECRET.search(name))
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))


@given(st.dictionaries(NAMES, st.none() | TEXTS, min_size=1))
def test_any_text_and_any_null_come_back_as_they_were(fields: dict[str, str | None]) -> None:
    job = ElementTree.Element("job")
    for name, text in fields.items():
        element = ElementTree.SubElement(job, name.replace("_", "-"))
        element.text = text
        element.attrib.update({"nil": "true"} if text is None else {})

    document = read_record(ElementTree.tostring(job, encoding="utf-8", xml_declaration=True), "job")

    assert document.rows == (fields,)


@given(st.data())
def test_a_cut_answer_is_never_taken_for_a_whole_one(data: st.DataObject) -> None:
    body = (SAMPLES[0].parent.parent / "inferred" / "customers.list.include.xml").read_bytes().rstrip()
    cut = data.draw(st.integers(0, len(body) - 1))

    with pytest.raises(ProtocolError) as caught:
        read_list(body[:cut], "customers")

    assert "FAKE" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "name", "taken_out"),
    [
        (wrap("<name>a\x0bb\x00c&#x7;&#12;d&#x41;</name>"), "a\nbc\ndA", 4),
        (wrap("<name>Caf")[:-6] + b"\xe9 \x80 M\xc3\xbcller</name></job>", "Café € Müller", 2),
    ],
    ids=["control characters", "another encoding"],
)
def test_characters_that_no_xml_may_hold_cost_nothing_but_themselves(body: bytes, name: str, taken_out: int) -> None:
    document = read_record(body, "job")

    assert document.rows == ({"name": name},)
    assert document.oddities == {"job: characters that no XML may hold, taken out": taken_out}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_every_encoding_that_an_answer_declares_is_read(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    body = f'<?xml version="1.0" encoding="{declared}"?>\n<job><name>Gérard</name></job>'.encode(encoding)

    document = read_record(body, "job")

    assert (document.rows, document.oddities) == (({"name": "Gérard"},), {})


def test_a_text_of_any_length_is_read() -> None:
    length = 11_000_000

    (row,) = read_record(wrap(f"<note>{'x' * length}</note>"), "job").rows

    assert len(str(row["note"])) == length


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   \n",
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN"><html><br></html>',
        b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>Sign in</body></html>',
        b"HTTP Basic: Access denied.\n",
        b"<!DOCTYPE html>\n<html><body><p>Sign in</p></body></html>",
        b"<html><head><title>Down</title></head></html>",
        b'{"jobs": []}',
    ],
)
def test_what_is_no_xml_is_named_as_such(body: bytes) -> None:
    with pytest.raises(NotXmlError, match="not XML") as caught:
        read_list(body, "jobs")

    assert caught.value.remedy


def test_a_message_shows_the_beginning_of_what_came_and_no_secret() -> None:
    body = b'<account>\n <name>x</name><token id="1">hush</token> and <secret nil="a">hu' + b"y" * 900

    with pytest.raises(ProtocolError) as caught:
        read_list(body, "jobs")

    assert "<account> <name>x" in str(caught.value)
    assert "hu" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("body", "root"),
    [
        (b"<errors><error>Invalid job.</error></errors>", "jobs"),
        (b'<customers type="array"/>', "jobs"),
        (b"<customers><name>single</name><fax>1</fax></customers>", "customers"),
    ],
)
def test_another_document_than_the_list_that_was_asked_for_is_refused(body: bytes, root: str) -> None:
    with pytest.raises(ProtocolError, match="another document"):
        read_list(body, root)


def test_a_single_record_in_place_of_a_list_is_a_list_of_one() -> None:
    body = (SAMPLES[0].parent.parent / "seen" / "customers.show.2018.xml").read_bytes()

    (row,) = read_list(body, "customers").rows

    assert (row["id"], row["name"], row["children"]) == (4957079, "Bettina Percy", ())


def test_a_list_may_stand_under_another_name_of_its_records() -> None:
    assert read_list(b'<jobs type="array"><job><id>1</id></job></jobs>', "opportunities", "jobs").rows == ({"id": "1"},)


def test_a_list_is_no_single_record() -> None:
    with pytest.raises(ProtocolError, match="another document"):
        read_record(b'<customers type="array"/>', "customer", "customers")


@pytest.mark.parametrize(
    "body", [b'<jobs type="array"/>', b"<jobs/>", b'<nil-classes type="array"/>', b'<jobs type="array"></jobs>']
)
def test_an_empty_list_is_empty_however_it_is_written(body: bytes) -> None:
    assert read_list(body, "jobs").rows == ()


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;">]><job><name>&b;</name></job>',
        b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///nowhere/file">]><job><name>&f;</name></job>',
        b'<!DOCTYPE a SYSTEM "https://elsewhere.example.com/a.dtd"><job><name>x</name></job>',
        b"<!DOCTYPE job><job><name>x</name></job>",
    ],
    ids=["bomb", "file", "network", "bare"],
)
def test_a_document_type_is_refused_and_nothing_is_expanded(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="document type"):
        read_record(body, "job")


def test_the_messages_of_an_error_document_are_read_and_others_are_not() -> None:
    assert read_errors(b"<errors><error>Invalid job.</error></errors>") == ("Invalid job.",)
    assert read_errors(b"HTTP Basic: Access denied.\n") == ()
    assert read_errors(b"<jobs/>") == ()
