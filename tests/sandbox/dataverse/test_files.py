"""Files: columns that hold them, notes and attachments, in one piece, in chunks and in blocks."""

import base64
from typing import Any

import httpx
import pytest

from transload_sandbox.dataverse import DataverseOrg
from transload_sandbox.dataverse.testing import created_id, label
from transload_sandbox.dataverse.testing import error_code as code

NAMESPACE = "Microsoft.Dynamics.CRM."
NAMED = {"x-ms-file-name": "scan.pdf", "Content-Type": "application/octet-stream"}


@pytest.fixture
def path(api: httpx.Client) -> str:
    """Address of a file column of a row; it holds 1 MB."""
    column = {
        "@odata.type": f"{NAMESPACE}FileAttributeMetadata",
        "SchemaName": "mig_Scan",
        "DisplayName": label("Scan"),
        "MaxSizeInKB": 1024,
    }
    api.post("EntityDefinitions(LogicalName='account')/Attributes", json=column).raise_for_status()
    return f"accounts({created_id(api.post('accounts', json={'name': 'A'}))})/mig_scan"


def test_a_file_comes_back_as_it_went(path: str, api: httpx.Client) -> None:
    api.patch(path, content=b"\x00PDF", headers=NAMED).raise_for_status()

    raw = api.get(f"{path}/$value")
    row = api.get(path.rpartition("/")[0] + "?$select=mig_scan,mig_scan_name").json()

    assert raw.content == b"\x00PDF"
    assert raw.headers["x-ms-file-name"] == "scan.pdf"
    assert api.get(path).json()["value"] == base64.b64encode(b"\x00PDF").decode()
    assert (len(row["mig_scan"]), row["mig_scan_name"]) == (36, "scan.pdf")


def test_a_span_of_a_file_is_read(path: str, api: httpx.Client) -> None:
    api.patch(path, content=b"0123456789", headers=NAMED).raise_for_status()

    part = api.get(f"{path}/$value", headers={"Range": "bytes=2-4"})

    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, b"234", "bytes 2-4/10")


def test_a_column_is_read_in_spans_as_json_too(path: str, api: httpx.Client) -> None:
    api.patch(path, content=b"0123456789", headers=NAMED).raise_for_status()

    first = api.get(f"{path}?size=full", headers={"Range": "bytes=0-7"})
    second = api.get(first.headers["Location"], headers={"Range": "bytes=8-15"})

    assert (first.status_code, second.status_code) == (206, 206)
    assert [base64.b64decode(each.json()["value"]) for each in (first, second)] == [b"01234567", b"89"]
    assert (first.headers["x-ms-file-name"], first.headers["x-ms-file-size"]) == ("scan.pdf", "10")
    assert first.headers["mimetype"] == "application/octet-stream"


def test_chunks_make_a_file(path: str, api: httpx.Client) -> None:
    begun = api.patch(f"{path}?x-ms-file-name=scan.pdf", headers={"x-ms-transfer-mode": "chunked"})

    def send(first: int, last: int) -> int:
        span = {"Content-Range": f"bytes {first}-{last}/10", "Content-Type": "application/octet-stream"}
        return api.patch(begun.headers["Location"], content=b"0123456789"[first : last + 1], headers=span).status_code

    statuses = [send(0, 3), send(6, 9), send(4, 9), send(4, 9)]

    assert (begun.status_code, begun.headers["x-ms-chunk-size"]) == (200, "4194304")
    assert statuses == [206, 400, 204, 400]
    assert api.get(f"{path}/$value").content == b"0123456789"


def test_a_file_is_removed_with_its_content(path: str, org: DataverseOrg, api: httpx.Client) -> None:
    before = org.digest()["metadata"]
    api.patch(path, content=b"x", headers=NAMED).raise_for_status()

    api.delete(path).raise_for_status()

    assert api.get(f"{path}/$value").status_code == 204
    assert org.digest()["metadata"] == before


@pytest.mark.parametrize(
    ("name", "size", "expected"), [("big.pdf", 1_048_577, "0x80044a02"), ("virus.exe", 1, "0x80043e09")]
)
def test_size_and_extension_are_limited(name: str, size: int, expected: str, path: str, api: httpx.Client) -> None:
    answer = api.patch(path, content=b"x" * size, headers={**NAMED, "x-ms-file-name": name})

    assert code(answer) == (400, expected)


def _begin(api: httpx.Client, message: str, body: dict[str, Any]) -> str:
    return str(api.post(message, json=body).raise_for_status().json()["FileContinuationToken"])


def _upload(api: httpx.Client, token: str, *blocks: tuple[str, bytes]) -> list[int]:
    return [
        api.post(
            "UploadBlock",
            json={
                "BlockId": base64.b64encode(name.encode()).decode(),
                "BlockData": base64.b64encode(data).decode(),
                "FileContinuationToken": token,
            },
        ).status_code
        for name, data in blocks
    ]


