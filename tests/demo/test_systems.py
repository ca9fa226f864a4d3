"""The demo's three systems answer as their maps expect, say the same every time, and leave nothing behind."""

from __future__ import annotations

import csv
import io
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from fieldmap.demo import payroll, suppliers, workers
from fieldmap.demo.systems import BUSY_AT, DOWN_AT, TOKEN_SECONDS, Systems

PARTNERS = f"{suppliers.SERVICE}/{suppliers.ENTITY_SET}"


@pytest.fixture
def systems(tmp_path: Path) -> Iterator[Systems]:
    with Systems(tmp_path) as running:
        yield running


@pytest.fixture
def hr(systems: Systems) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=systems.environ["WORKDAY_URL"], trust_env=False) as client:
        yield client


@pytest.fixture
def erp(systems: Systems) -> Iterator[httpx.Client]:
    login = (systems.environ["S4_USER"], systems.environ["S4_PASSWORD"])
    with httpx.Client(base_url=systems.environ["S4_URL"], auth=login, trust_env=False) as client:
        yield client


def client_form(systems: Systems) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": systems.environ["WORKDAY_CLIENT_ID"],
        "client_secret": systems.environ["WORKDAY_CLIENT_SECRET"],
    }


def log_in(hr: httpx.Client, systems: Systems) -> None:
    answer = hr.post("/oauth2/token", data=client_form(systems))
    hr.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def page_through(hr: httpx.Client, limit: int) -> tuple[list[Any], list[int]]:
    """All workers, and the status of every request that it took."""
    records: list[Any] = []
    statuses: list[int] = []
    query = {"limit": str(limit)}
    while True:
        answer = hr.get("/v1/workers", params=query)
        statuses.append(answer.status_code)
        if answer.status_code != 200:
            continue
        records.extend(answer.json()["data"])
        if answer.json()["next"] is None:
            return records, statuses
        query["cursor"] = answer.json()["next"]


# ---------------------------------------------------------------------------------------------------------- HR


def test_a_token_is_given_for_a_form_and_for_basic_credentials(hr: httpx.Client, systems: Systems) -> None:
    form = client_form(systems)
    by_form = hr.post("/oauth2/token", data=form)
    by_login = hr.post(
        "/oauth2/token", data={"grant_type": form["grant_type"]}, auth=(form["client_id"], form["client_secret"])
    )
    for answer in (by_form, by_login):
        assert answer.status_code == 200
        assert answer.json()["token_type"] == "Bearer"
        assert answer.json()["expires_in"] == TOKEN_SECONDS


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_no_token_is_given_for_anything_else(
    hr: httpx.Client, systems: Systems, change: dict[str, str], status: int, error: str
) -> None:
    answer = hr.post("/oauth2/token", data=client_form(systems) | change)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize("authorization", [None, "Bearer invented", "Basic eDp5"])
def test_workers_are_shown_only_to_bearers_of_a_token(hr: httpx.Client, authorization: str | None) -> None:
    answer = hr.get("/v1/workers", headers={"Authorization": authorization} if authorization else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_workers_come_in_pages_with_two_failures_on_the_way(hr: httpx.Client, systems: Systems) -> None:
    log_in(hr, systems)
    records, statuses = page_through(hr, 40)
    assert records == workers.workers()
    assert statuses == [200, 200, 429, 200, 503, 200, 200, 200]
    assert (statuses[BUSY_AT - 1], statuses[DOWN_AT - 1]) == (429, 503)
    again, statuses = page_through(hr, 100)
    assert again == records
    assert statuses == [200, 200, 200]


def test_too_many_requests_says_when_to_come_again(hr: httpx.Client, systems: Systems) -> None:
    log_in(hr, systems)
    answers = [hr.get("/v1/workers", params={"limit": "1"}) for _ in range(BUSY_AT)]
    assert answers[-1].headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "query", [{"limit": "101"}, {"limit": "0"}, {"limit": "x"}, {"cursor": "x"}, {"cursor": "d29y"}]
)
def test_a_query_that_makes_no_sense_is_refused(hr: httpx.Client, systems: Systems, query: dict[str, str]) -> None:
    log_in(hr, systems)
    assert hr.get("/v1/workers", params=query).status_code == 400


def test_workers_have_the_quirks_that_the_story_tells_of() -> None:
    records = {int(record["employeeID"]): record for record in workers.workers()}
    assert len(records) == 240
    ada = records[21001]
    assert (ada["name"]["first"], ada["name"]["last"], ada["commuteMiles"]) == ("Ada", "Byron", 12)
    assert (ada["status"], ada["hireDate"]) == ("Sabbatical", "03/01/2021")
    by_status = {status: [n for n in records if records[n]["status"] == status] for status in ("Dormant", "Deleted")}
    assert by_status == {"Dormant": list(workers.DORMANT), "Deleted": list(workers.DELETED)}
    assert [n for n in records if "last" not in records[n]["name"]] == [workers.NO_LAST_NAME]
    assert records[21123]["hireDate"] == "Bad Date"
    assert {n for n in records if records[n]["hireDate"] == "00/00/0000"} == {
        *workers.APPLICANTS,
        *workers.NO_HIRE_DATE,
    }
    assert any(record.get("commuteMiles") == -1 for record in records.values())
    assert any(record["name"]["middle"] in ("", "N/A") for record in records.values())
    assert all(not records[n]["email"]["work"] or records[n]["email"]["work"] == "N/A" for n in workers.HOME_MAIL_ONLY)


