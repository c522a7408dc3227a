"""Row ids are computed: always the same, never shared, ascending where the source's are."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from transload.ids import row_id_maker
from transload.values import EntityName, RowId, SourceId, SourceSchema, TableName

SOURCE = SourceSchema("kickserv", "example", [])
make = row_id_maker(SOURCE, EntityName("customer"), TableName("account"))
source_ids = st.one_of(st.text(min_size=1), st.integers(0, 2**70).map(str), st.from_regex(r"\A0[0-9]{0,5}\Z"))


def in_sql_servers_order(row_id: RowId) -> bytes:
    """SQL Server compares the last six bytes of a uniqueidentifier first, then the two before, and so on."""
    raw = UUID(row_id).bytes_le
    return raw[10:] + raw[8:10] + raw[6:8] + raw[4:6] + raw[:4]


@given(st.lists(source_ids, unique=True))
def test_no_two_records_share_a_row_id(ids: list[str]) -> None:
    assert len({make(SourceId(source_id)) for source_id in ids}) == len(ids)


@given(source_ids)
def test_a_row_id_is_a_lower_case_guid_and_always_the_same(source_id: str) -> None:
    again = row_id_maker(SOURCE, EntityName("customer"), TableName("account"))

    row_id = make(SourceId(source_id))

    assert str(UUID(row_id)) == row_id
    assert again(SourceId(source_id)) == row_id


@given(st.lists(st.integers(0, 2**48 - 1), unique=True))
def test_numeric_ids_ascend_in_sql_servers_order(numbers: list[int]) -> None:
    ascending = [make(SourceId(str(number))) for number in sorted(numbers)]

    assert sorted(ascending, key=in_sql_servers_order) == ascending


@given(source_ids)
def test_another_account_entity_or_table_gives_another_row(source_id: str) -> None:
    others = [
        row_id_maker(SourceSchema("kickserv", "other", []), EntityName("customer"), TableName("account")),
        row_id_maker(SOURCE, EntityName("job"), TableName("account")),
        row_id_maker(SOURCE, EntityName("customer"), TableName("contact")),
    ]

    assert len({maker(SourceId(source_id)) for maker in [make, *others]}) == 4


def test_row_ids_never_change_from_version_to_version() -> None:
    # A ledger that a client keeps for months, and a rebuilt one, rely on these very values.
    assert make(SourceId("42")) == "c04f87db-d7f6-82a3-92de-00000000002a"
    assert make(SourceId("0042")) == "faadf194-be65-55e6-bdfb-9303a49198b5"