def test_the_list_of_blocks_gives_their_order(path: str, api: httpx.Client) -> None:
    target = {"@odata.type": f"{NAMESPACE}account", "accountid": path[9:45]}
    file = {"Target": target, "FileAttributeName": "mig_scan", "FileName": "scan.pdf"}
    token = _begin(api, "InitializeFileBlocksUpload", file)
    _upload(api, token, ("b", b"two"), ("a", b"one"))

    listed = [base64.b64encode(name.encode()).decode() for name in ("a", "b")]
    commit = {
        "FileName": "scan.pdf",
        "MimeType": "application/pdf",
        "BlockList": listed,
        "FileContinuationToken": token,
    }
    done = api.post("CommitFileBlocksUpload", json=commit).json()
    reading = _begin(api, "InitializeFileBlocksDownload", {"Target": target, "FileAttributeName": "mig_scan"})
    span = {"Offset": 1, "BlockLength": 4, "FileContinuationToken": reading}
    data = api.post("DownloadBlock", json=span).json()["Data"]

    assert done["FileSizeInBytes"] == 6
    assert base64.b64decode(data) == b"netw"
    assert api.post("DeleteFile", json={"FileId": done["FileId"]}).status_code == 204
    assert api.get(f"{path}/$value").status_code == 204


def test_a_note_grows_from_blocks(org: DataverseOrg, api: httpx.Client) -> None:
    note = created_id(api.post("annotations", json={"subject": "Plan"}))
    target = {"@odata.type": f"{NAMESPACE}annotation", "annotationid": note, "filename": "plan.pdf"}
    token = _begin(api, "InitializeAnnotationBlocksUpload", {"Target": target})
    _upload(api, token, ("1", b"abc"))

    commit = {"Target": target, "BlockList": ["MQ=="], "FileContinuationToken": token}
    done = api.post("CommitAnnotationBlocksUpload", json=commit).json()

    [row] = org.rows("annotation")
    assert (done["AnnotationId"], done["FileSizeInBytes"]) == (note, 3)
    assert (row["documentbody"], row["filename"], row["filesize"]) == ("YWJj", "plan.pdf", 3)


def test_block_ids_are_of_one_length(path: str, api: httpx.Client) -> None:
    target = {"@odata.type": f"{NAMESPACE}account", "accountid": path[9:45]}
    file = {"Target": target, "FileAttributeName": "mig_scan", "FileName": "scan.pdf"}
    token = _begin(api, "InitializeFileBlocksUpload", file)

    statuses = _upload(api, token, ("1", b"x"), ("1234", b"x"), ("2", b"x" * 4_194_305))

    assert statuses == [204, 400, 400]


@pytest.mark.parametrize(
    ("name", "size", "expected"), [("big.pdf", 5_242_881, "0x80044a02"), ("virus.exe", 1, "0x80043e09")]
)
def test_attachments_have_the_limits_of_notes(name: str, size: int, expected: str, api: httpx.Client) -> None:
    email = created_id(api.post("emails", json={"subject": "E"}))
    body = {
        "objectid_activitypointer@odata.bind": f"/activitypointers({email})",
        "objecttypecode": "email",
        "filename": name,
        "body": base64.b64encode(b"x" * size).decode(),
    }

    assert code(api.post("activitymimeattachments", json=body)) == (400, expected)


def test_an_image_brings_its_id_and_its_address(api: httpx.Client) -> None:
    account = f"accounts({created_id(api.post('accounts', json={'name': 'A'}))})"
    columns = "entityimageid,entityimage_timestamp,entityimage_url"

    api.patch(f"{account}/entityimage", content=b"picture", headers=NAMED).raise_for_status()
    with_image = api.get(f"{account}?$select={columns}").json()
    api.patch(account, json={"entityimage": None}).raise_for_status()
    without = api.get(f"{account}?$select={columns}").json()

    place = f"Entity=account&Attribute=entityimage&Id={account[9:-1]}&Timestamp={with_image['entityimage_timestamp']}"
    assert with_image["entityimage_url"] == f"/Image/download.aspx?{place}"
    assert len(with_image["entityimageid"]) == 36
    assert [without[each] for each in columns.split(",")] == [None] * 3


def test_a_new_image_column_has_its_own(api: httpx.Client) -> None:
    column = {
        "@odata.type": f"{NAMESPACE}ImageAttributeMetadata",
        "SchemaName": "mig_Photo",
        "DisplayName": label("Photo"),
    }
    attributes = "EntityDefinitions(LogicalName='account')/Attributes"
    api.post(attributes, json=column).raise_for_status()
    account = f"accounts({created_id(api.post('accounts', json={'name': 'A'}))})"

    api.patch(account, json={"mig_photo": base64.b64encode(b"picture").decode()}).raise_for_status()
    row = api.get(f"{account}?$select=mig_photo_url,mig_photoid,mig_photo_timestamp").json()
    api.delete(f"{attributes}(LogicalName='mig_photo')").raise_for_status()

    assert "Attribute=mig_photo&" in row["mig_photo_url"]
    assert api.get(f"{account}?$select=mig_photo_url").status_code == 400