def test_no_two_workers_have_the_same_name_or_mail() -> None:
    assert len({workers.name_of(number) for number in workers.NUMBERS}) == len(workers.NUMBERS)
    assert len({workers.work_mail(number) for number in workers.NUMBERS}) == len(workers.NUMBERS)


# --------------------------------------------------------------------------------------------------------- ERP


def test_partners_come_in_pages_that_name_the_next(erp: httpx.Client) -> None:
    answer = erp.get(PARTNERS, params={"$expand": "to_BusinessPartnerAddress", "$format": "json"})
    pages = [answer.json()["d"]]
    while "__next" in pages[-1]:
        following = pages[-1]["__next"]
        assert urlsplit(following)[:2] == urlsplit(str(erp.base_url))[:2]
        assert "$skiptoken=" in following
        pages.append(erp.get(following).json()["d"])
    assert [len(page["results"]) for page in pages] == [25, 25, 10]
    base = str(erp.base_url).rstrip("/")
    assert [record for page in pages for record in page["results"]] == suppliers.suppliers(base)


def test_addresses_are_deferred_unless_expanded(erp: httpx.Client) -> None:
    record = erp.get(PARTNERS).json()["d"]["results"][0]
    assert list(record["to_BusinessPartnerAddress"]) == ["__deferred"]


def test_the_erp_asks_who_is_there(systems: Systems, erp: httpx.Client) -> None:
    answer = erp.get(PARTNERS, auth=("FIELDMAP_DEMO", "wrong"))
    assert answer.status_code == 401
    assert "message" in answer.json()["error"]
    assert erp.get("/sap/opu/odata/sap/API_PRODUCT_SRV/A_Product").status_code == 404
    assert erp.get(PARTNERS, params={"$skiptoken": "x"}).status_code == 400


def test_partners_are_persons_organisations_and_groups() -> None:
    records = suppliers.suppliers("http://erp")
    assert len(records) == 60
    assert {record["BusinessPartnerCategory"] for record in records} == {"1", "2", "3"}
    for record in records:
        assert record["IsNaturalPerson"] == ("X" if record["BusinessPartnerCategory"] == "1" else "")
        assert record["CreationDate"].startswith("/Date(")
        for address in record["to_BusinessPartnerAddress"]["results"]:
            assert address["BusinessPartner"] == record["BusinessPartner"]
    counts = [len(record["to_BusinessPartnerAddress"]["results"]) for record in records]
    assert set(counts) == {0, 1, 2}


# ----------------------------------------------------------------------------------------------------- payroll


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(payroll.files()[name].decode("utf-8-sig")), strict=True))


def test_the_payroll_drops_two_files(systems: Systems) -> None:
    folder = Path(systems.environ["PAYROLL_FOLDER"])
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == payroll.files()


def test_the_payroll_knows_some_of_the_workers_and_contradicts_a_few() -> None:
    january = {int(row["Personalnummer"]): row for row in rows("payroll_2026-01.csv")}
    assert len(january) == payroll.SIZE
    assert set(january) <= set(workers.NUMBERS)
    assert january[21001] == {
        "Personalnummer": "00021001",
        "Name": "Byron, Ada",
        "Eintritt": "01.03.2021",
        "Weg_km": "18,5",
        "E-Mail": january[21001]["E-Mail"],
        "Kostenstelle": january[21001]["Kostenstelle"],
        "Stand": "2025-11-30T08:00:00+01:00",
    }
    assert {21145, 21097} <= set(january)
    assert not {21123, 21203} & set(january)
    assert any(row["Weg_km"] == payroll.UNKNOWN for row in january.values())
    other_mail = [n for n, row in january.items() if row["E-Mail"] not in ("", workers.work_mail(n))]
    assert len(other_mail) > 5


def test_february_changes_some_rows_of_january() -> None:
    january = {row["Personalnummer"]: row for row in rows("payroll_2026-01.csv")}
    february = rows("payroll_2026-02.csv")
    assert 5 < len(february) < len(january)
    for row in february:
        assert row["Stand"] > january[row["Personalnummer"]]["Stand"]
        assert row["Kostenstelle"] != january[row["Personalnummer"]]["Kostenstelle"]


# ------------------------------------------------------------------------------------------------------- running


def test_the_data_is_the_same_every_time() -> None:
    assert json.dumps(workers.workers()) == json.dumps(workers.workers())
    assert suppliers.suppliers("http://erp") == suppliers.suppliers("http://erp")
    assert payroll.files() == payroll.files()


def test_switched_off_means_gone(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with Systems(tmp_path) as systems:
        ports = [urlsplit(systems.environ[name]).port for name in ("WORKDAY_URL", "S4_URL")]
        with httpx.Client(trust_env=False) as client:
            client.get(f"{systems.environ['WORKDAY_URL']}/v1/workers")
    assert set(threading.enumerate()) == before
    assert not systems.drop.exists()
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port or 0), timeout=1)


def test_a_client_that_goes_away_disturbs_nobody(systems: Systems, capfd: pytest.CaptureFixture[str]) -> None:
    address = urlsplit(systems.environ["WORKDAY_URL"])
    with socket.create_connection((address.hostname or "", address.port or 0)) as client:
        client.sendall(b"GET /v1/workers HTTP/1.1\r\n")
    answer = httpx.get(f"{systems.environ['WORKDAY_URL']}/v1/workers", trust_env=False)
    assert answer.status_code == 401
    assert capfd.readouterr() == ("", "")
