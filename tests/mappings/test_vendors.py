"""The shipped connectors of BambooHR, Workday, ServiceNow and S/4HANA against servers with the quirks of their makers, from sync to rows and explain.

The answers are of our own making, in the shapes that the makers document."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.mappings.shipped import Shipped, paged
from tests.runtime.acquire.faultserver import Asked, FaultServer, Reply, reply


def query(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.target).query, keep_blank_values=True).items()}


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def busy(status: int) -> Reply:
    return reply({"error": "slow down"}, status, {"Retry-After": "0"})


# ----------------------------------------------------------------------------------------------------------- BambooHR


def employee(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": str(100 + number),
        "employeeNumber": str(number),
        "firstName": "Ada",
        "middleName": None,
        "lastName": f"B{number}",
        "workEmail": f"Ada{number}@Example.com",
        "homeEmail": None,
        "jobTitle": "",
        "hireDate": "2021-03-01",
        "terminationDate": "0000-00-00",
        "employmentHistoryStatus": "Full-Time",
        "supervisorEId": "101",
        "department": "IT",
        "location": None,
        "status": "Active",
        **more,
    }


class Bamboo:
    """Answers 503 to the first request; a report whole; changes as an object by id, and an empty list where there are none."""

    def __init__(self, employees: list[dict[str, Any]]) -> None:
        self.employees = employees
        self.changes: Any = {
            "101": {"id": "101", "action": "Updated", "lastChanged": "2026-01-05T10:00:00+00:00"},
            "999": {"id": "999", "action": "Deleted", "lastChanged": "2026-01-06T10:00:00+00:00"},
        }
        self.asked = 0

    def __call__(self, asked: Asked) -> Reply:
        self.asked += 1
        assert asked.headers["authorization"] == basic("k3y", "x")
        assert asked.headers["accept"] == "application/json"
        if self.asked == 1:
            return busy(503)
        path = urlsplit(asked.target).path
        if path == "/api/v1/reports/7":
            assert query(asked) == {"format": "JSON", "fd": "yes"}
            return reply(
                {
                    "title": "Fieldmap",
                    "fields": [{"id": "id", "type": "int", "name": "EEID"}],
                    "employees": self.employees,
                }
            )
        if path == "/api/v1/employees/changed":
            assert "since" in query(asked), "400: since is required"
            return reply({"latest": "2026-01-06T10:00:00+00:00", "employees": self.changes})
        assert path == "/api/v1/employees/directory"
        return reply(
            {"fields": [], "employees": [{"id": one["id"], "displayName": "x"} for one in self.employees[:19]]}
        )


def test_bamboohr(shipped: Shipped) -> None:
    bamboo = Bamboo([employee(number) for number in range(1, 21)])
    bamboo.employees[4] = employee(5, hireDate="Bad Date", terminationDate="2025-12-31", status="Inactive")
    with FaultServer(bamboo) as server:
        shipped.take(
            "api/people.map", "api/bamboohr.map",
            BAMBOOHR_URL=server.url, BAMBOOHR_KEY="k3y", BAMBOOHR_PASSWORD="x", BAMBOOHR_REPORT="7",
        )  # fmt: skip
        shipped.run("sync")
        assert shipped.rows(
            "SELECT legal_name, email, job_title, hired_on::text, left_on, employment, manager, department, location, is_active"
            " FROM canonical.worker WHERE worker_id = '7'"
        ) == [("Ada B7", "ada7@example.com", None, "2021-03-01", None, "full_time", "101", "IT", None, True)]
        assert shipped.rows(
            "SELECT hired_on, left_on::text, is_active FROM canonical.worker WHERE worker_id = '5'"
        ) == [(None, "2025-12-31", False)]
        assert shipped.rows("SELECT employee_id, action FROM canonical.employee_change ORDER BY 1") == [
            ("101", "updated"),
            ("999", "deleted"),
        ]
        assert shipped.rows("SELECT count(*), min(display_name) FROM canonical.directory_entry") == [(19, "x")]
        assert "Bad Date" in shipped.run("dlq", "held", "--reveal")
        told = json.loads(shipped.run("explain", "Worker", "7", "department", "--json"))
        assert "$.employees[6]" in json.dumps(told)
        # One is gone from the report: withdrawn. The changes are an empty list now, as PHP writes an empty object.
        del bamboo.employees[6]
        bamboo.changes = []
        shipped.run("sync")
        assert shipped.rows("SELECT count(*), count(*) FILTER (WHERE worker_id = '7') FROM canonical.worker") == [
            (19, 0)
        ]
        assert shipped.rows("SELECT count(*) FROM canonical.employee_change") == [(2,)]
    assert all(b"k3y" not in path.read_bytes() for path in shipped.folder.rglob("*") if path.is_file())


# ------------------------------------------------------------------------------------------------------------ Workday


def entry(number: int) -> dict[str, Any]:
    """What is empty is left out by Workday."""
    made: dict[str, Any] = {
        "Employee_ID": str(21_000 + number),
        "Legal_Name": f"Ada B{number}",
        "Email": f"Ada{number}@Example.com",
        "Hire_Date": "2021-03-01",
        "Worker_Type": "Full Time",
        "Active_Status": "1",
        "Last_Functionally_Updated": "2026-01-05T02:00:00.000-08:00",
    }
    return made | ({"Manager_group": [{"Manager_ID": "21001"}]} if number > 1 else {})


def workday(asked: Asked, tried: list[str]) -> Reply:
    place = urlsplit(asked.target)
    tried.append(place.path)
    if place.path == "/ccx/oauth2/acme/token":
        fields = parse_qs(asked.body.decode())
        assert fields["grant_type"] == ["refresh_token"]
        assert fields["refresh_token"] == ["r3fresh"]
        return reply({"access_token": "acc3ss", "token_type": "Bearer", "expires_in": 3600})
    if place.path == "/ccx/api/v1/acme/workers":
        assert asked.headers["authorization"] == "Bearer acc3ss"
        if tried.count(place.path) == 2:
            return busy(429)
        wanted = query(asked)
        assert int(wanted["limit"]) <= 100, "Workday answers 400 to more"
        found = [
            {
                "id": f"{number:032x}", "descriptor": f"Ada B{number}", "workerId": str(21_000 + number) if number != 3 else "",
                "businessTitle": "Engineer", "primarySupervisoryOrganization": {"id": "a", "descriptor": "IT"},
            }
            for number in range(1, 231)
        ]  # fmt: skip
        return reply({"total": len(found), "data": paged(found, int(wanted["offset"]), int(wanted["limit"]))})
    assert place.path == "/ccx/service/customreport2/acme/owner/Workers"
    assert asked.headers["authorization"] == basic("ISU@acme", "p4ss")
    if query(asked)["format"] == "json":
        return reply({"Report_Entry": [entry(number) for number in range(1, 6)]})
    entries = "".join(
        f"<wd:Report_Entry><wd:Employee_ID>{21_000 + number}</wd:Employee_ID><wd:Legal_Name>Ada B{number}</wd:Legal_Name><wd:Email/>"
        f"<wd:Business_Title>Engineer &amp; more</wd:Business_Title>"
        f"{'<wd:Manager_group><wd:Manager_ID>21001</wd:Manager_ID></wd:Manager_group>' * (number > 1)}</wd:Report_Entry>"
        for number in range(1, 7)
    )
    body = f'<?xml version="1.0" encoding="UTF-8"?><wd:Report_Data xmlns:wd="urn:com.workday.report/Workers">{entries}</wd:Report_Data>'
    return reply(body.encode(), content_type="text/xml")


def test_workday_reports_and_rest(shipped: Shipped) -> None:
    tried: list[str] = []
    with FaultServer(lambda asked: workday(asked, tried)) as server:
        shipped.take(
            "api/people.map", "api/workday.map",
            WORKDAY_URL=server.url, WORKDAY_TENANT="acme", WORKDAY_OWNER="owner", WORKDAY_USER="ISU@acme", WORKDAY_PASSWORD="p4ss",
            WORKDAY_CLIENT="c", WORKDAY_SECRET="s3cret", WORKDAY_REFRESH="r3fresh",
        )  # fmt: skip
        (shipped.folder / "merge.map").write_text(
            'use "workday.map"\nmerge Worker {\n  same worker_id of workday_report, workday\n'
            "  default prefer workday_report.workers, workday_report.workers_xml, workday\n}\n"
        )
        shipped.run("sync")
    # Three pages and one that was answered 429, all with one token.
    assert tried.count("/ccx/api/v1/acme/workers") == 4
    assert tried.count("/ccx/oauth2/acme/token") == 1
    columns = "legal_name, email, job_title, hired_on::text, employment, manager, department, is_active"
    assert shipped.rows(f"SELECT {columns} FROM canonical.worker WHERE worker_id = '21002'") == [
        ("Ada B2", "ada2@example.com", "Engineer & more", "2021-03-01", "full_time", "21001", "IT", True)
    ]
    assert shipped.rows("SELECT manager FROM canonical.worker WHERE worker_id = '21001'") == [(None,)]
    # Of the report and the REST API; those that only enrich make no row alone.
    assert shipped.rows("SELECT count(*) FROM canonical.worker") == [(5,)]
    told = shipped.run("explain", "Worker", "21002", "job_title")
    assert "workers_xml" in told
    assert "Report_Entry" in told
    for secret in (b"p4ss", b"s3cret"):
        assert all(secret not in path.read_bytes() for path in shipped.folder.rglob("*") if path.is_file())


# --------------------------------------------------------------------------------------------------------- ServiceNow


def pair(value: str, shown: str | None = None) -> dict[str, str]:
    return {"value": value, "display_value": value if shown is None else shown}


def user(number: int, updated: str = "2026-01-05 10:00:00") -> dict[str, Any]:
    return {
        "sys_id": pair(f"{number:032x}"),
        "user_name": pair(f"user{number}"),
        "employee_number": pair("" if number % 10 == 0 else str(21_000 + number)),
        "name": pair(f"Ada B{number}"),
        "email": pair(f"Ada{number}@Example.com"),
        "title": pair(""),
        "department": pair("221f", "IT"),
        "location": pair(""),
        "manager": pair(f"{1:032x}", "Ada B1"),
        "active": pair("true" if number % 2 else "false"),
        # As stored, in UTC; shown in the zone of the user who asks.
        "sys_updated_on": pair(updated, updated.replace("10:00", "02:00")),
    }


class ServiceNow:
    """Pages of 10 whatever is asked for; rows that a rule hides are taken out behind the paging, so one page has none; 429 once."""

    def __init__(self) -> None:
        self.users = [user(number) for number in range(1, 41)]
        self.hidden = set(range(11, 21))
        self.url = ""
        self.requests: list[dict[str, str]] = []

    def __call__(self, asked: Asked) -> Reply:
        assert asked.headers["authorization"] == basic("fieldmap", "p4ss")
        wanted = query(asked)
        self.requests.append(wanted)
        if len(self.requests) == 2:
            return busy(429)
        since = wanted.get("sysparm_query", "").removeprefix("sys_updated_on>=")
        found = [one for one in self.users if one["sys_updated_on"]["value"] >= since]
        first = int(wanted.get("sysparm_offset", "0"))
        page = [one for one in paged(found, first, 10) if int(one["sys_id"]["value"], 16) not in self.hidden]
        headers = {"X-Total-Count": str(len(found))}
        if first + 10 < len(found):
            address = f"{self.url}/api/now/table/sys_user?{urlencode(wanted | {'sysparm_offset': str(first + 10)})}"
            headers["Link"] = f'<{self.url}/api/now/table/sys_user?sysparm_offset=0>;rel="first",<{address}>;rel="next"'
        return reply({"result": page}, headers=headers)


def test_servicenow(shipped: Shipped) -> None:
    now = ServiceNow()
    with FaultServer(now) as server:
        now.url = server.url
        shipped.take(
            "api/people.map", "api/servicenow.map",
            SERVICENOW_URL=server.url, SERVICENOW_USER="fieldmap", SERVICENOW_PASSWORD="p4ss",
        )  # fmt: skip
        text = (shipped.folder / "servicenow.map").read_text().replace("to Worker partial", "to Worker")
        (shipped.folder / "servicenow.map").write_text(text)
        shipped.run("sync")
        # Four pages, the second asked for twice, the empty one no end.
        assert [one.get("sysparm_offset", "0") for one in now.requests] == ["0", "10", "10", "20", "30"]
        assert "sysparm_query" not in now.requests[0]
        # 40, less 10 that are hidden, less those without a number.
        assert shipped.rows("SELECT count(*) FROM canonical.worker") == [(27,)]
        assert shipped.rows(
            "SELECT legal_name, email, job_title, department, location, manager, is_active FROM canonical.worker WHERE worker_id = '21007'"
        ) == [("Ada B7", "ada7@example.com", None, "IT", None, f"{1:032x}", True)]
        assert "display_value" in shipped.run("explain", "Worker", "21007", "department")
        # What changed since: asked for in UTC, as ServiceNow stores it.
        now.requests.clear()
        now.requests.append({})
        now.requests.append({})
        now.users[6] = user(7, "2999-01-01 10:00:00") | {"title": pair("Head of IT")}
        shipped.run("sync")
        [asked] = now.requests[2:]
        assert asked["sysparm_query"].startswith("sys_updated_on>=20")
        assert shipped.rows("SELECT job_title FROM canonical.worker WHERE worker_id = '21007'") == [("Head of IT",)]
        # A full sweep finds who is gone, and is refused where half of them are.
        now.users = [one for one in now.users if one["sys_id"]["value"] != f"{9:032x}"]
        shipped.run("sync", "--full")
        assert shipped.rows("SELECT count(*) FROM canonical.worker WHERE worker_id = '21009'") == [(0,)]
        now.users = now.users[:5]
        assert "--confirm-deletes" in shipped.run("sync", "--full", code=1)
        assert shipped.rows("SELECT count(*) FROM canonical.worker") == [(26,)]


# ------------------------------------------------------------------------------------------------------------- S/4HANA

S4_METADATA = ("api/s4_partners_metadata.xml", "api/s4_products_metadata.xml")
S4_DAYS = {"2026-01-05": "/Date(1767571200000)/", "2030-01-01": "/Date(1893456000000)/"}


def s4_partner(number: int, **more: Any) -> dict[str, Any]:
    address = {"BusinessPartner": f"10{number}", "AddressID": "1", "StreetName": "", "PostalCode": "50667", "CityName": "Köln", "Country": "DE"}  # fmt: skip
    return {
        "BusinessPartner": f"10{number}", "BusinessPartnerCategory": "2", "BusinessPartnerFullName": f"Brandt {number}", "Supplier": "",
        "CreationDate": S4_DAYS["2026-01-05"], "LastChangeDate": None, "IsMarkedForArchiving": False,
        "to_BusinessPartnerAddress": {"results": [address]}, **more,
    }  # fmt: skip


def s4_supplier(number: int, **more: Any) -> dict[str, Any]:
    return {
        "Supplier": f"10{number}", "SupplierName": f"Brandt {number}", "SupplierAccountGroup": "", "CreationDate": S4_DAYS["2026-01-05"],
        "DeletionIndicator": False, "PostingIsBlocked": None, "PurchasingIsBlocked": number == 2, **more,
    }  # fmt: skip


def s4_product(name: str, weight: str, unit: str) -> dict[str, Any]:
    return {
        "Product": name, "ProductType": "FERT", "BaseUnit": "PC", "GrossWeight": weight, "NetWeight": weight, "WeightUnit": unit,
        "CreationDate": S4_DAYS["2026-01-05"], "LastChangeDate": None, "IsMarkedForDeletion": False,
    }  # fmt: skip


class S4:
    """Pages of two; the first request is answered 429 and the second 503. Of the filter it takes what either day allows; an empty one never."""

    def __init__(self) -> None:
        self.sets = {
            "API_BUSINESS_PARTNER/A_BusinessPartner": [s4_partner(number) for number in range(1, 6)],
            "API_BUSINESS_PARTNER/A_Supplier": [s4_supplier(number) for number in range(1, 8)],
            "API_PRODUCT_SRV/A_Product": [s4_product("P1", "1.500", "KG"), s4_product("P2", "250.000", "G")],
        }
        self.url = ""
        self.asked = 0
        self.queries: list[tuple[str, dict[str, str]]] = []

    def __call__(self, asked: Asked) -> Reply:
        self.asked += 1
        assert asked.headers["authorization"] == basic("COMM", "p4ss")
        if self.asked <= 2:
            return busy(429 if self.asked == 1 else 503)
        path, wanted = urlsplit(asked.target).path, query(asked)
        name = path.removeprefix("/sap/opu/odata/sap/")
        self.queries.append((name.rpartition("/")[2], wanted))
        bound = wanted.get("$filter", "")
        found = self.sets[name]
        if bound:
            first = bound.split("'")[1].removesuffix("T00:00:00")
            assert (
                bound == f"CreationDate ge datetime'{first}T00:00:00' or LastChangeDate ge datetime'{first}T00:00:00'"
            )
            days = [day for shown, day in S4_DAYS.items() if shown >= first]
            found = [one for one in found if one["CreationDate"] in days or one["LastChangeDate"] in days]
        start = int(wanted.get("$skiptoken", "0"))
        fields = wanted["$select"].split(",")
        rows = [{k: v for k, v in one.items() if k in fields or k in wanted.get("$expand", "")} for one in found]
        deferred = {"to_Customer": {"__deferred": {"uri": f"{self.url}{path}('1')/to_Customer"}}}
        body: dict[str, Any] = {"results": [one | deferred for one in paged(rows, start, 2)], "__count": str(len(rows))}
        if start + 2 < len(rows):
            body["__next"] = f"{self.url}{path}?{urlencode(wanted | {'$skiptoken': str(start + 2)})}"
        return reply({"d": body})


def test_s4(shipped: Shipped) -> None:
    s4 = S4()
    partners, suppliers = (s4.sets[f"API_BUSINESS_PARTNER/{name}"] for name in ("A_BusinessPartner", "A_Supplier"))
    with FaultServer(s4) as server:
        s4.url = server.url
        shipped.take(
            "api/suppliers.map", "api/s4.map", *S4_METADATA, S4_URL=server.url, S4_USER="COMM", S4_PASSWORD="p4ss"
        )
        shipped.run("sync")
        assert all("$filter" not in wanted for _, wanted in s4.queries)
        tokens = [wanted.get("$skiptoken") for name, wanted in s4.queries if name == "A_BusinessPartner"]
        assert tokens == [None, "2", "4"]
        assert shipped.rows(
            "SELECT category, name, supplier, created_on::text, changed_on FROM canonical.partner WHERE partner_id = '103'"
        ) == [("organization", "Brandt 3", None, "2026-01-05", None)]
        assert shipped.rows("SELECT count(*), min(street), min(city) FROM canonical.partner_address") == [
            (5, None, "Köln")
        ]
        assert shipped.rows("SELECT supplier_id FROM canonical.supplier WHERE is_blocked") == [("102",)]
        assert shipped.rows("SELECT product_id, net_weight::text FROM canonical.product ORDER BY 1") == [
            ("P1", "1.500"),
            ("P2", "0.250"),
        ]
        told = shipped.run("explain", "Product", "P2", "net_weight")
        assert "$.NetWeight" in told
        # New, changed, changed again on the same day, marked, gone: the new one has no day of a change.
        partners.append(s4_partner(9, CreationDate=S4_DAYS["2030-01-01"]))
        partners[0] |= {"LastChangeDate": S4_DAYS["2030-01-01"], "BusinessPartnerFullName": "Brandt & Co"}
        partners[1] |= {"LastChangeDate": S4_DAYS["2030-01-01"], "IsMarkedForArchiving": True}
        suppliers[2] |= {"DeletionIndicator": True}
        del suppliers[6]
        s4.queries.clear()
        shipped.run("sync")
        assert [wanted.get("$filter", "")[:12] for name, wanted in s4.queries if name == "A_BusinessPartner"] == [
            "CreationDate"
        ] * 2
        held = "SELECT partner_id, name FROM canonical.partner WHERE partner_id IN ('101', '102', '109') ORDER BY 1"
        assert shipped.rows(held) == [("101", "Brandt & Co"), ("109", "Brandt 9")]
        assert shipped.rows("SELECT count(*) FROM canonical.partner_address") == [(5,)]
        assert shipped.rows("SELECT supplier_id FROM canonical.supplier ORDER BY 1") == [
            (f"10{number}",) for number in (1, 2, 4, 5, 6)
        ]
        partners[0] |= {"BusinessPartnerFullName": "Brandt SE"}
        shipped.run("sync")
        assert shipped.rows(held) == [("101", "Brandt SE"), ("109", "Brandt 9")]
    assert all(b"p4ss" not in path.read_bytes() for path in shipped.folder.rglob("*") if path.is_file())


# ------------------------------------------------------------------------------------------------------------ together


def test_the_project_of_all_compiles(shipped: Shipped) -> None:
    names = ("people", "bamboohr", "workday", "servicenow", "successfactors", "merge", "suppliers", "s4")
    shipped.take(
        *(f"api/{name}.map" for name in names), "api/fieldmap.toml", "api/successfactors_metadata.xml", *S4_METADATA
    )
    told = shipped.run("check")
    assert "no mistakes in 11 files" in told
    shipped.run("fmt", "--check")
