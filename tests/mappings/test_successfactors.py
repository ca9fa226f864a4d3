"""The shipped connector of SuccessFactors against a server with the habits that its maker documents: from a token to rows, deltas, deletes and explain.

The answers are of our own making."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.mappings.shipped import Shipped, paged
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply

FILES = ("api/people.map", "api/successfactors.map", "api/successfactors_metadata.xml")
ASSERTION = base64.b64encode(b"<saml2:Assertion>canary</saml2:Assertion>").decode()
OLD = dt.datetime(2026, 1, 5, 10, 30, tzinfo=dt.UTC)
OPEN = "/Date(253402214400000)/"


def day(text: str) -> str:
    moment = dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    return f"/Date({int(moment.timestamp()) * 1000})/"


def moment(at: dt.datetime) -> str:
    return f"/Date({int(at.timestamp()) * 1000}+0000)/"


def just_now() -> dt.datetime:
    """A time that the next sync reads: before the five minutes that are left to settle, and after where the last one began."""
    return dt.datetime.now(dt.UTC) - dt.timedelta(minutes=7)


def user(number: int, **more: Any) -> dict[str, Any]:
    return {
        "userId": f"210{number}", "status": "t", "firstName": "Ada", "mi": "", "lastName": f"B{number}", "email": f"Ada{number}@Example.com",
        "title": "Engineer", "department": "IT (50150001)", "location": None, "hireDate": day("2021-03-01"),
        "lastModifiedDateTime": OLD, "manager": {"userId": "2101"} if number > 1 else None, **more,
    }  # fmt: skip


def person(number: int, **more: Any) -> dict[str, Any]:
    name = {"personIdExternal": f"210{number}", "startDate": day("2021-03-01"), "firstName": "Ada", "lastName": f"B{number}",
            "preferredName": None, "lastModifiedDateTime": OLD}  # fmt: skip
    mails = [
        {"personIdExternal": f"210{number}", "emailType": kind, "emailAddress": f"{kind}{number}@Example.com",
         "isPrimary": kind == "business", "lastModifiedDateTime": OLD}
        for kind in ("private", "business")
    ]  # fmt: skip
    return {
        "personIdExternal": f"210{number}", "dateOfBirth": "/Date(-155088000000)/", "lastModifiedDateTime": OLD,
        "personalInfoNav": {"results": [name]}, "emailNav": {"results": mails}, **more,
    }  # fmt: skip


def employment(number: int, **more: Any) -> dict[str, Any]:
    return {
        "personIdExternal": f"210{number}", "userId": f"210{number}", "startDate": day("2021-03-01"), "endDate": None,
        "isContingentWorker": number == 4, "lastModifiedDateTime": OLD, **more,
    }  # fmt: skip


def job(number: int, start: str, end: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "seqNumber": "1", "startDate": day(start), "userId": f"210{number}", "endDate": OPEN if end is None else day(end), "company": "1710",
        "department": "50150001", "location": None, "jobCode": "50070997", "jobTitle": "Engineer",
        "managerId": "NO_MANAGER" if number == 1 else "2101", "eventReason": "HIRNEW", "fte": 0.8, "lastModifiedDateTime": OLD, **more,
    }  # fmt: skip


def changed(record: dict[str, Any], bound: str) -> Iterable[dt.datetime]:
    """When a record was modified, and what is expanded in it where the filter asks for its time."""
    for name, value in record.items():
        if isinstance(value, dt.datetime):
            yield value
        elif isinstance(value, dict) and f"{name}/lastModifiedDateTime" in bound:
            for one in value["results"]:
                yield from changed(one, "")


def written(value: Any) -> Any:
    match value:
        case dt.datetime():
            return moment(value)
        case dict():
            return {name: written(one) for name, one in value.items()}
        case list():
            return [written(one) for one in value]
    return value


class SuccessFactors:
    """Pages of two by snapshots; only active users and only periods of today where nothing more is asked for; a filter by time that looks at all
    periods of a worker together; a token that is refused once in the middle. Next links name the port, as its servers do."""

    def __init__(self) -> None:
        self.sets: dict[str, list[dict[str, Any]]] = {
            "User": [user(1), user(2), user(3, status="f"), user(4), user(5, status="e")],
            "PerPerson": [person(number) for number in range(1, 5)],
            "EmpEmployment": [employment(number) for number in range(1, 5)],
            "EmpJob": [
                job(1, "2021-03-01"),
                job(2, "2021-03-01", "2025-06-30"),
                job(2, "2025-07-01", jobTitle="Architect", eventReason="PROMO"),
                job(2, "2025-07-01", seqNumber="2", jobTitle="Head of IT"),
                job(3, "2021-03-01", "2025-12-31"),
            ],
        }
        self.url = ""
        self.tokens: list[str] = []
        self.revoked: set[str] = set()
        self.queries: list[tuple[str, dict[str, str]]] = []

    def of(self, name: str) -> list[dict[str, str]]:
        return [query for asked, query in self.queries if asked == name]

    def __call__(self, asked: Asked) -> Reply:
        place = urlsplit(asked.target)
        if place.path == "/oauth/token":
            return self._token(asked)
        token = asked.headers["authorization"].removeprefix("Bearer ")
        assert token in self.tokens
        name = place.path.removeprefix("/odata/v2/")
        wanted = {key: values[0] for key, values in parse_qs(place.query, keep_blank_values=True).items()}
        if name == "EmpJob" and "$skiptoken" in wanted and not self.revoked:
            self.revoked.add(token)
        if token in self.revoked:
            return reply({"error": {"code": "LGN0022", "message": {"lang": "en-US", "value": "token expired"}}}, 401)
        self.queries.append((name, wanted))
        return self._page(name, place.path, wanted)

    def _token(self, asked: Asked) -> Reply:
        form = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        assert form == {
            "grant_type": "urn:ietf:params:oauth:grant-type:saml2-bearer",
            "client_id": "api-key",
            "company_id": "ACME",
            "assertion": ASSERTION,
        }
        self.tokens.append(f"token-{len(self.tokens)}")
        return reply({"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": 86399})

    def _page(self, name: str, path: str, wanted: dict[str, str]) -> Reply:
        assert wanted["paging"] == "snapshot"
        assert wanted["$format"] == "json"
        found = self._filtered(name, self.sets[name], wanted)
        start = 0
        if "$skiptoken" in wanted:
            start = json.loads(base64.b64decode(wanted["$skiptoken"]))["startRow"]
        chosen = [_chosen(one, wanted) for one in found]
        rows = [{"__metadata": {"uri": f"{self.url}{path}(x)", "type": f"SFOData.{name}"}} | one for one in chosen]
        body: dict[str, Any] = {"results": written(paged(rows, start, 2)), "__count": str(len(rows))}
        if start + 2 < len(rows):
            token = base64.b64encode(json.dumps({"startRow": start + 2}).encode()).decode()
            body["__next"] = f"{self.url}{path}?{urlencode(wanted | {'$skiptoken': token})}"
        return reply({"d": body})

    def _filtered(self, name: str, records: list[dict[str, Any]], wanted: dict[str, str]) -> list[dict[str, Any]]:
        bound = wanted.get("$filter", "")
        if name == "User":
            shown = re.search(r"status in ([^)]*)", bound)
            statuses = ["t", "T"] if shown is None else re.findall(r"'(\w)'", shown[1])
            records = [one for one in records if one["status"] in statuses]
        if name == "EmpJob" and "fromDate" not in wanted:
            records = [one for one in records if one["endDate"] == OPEN]
        since = [dt.datetime.fromisoformat(text) for text in re.findall(r"ge datetimeoffset'([^']*)'", bound)]
        until = [dt.datetime.fromisoformat(text) for text in re.findall(r"lt datetimeoffset'([^']*)'", bound)]
        assert len(since) == ((3 if name == "PerPerson" else 1) if "lastModifiedDateTime" in bound else 0)

        def within(one: dict[str, Any]) -> bool:
            together = [one] if name != "EmpJob" else [each for each in records if each["userId"] == one["userId"]]
            times = [at for each in together for at in changed(each, bound)]
            return all(any(at >= first for at in times) for first in since[:1]) and all(
                any(at < end for at in times) for end in until
            )

        return [one for one in records if within(one)]


def _chosen(record: dict[str, Any], wanted: dict[str, str]) -> dict[str, Any]:
    """What $select and $expand name. What is not expanded is a link."""
    fields, expanded = wanted["$select"].split(","), wanted.get("$expand", "").split(",")
    made: dict[str, Any] = {}
    for name, value in record.items():
        if name in fields:
            made[name] = value
        elif name in expanded:
            below = {"$select": ",".join(field.partition("/")[2] for field in fields if field.startswith(f"{name}/"))}
            if isinstance(value, dict) and "results" in value:
                made[name] = {"results": [_chosen(one, below) for one in value["results"]]}
            else:
                made[name] = value
        elif isinstance(value, dict):
            made[name] = {"__deferred": {"uri": name}}
    return made


def test_users_persons_employments_and_jobs(shipped: Shipped) -> None:
    sf = SuccessFactors()
    with FaultServer(sf) as server:
        sf.url = server.url
        (shipped.folder / "assertion").write_text(ASSERTION + "\n")
        shipped.take(
            *FILES, SF_URL=server.url, SF_COMPANY="ACME", SF_CLIENT="api-key", SF_ASSERTION_FILE=str(shipped.folder / "assertion")
        )  # fmt: skip
        (shipped.folder / "merge.map").write_text(
            'use "successfactors.map"\nmerge Worker {\n  same worker_id of sf\n}\n'
        )
        shipped.run("sync")
        _all_is_there(shipped)
        # No window yet; two pages of users, three of jobs, of which one was asked for again with another token.
        assert [query.get("$filter") for query in sf.of("User")] == ["(status in 't','f')"] * 2
        assert all("$filter" not in query for name in ("PerPerson", "EmpEmployment", "EmpJob") for query in sf.of(name))
        assert [query["fromDate"] for query in sf.of("EmpJob")] == ["1900-01-01"] * 3
        assert sf.of("PerPerson")[0]["$expand"] == "personalInfoNav,emailNav"
        assert sf.revoked
        told = shipped.run("explain", "JobPeriod", "2102,2025-07-01,2", "job_title", "--json")
        assert "$.d.results[1]" in told
        assert "Head of IT" in shipped.run("explain", "JobPeriod", "2102,2025-07-01,2", "job_title")

        _what_changed(shipped, sf)
        _nothing_changed(shipped, sf)
        _what_is_gone(shipped, sf)
    # What is read again from the archive is the same.
    before = shipped.rows("SELECT * FROM canonical.worker ORDER BY worker_id")
    shipped.run("replay")
    assert shipped.rows("SELECT * FROM canonical.worker ORDER BY worker_id") == before
    for path in shipped.folder.rglob("*"):
        if path.is_file() and path.name != "assertion":
            content = path.read_bytes()
            assert ASSERTION.encode() not in content
            assert b"token-" not in content


def _all_is_there(shipped: Shipped) -> None:
    columns = "legal_name, email, job_title, hired_on::text, left_on, manager, department, location, is_active"
    assert shipped.rows(f"SELECT {columns} FROM canonical.worker WHERE worker_id = '2102'") == [
        ("Ada B2", "ada2@example.com", "Engineer", "2021-03-01", None, "2101", "IT (50150001)", None, True)
    ]
    # Inactive ones too, and no external ones.
    assert shipped.rows("SELECT worker_id, is_active FROM canonical.worker ORDER BY 1") == [
        ("2101", True), ("2102", True), ("2103", False), ("2104", True)
    ]  # fmt: skip
    assert shipped.rows(
        "SELECT first_name, last_name, preferred_name, email, born_on::text FROM canonical.person WHERE person_id = '2102'"
    ) == [("Ada", "B2", None, "business2@example.com", "1965-02-01")]
    assert shipped.rows("SELECT worker FROM canonical.employment WHERE is_contingent") == [("2104",)]
    assert shipped.rows(
        "SELECT starts_on::text, sequence, ends_on::text, job_title, manager, fte::text FROM canonical.job_period"
        " WHERE worker IN ('2101', '2102') ORDER BY worker, 1, 2"
    ) == [
        ("2021-03-01", 1, None, "Engineer", None, "0.8000"),
        ("2021-03-01", 1, "2025-06-30", "Engineer", "2101", "0.8000"),
        ("2025-07-01", 1, None, "Architect", "2101", "0.8000"),
        ("2025-07-01", 2, None, "Head of IT", "2101", "0.8000"),
    ]


def _what_changed(shipped: Shipped, sf: SuccessFactors) -> None:
    """A title, an address of a person who is as before, an end, and a period for one of another."""
    at = just_now()
    sf.sets["User"][1] |= {"title": "Head of IT", "lastModifiedDateTime": at}
    sf.sets["PerPerson"][2]["emailNav"]["results"][1] |= {"emailAddress": "new@example.com", "lastModifiedDateTime": at}
    sf.sets["EmpEmployment"][3] |= {"endDate": day("2026-06-30"), "lastModifiedDateTime": at}
    sf.sets["EmpJob"][0] |= {"endDate": day("2026-03-31"), "lastModifiedDateTime": at}
    sf.sets["EmpJob"].append(job(1, "2026-04-01", jobTitle="Director", lastModifiedDateTime=at))
    sf.queries.clear()
    shipped.run("sync")
    [users] = sf.of("User")
    assert re.fullmatch(
        r"\(status in 't','f'\) and lastModifiedDateTime ge datetimeoffset'[^']*' and lastModifiedDateTime lt datetimeoffset'[^']*'",
        users["$filter"],
    )
    [persons] = sf.of("PerPerson")
    assert persons["$filter"].count(" or ") == 2
    assert len(sf.of("EmpJob")) == 1
    assert shipped.rows("SELECT job_title, left_on FROM canonical.worker WHERE worker_id = '2102'") == [
        ("Head of IT", None)
    ]
    assert shipped.rows("SELECT left_on::text FROM canonical.worker WHERE worker_id = '2104'") == [("2026-06-30",)]
    assert shipped.rows("SELECT email FROM canonical.person WHERE person_id = '2103'") == [("new@example.com",)]
    assert shipped.rows("SELECT ends_on::text, job_title FROM canonical.job_period WHERE worker = '2101' ORDER BY starts_on") == [
        ("2026-03-31", "Engineer"), (None, "Director")
    ]  # fmt: skip


def _nothing_changed(shipped: Shipped, sf: SuccessFactors) -> None:
    """Pages without a record end a delta, and take nothing away."""
    for records in sf.sets.values():
        for one in records:
            one["lastModifiedDateTime"] = OLD
    sf.sets["PerPerson"][2]["emailNav"]["results"][1]["lastModifiedDateTime"] = OLD
    sf.queries.clear()
    shipped.run("sync")
    assert [name for name, _ in sf.queries].count("EmpJob") == 1
    assert shipped.rows("SELECT count(*) FROM canonical.worker") == [(4,)]
    assert shipped.rows("SELECT count(*) FROM canonical.job_period") == [(6,)]


def _what_is_gone(shipped: Shipped, sf: SuccessFactors) -> None:
    """A period is deleted without a word: a whole sweep misses it, and asks first where it misses many."""
    sf.sets["EmpJob"] = [one for one in sf.sets["EmpJob"] if one["seqNumber"] != "2"]
    shipped.run("sync", "sf.jobs", "--full")
    assert shipped.rows("SELECT job_title FROM canonical.job_period WHERE worker = '2102' ORDER BY starts_on") == [
        ("Engineer",), ("Architect",)
    ]  # fmt: skip
    sf.sets["User"] = sf.sets["User"][:2]
    assert "--confirm-deletes" in shipped.run("sync", "sf.users", "--full", code=1)
    assert shipped.rows("SELECT count(*) FROM canonical.worker") == [(4,)]
