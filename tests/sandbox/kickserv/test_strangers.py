"""Clients written as strangers write them, after the public ones: none knows anything of this sandbox."""

from __future__ import annotations

import json
import socket
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

if TYPE_CHECKING:
    from transload_sandbox import KickservSandbox

Hash = dict[str, object]


class RubyLibrary:
    """Reads as a gem over HTTParty does: token twice, a tree of hashes, pages until one is empty."""

    def __init__(self, kickserv: KickservSandbox) -> None:
        self.root = f"{kickserv.base_url}/{kickserv.account}"
        self.login = b64encode(f"{kickserv.token}:{kickserv.token}".encode()).decode()

    def get(self, path: str, **query: object) -> object:
        url = f"{self.root}/{path}.xml?{urlencode(query)}"
        headers = {"Authorization": f"Basic {self.login}", "Accept": "application/xml"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return hash_of(ElementTree.fromstring(answer.read()))

    def all(self, resource: str, **query: object) -> Iterator[Hash]:
        page = 1
        while rows := self.get(resource, page=page, **query):
            assert isinstance(rows, list)
            yield from rows
            page += 1

    def last_page(self, resource: str) -> int:
        """Search for the last page by halves, as nothing in the answers tells it."""
        low, high = 1, 4096
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.get(resource, page=middle, only="id") else (low, middle - 1)
        return low


def hash_of(element: ElementTree.Element) -> object:
    """Turn XML into hashes by its types, as Hash.from_xml does."""
    if element.get("nil") == "true":
        return None
    if element.get("type") == "array":
        return [hash_of(child) for child in element]
    if len(element):
        return {child.tag.replace("-", "_"): hash_of(child) for child in element}
    text = element.text or ""
    convert = {"integer": int, "decimal": float, "float": float, "boolean": lambda word: word == "true"}
    return convert.get(element.get("type", ""), str)(text)  # type: ignore[operator]  # chosen by name


class JobBoard:
    """Reads as a page in PHP does: HTTP 1.0 on a bare socket, blanks in the query, the fields by path."""

    def __init__(self, kickserv: KickservSandbox) -> None:
        self.kickserv = kickserv

    def jobs(self, state: str, include: str) -> ElementTree.Element:
        port, token = int(self.kickserv.base_url.rpartition(":")[2]), self.kickserv.token
        path = f"/{self.kickserv.account}/jobs.xml?state={quote(state)}&include={quote(include)}&page=1"
        login = b64encode(f"{token}:{token}".encode()).decode()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
            line.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Basic {login}\r\n\r\n".encode())
            answer = b"".join(iter(lambda: line.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b" 200 " in head.splitlines()[0]
        return ElementTree.fromstring(body)


class QuoteForm:
    """Writes as a form on a web site does: a customer, then an opportunity for it, in XML put together by hand."""

    def __init__(self, kickserv: KickservSandbox) -> None:
        self.root, self.token = f"{kickserv.base_url}/{kickserv.account}", kickserv.token

    def post(self, path: str, body: str) -> tuple[int, ElementTree.Element]:
        login = b64encode(f"{self.token}:{self.token}".encode()).decode()
        headers = {"Authorization": f"Basic {login}", "Content-Type": "application/xml", "Accept": "application/xml"}
        request = urllib.request.Request(f"{self.root}/{path}.xml", body.encode(), headers, method="POST")
        with urllib.request.urlopen(request) as answer:
            return answer.status, ElementTree.fromstring(answer.read())

    def send(self, name: str, street: str, wish: str) -> tuple[str, str]:
        status, customer = self.post(
            "customers", f"<customer><name>{name}</name><service-address>{street}</service-address></customer>"
        )
        assert status in (200, 201)
        key = customer.findtext("id")
        _, job = self.post(
            "jobs",
            f"<job><customer_id>{key}</customer_id><job_type_id>44760</job_type_id><estimate>true</estimate>"
            f"<description>{wish}</description></job>",
        )
        return customer.findtext("customer-number") or "", job.findtext("job-number") or ""


def test_a_ruby_library_reads_the_whole_account(standing: KickservSandbox) -> None:
    library = RubyLibrary(standing)

    customers, jobs = list(library.all("customers")), list(library.all("jobs", include="job_charges,notes"))

    counts = standing.company.counts()
    assert len({row["id"] for row in customers}) == counts["customer"]
    assert len({row["id"] for row in jobs}) == counts["job"]
    assert all(row["customer_id"] in {customer["id"] for customer in customers} for row in jobs)
    assert json.dumps(jobs)


def test_a_ruby_library_finds_the_last_page_and_one_customer(standing: KickservSandbox) -> None:
    library = RubyLibrary(standing)

    customer = library.get("customers/2")

    assert library.last_page("jobs") == 5
    assert isinstance(customer, dict)
    assert customer["customer_number"] == 2


def test_a_job_board_shows_the_lines_of_open_jobs(standing: KickservSandbox) -> None:
    jobs = JobBoard(standing).jobs("uncompleted in_progress", "job_charges job_status")

    assert jobs.findall("job/job-charges/job-charge/description")
    assert jobs.findall("job/job-status/name")
    assert "complete" not in {job.findtext("status") for job in jobs}


def test_a_quote_form_makes_a_customer_and_an_opportunity(kickserv: KickservSandbox) -> None:
    customer, opportunity = QuoteForm(kickserv).send("Odette &amp; Zoë", "1 Larkfield Way", "Ducts, please")

    row, job = kickserv.company.customers.get(int(customer)), kickserv.company.jobs.get(int(opportunity))
    assert row
    assert job
    assert (row["name"], row["service_address"]) == ("Odette & Zoë", "1 Larkfield Way")
    assert (job["status"], job["description"], job["customer_id"]) == ("new", "Ducts, please", row["id"])
