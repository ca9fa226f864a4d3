"""SCIM 2.0 and JSON:API fall out of the rules of paging and records: each synced from a scripted server of its protocol."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.mappings.shipped import Shipped, paged
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def query(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.target).query, keep_blank_values=True).items()}


def account(number: int) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "id": f"id-{number:03}",
        "userName": f"user{number}",
        "name": {"givenName": "Ada", "familyName": f"B{number}"},
        "active": number % 5 != 0,
        "emails": [
            {"value": f"home{number}@example.org", "type": "home"},
            {"value": f"Work{number}@Example.com", "type": "work", "primary": True},
        ],
        ENTERPRISE: {"employeeNumber": str(1000 + number), "department": "", "manager": {"value": "id-001"}},
        "meta": {"resourceType": "User", "lastModified": "2026-01-23T04:56:22Z"},
    }


class Scim:
    """A server that gives 40 at a time, whatever count says, and takes any startIndex below 1 for 1."""

    def __init__(self, accounts: list[dict[str, Any]]) -> None:
        self.accounts = accounts

    def __call__(self, asked: Asked) -> Reply:
        assert urlsplit(asked.target).path == "/scim/v2/Users"
        assert asked.headers["authorization"] == "Bearer geheim"
        assert asked.headers["accept"] == "application/scim+json"
        start = max(1, int(query(asked)["startIndex"]))
        found = paged(self.accounts, start - 1, min(int(query(asked)["count"]), 40))
        body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": len(self.accounts),
            "startIndex": start,
            "itemsPerPage": len(found),
        }
        # A page without any is written without the list (RFC 7644, 3.4.2.4).
        return reply(body | ({"Resources": found} if found else {}), content_type="application/scim+json")


def test_scim(shipped: Shipped) -> None:
    scim = Scim([account(number) for number in range(1, 101)])
    with FaultServer(scim) as server:
        shipped.take("scim.map", SCIM_URL=server.url, SCIM_TOKEN="geheim")
        shipped.run("sync", "--full")
        # Each account once: counted from 1, no record is asked for twice, and none is left out.
        assert [query(asked)["startIndex"] for asked in server.asked] == ["1", "41", "81"]
        [row] = shipped.rows(
            "SELECT user_name, employee_no, full_name, email, emails, department, manager_id, is_active"
            " FROM canonical.account WHERE account_id = 'id-007'"
        )
        assert row == (
            "user7", "1007", "Ada B7", "work7@example.com", ["home7@example.org", "Work7@Example.com"], None, "id-001", True
        )  # fmt: skip
        assert shipped.rows("SELECT count(*), count(*) FILTER (WHERE is_active) FROM canonical.account") == [(100, 80)]
        assert "$.Resources[6]" in shipped.run("explain", "Account", "id-007", "employee_no", "--json")
        # Somebody left: absent from the next full sweep.
        scim.accounts = [one for one in scim.accounts if one["id"] != "id-007"]
        shipped.run("sync", "--full")
        assert shipped.rows("SELECT count(*) FROM canonical.account WHERE account_id = 'id-007'") == [(0,)]
        assert shipped.rows("SELECT count(*) FROM canonical.account") == [(99,)]


def test_scim_without_anybody(shipped: Shipped) -> None:
    with FaultServer(Scim([])) as server:
        shipped.take("scim.map", SCIM_URL=server.url, SCIM_TOKEN="geheim")
        shipped.run("sync")
        assert len(server.asked) == 1
        assert shipped.rows("SELECT count(*) FROM canonical.account") == [(0,)]


def candidate(number: int) -> dict[str, Any]:
    department = {"type": "departments", "id": str(number % 3)} if number % 4 else None
    return {
        "type": "candidates",
        "id": str(number),
        "attributes": {
            "first-name": "Ada",
            "last-name": f"B{number}",
            "email": f"Ada{number}@Example.com",
            "tags": ["python"] if number % 2 else [],
            "created-at": "2026-01-01T10:00:00+01:00",
            "updated-at": "2026-01-02T10:00:00+01:00",
        },
        "relationships": {"department": {"links": {"related": "/x"}, "data": department}},
    }


def test_json_api(shipped: Shipped) -> None:
    candidates = [candidate(number) for number in range(1, 71)]

    def answer(asked: Asked) -> Reply:
        assert asked.headers["accept"] == "application/vnd.api+json"
        wanted = query(asked)
        assert wanted["include"] == "department"
        page, size = int(wanted.get("page[number]", "1")), int(wanted["page[size]"])
        found = paged(candidates, (page - 1) * size, size)
        last = page * size >= len(candidates)
        following = f"{server.url}/v1/candidates?include=department&page%5Bsize%5D={size}&page%5Bnumber%5D={page + 1}"
        included = [
            {"type": "departments", "id": str(number), "attributes": {"name": f"D{number}"}} for number in range(3)
        ]
        # A department and a role may have one id: the two together tell resources apart.
        included.insert(0, {"type": "roles", "id": "1", "attributes": {"name": "wrong"}})
        return reply(
            {"data": found, "included": included, "links": {"next": None if last else following}},
            content_type="application/vnd.api+json",
        )

    with FaultServer(answer) as server:
        shipped.take("jsonapi.map", ATS_URL=server.url, ATS_TOKEN="t")
        shipped.run("sync")
        assert len(server.asked) == 3
        # What is beside a record in its response is read again from the archive.
        shipped.run("replay")
        assert len(server.asked) == 3
    found = shipped.rows(
        "SELECT candidate_id, email, department_id, department, tags, applied_at::text FROM canonical.candidate"
        " WHERE candidate_id IN ('1', '4', '61') ORDER BY 1"
    )
    assert [row[:5] for row in found] == [
        ("1", "ada1@example.com", "1", "D1", ["python"]),
        ("4", "ada4@example.com", None, None, []),
        ("61", "ada61@example.com", "1", "D1", ["python"]),
    ]
    assert shipped.rows("SELECT count(*) FROM canonical.candidate") == [(70,)]


def test_what_the_servers_are_asked_is_no_secret_of_the_archive(shipped: Shipped) -> None:
    with FaultServer(Scim([account(1)])) as server:
        shipped.take("scim.map", SCIM_URL=server.url, SCIM_TOKEN="geheim")
        shipped.run("sync")
        listed = json.loads(shipped.run("archive", "ls", "scim.users", "--json"))
    assert "geheim" not in json.dumps(listed)
    assert base64.b64encode(b"geheim").decode() not in json.dumps(listed)
    assert all(b"geheim" not in path.read_bytes() for path in shipped.folder.rglob("*") if path.is_file())
