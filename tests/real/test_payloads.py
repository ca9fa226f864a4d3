"""The shipped mappings over recorded payloads of real systems, outcome by field. The payloads are not part of this repository."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import empty_database
from tests.support import Quiet, rows

from fieldmap.compiler import ir
from fieldmap.compiler.explain import explain
from fieldmap.compiler.project import check, compile_project
from fieldmap.runtime.acquire.importer import import_file
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.reports import Report
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Server

FILES = (
    ("workday_raas.teams", "workday/raas_hierarchy_100_workers.jsonl", "ndjson"),
    ("workday_raas.teams", "workday/raas_v6.jsonl", "ndjson"),
    ("workday_raas.directory", "workday/people_cartography.json", "json"),
    ("bamboohr.users", "bamboohr/all_streams.jsonl", "ndjson"),
    ("bamboohr.user", "bamboohr/user_details.json", "json"),
    ("sf.special_assignments", "successfactors/successfactors-data.json", "json"),
    ("sf_extract.cost_distributions", "successfactors/EmpCostDistribution_expected.jsonl", "ndjson"),
    ("s4.business_partners", "sap_s4/A_BusinessPartner.json", "json"),
)


class Loaded:
    def __init__(self, bundle: Bundle, archive: Archive, database: Server, report: Report, source: Path) -> None:
        self.bundle, self.archive, self.database, self.report, self.source = bundle, archive, database, report, source

    def row(self, entity: str, **key: str) -> dict[str, Any]:
        where = " AND ".join(f"{name} = %s" for name in key)
        found = rows(
            self.database,
            f"SELECT to_jsonb(t) - ARRAY['_claims', '_made_by', '_changed_by'] FROM canonical.{entity} t WHERE {where}",
            *key.values(),
        )
        assert len(found) == 1, found
        return dict(found[0][0])


@pytest.fixture(scope="module")
def loaded(real_data: Path, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    folder = tmp_path_factory.mktemp("real")
    with empty_database(server) as database:
        files = [(resource, real_data / name, format_) for resource, name, format_ in FILES]
        (bundle, archive), report = _load(folder, database, files)
        yield Loaded(bundle, archive, database, report, folder)


def _load(folder: Path, database: Server, files: list[tuple[str, Path, str]]) -> tuple[tuple[Bundle, Archive], Report]:
    """The shipped mappings over files imported into an archive."""
    with resources.as_file(resources.files("fieldmap.mappings")) as shipped:
        for path in shipped.glob("*.map"):
            shutil.copy(path, folder)
    checked = check(folder, sorted(folder.glob("*.map")))
    assert checked.ok, checked.diagnostics
    archive = Archive(folder / "archive", Ports.real())
    for resource, path, format_ in files:
        with archive.writer(resource) as writer:
            import_file(path, resource, format=format_, writer=writer, ports=Ports.real())  # type: ignore[arg-type]
    bundle = compile_project(checked)
    return (bundle, archive), Run(bundle, archive, database, Ports.real(), {}, Quiet()).replay([])


def test_every_record_ended_in_one_place(loaded: Loaded, real_data: Path) -> None:
    read = {
        map_id: (found.counts.read, found.counts.claimed, found.counts.dead)
        for map_id, found in loaded.report.maps.items()
        if found.counts.read  # the folder has maps of protocols too, of which there is no payload
    }
    assert read == {
        "workday_raas_teams__worker": (104, 103, 1),
        "workday_raas_directory__worker": (4, 4, 0),
        "bamboohr_users__worker": (87, 87, 0),
        "bamboohr_user__worker": (1, 1, 0),
        "sf_special_assignments__special_assignment": (3, 3, 0),
        "sf_extract_cost_distributions__cost_distribution": (4, 4, 0),
        "s4_business_partners__party": (5, 5, 0),
    }
    assert all(found.counts.balanced for found in loaded.report.maps.values())
    # A row of the report without Employee_ID: a required member, so there is no telling whose row it is.
    assert rows(loaded.database, "SELECT code, path FROM fieldmap.dead_letters") == [("FM2124", "$.Employee_ID")]


def test_workday_worker(loaded: Loaded) -> None:
    found = loaded.row("worker", worker_id="101")
    assert found == {
        "worker_id": "101",
        "legal_name": "Charlotte Miller",
        "email": "charlottemiller@co.co",
        "job_title": None,
        "hired_on": "2018-08-07",
        "left_on": None,
        "employment": "full_time",
        "manager": "149",
        "department": None,
        "team": "Team B",
        "location": "New York",
        "country": None,
        "pay_rate": None,
        "pay_rate_currency": None,
        "pay_period": None,
        "born_on": None,
    }
    assert loaded.row("worker", worker_id="100")["job_title"] == "Crayon Supplier", "the newer report has the column"
    assert loaded.row("worker", worker_id="113")["legal_name"] == "Isabella Smith", (
        "startDate and FullName are read too"
    )


def test_bamboohr_worker(loaded: Loaded) -> None:
    assert loaded.row("worker", worker_id="bamboohr:73") == {
        "worker_id": "bamboohr:73",
        "legal_name": "Adam Holt",
        "email": "adamh@efficientoffice.com",
        "job_title": "Technical Recruiter",
        "hired_on": "2021-03-30",
        "left_on": None,
        "employment": "full_time",
        "manager": "bamboohr:3",
        "department": "Human Resources",
        "team": None,
        "location": "Sydney, Australia",
        "country": "Australia",
        "pay_rate": 24,
        "pay_rate_currency": "AUD",
        "pay_period": "hour",
        "born_on": "1989-01-13",
    }
    assert (
        str(rows(loaded.database, "SELECT pay_rate FROM canonical.worker WHERE worker_id = 'bamboohr:73'")[0][0])
        == "24.0000"
    )


def test_bad_dates_are_held_and_another_record_fills_in(loaded: Loaded) -> None:
    held = rows(loaded.database, "SELECT record, field, code, reason FROM fieldmap.held ORDER BY field")
    assert [(record, field, code) for record, field, code, _ in held] == [
        ("1", "hired_on", "FM2103"),
        ("1", "left_on", "FM2103"),
    ]
    assert '"Bad Date"' in held[0][3]
    # Records 1 and 61 are the same employee, number 59; 61 has a date.
    assert loaded.row("worker", worker_id="bamboohr:59")["hired_on"] == "2021-09-30"
    assert rows(loaded.database, "SELECT key, records FROM provenance.worker_duplicates WHERE key = 'bamboohr:59'") == [
        ("bamboohr:59", ["1", "61"])
    ]


def test_the_directory_enriches_and_makes_no_row(loaded: Loaded) -> None:
    assert rows(loaded.database, "SELECT count(*) FROM canonical.worker WHERE worker_id LIKE 'emp%%'") == [(0,)]
    assert rows(loaded.database, "SELECT count(*) FROM claims.workday_raas_directory__worker") == [(4,)]


def test_one_employee_document_enriches(loaded: Loaded) -> None:
    found = rows(loaded.database, "SELECT legal_name, hired_on::text, manager FROM claims.bamboohr_user__worker")
    assert found == [("yen hoang hai", "2020-11-11", "72")]


def test_special_assignments(loaded: Loaded) -> None:
    assert loaded.row("special_assignment", assignment_id="130169") == {
        "assignment_id": "130169",
        "user_id": "kblackburn",
        "project": "Cyber Security",
        "description": "Assisted with set up of security for ABC Corp",
        "starts_on": "2020-11-09",
        "ends_on": "2020-11-13",
        "price": 200.2,
        "position": 1,
        "changed_at": "2021-04-19T03:01:41+00:00",
    }
    assert rows(loaded.database, "SELECT count(*) FROM canonical.special_assignment") == [(3,)]


def test_cost_distributions(loaded: Loaded) -> None:
    assert loaded.row("cost_distribution", record_id="E8A6FE264A5A4F93A5585F873C0089D3") == {
        "record_id": "E8A6FE264A5A4F93A5585F873C0089D3",
        "user_id": "106013",
        "valid_from": "2017-01-18",
        "valid_to": None,
        "status": "active",
        "created_at": "2017-01-18T16:24:50+00:00",
        "changed_at": "2018-12-19T13:51:50+00:00",
        "changed_local": "2018-12-19T14:51:50",
        "changed_by": "sfadmin",
    }


def test_business_partners_and_addresses(loaded: Loaded) -> None:
    party = loaded.row("party", party_id="1003764")
    assert (party["category"], party["name"], party["is_natural_person"], party["created_on"]) == (
        "person",
        "John Doe",
        True,
        "2018-02-12",
    )
    assert party["search_term"] == "Entwickler"
    company = loaded.row("party", party_id="1003768")
    assert (company["category"], company["is_natural_person"]) == ("organization", False)
    address = loaded.row("address", party="1003764", address_id="28238")
    assert (address["street"], address["house_number"], address["postcode"], address["city"], address["country"]) == (
        "Dietmar-Hopp-Allee",
        "16",
        "69190",
        "Walldorf",
        "DE",
    )
    assert address["region"] is None, "an absent text is an empty one there"
    assert address["valid_from"] == "2018-02-12"


def test_I13_every_value_is_explained_and_recomputed(loaded: Loaded) -> None:
    """Every field of every row: recomputed from the archived bytes, it is the stored value."""
    project = ir.decode_project(loaded.bundle.parts["ir.json"])
    explained = 0
    with loaded.database.connect() as connection:
        for info in loaded.bundle.catalogue.entities:
            keys = connection.execute(
                f"SELECT {', '.join(f'{name}::text' for name in info.key)} FROM canonical.{info.table} ORDER BY 1 LIMIT 25".encode()
            ).fetchall()
            for key in keys:
                for field in info.fields:
                    found = explain(
                        project, loaded.bundle, loaded.archive, connection, info, list(key), field, reveal=True
                    )
                    assert not found.differs, found
                    if found.winner is not None:
                        assert found.recomputed
                        assert found.response is not None
                        explained += 1
                        for raw in found.raw:
                            if raw.body_start is not None:
                                page = loaded.archive.read_one(found.winner.source, found.response.position).content()
                                assert page[raw.body_start : raw.body_end].decode() == raw.text
    assert explained > 250


def test_bytes_of_a_value(loaded: Loaded, real_data: Path) -> None:
    """What explain shows as received is what stands in the file."""
    project = ir.decode_project(loaded.bundle.parts["ir.json"])
    info = loaded.bundle.entity("Worker")
    assert info is not None
    with loaded.database.connect() as connection:
        found = explain(
            project, loaded.bundle, loaded.archive, connection, info, ["bamboohr:73"], "pay_rate", reveal=True
        )
    assert found.value == "24.0000 AUD"
    assert json.loads(found.raw[0].text) == "24 AUD"
    assert found.raw[0].body_start is not None
    whole = (real_data / "bamboohr/all_streams.jsonl").read_bytes()
    assert whole[found.raw[0].body_start : found.raw[0].body_end] == b'"24 AUD"'


def test_more_than_one_row_for_an_employee(real_data: Path, database: Server, tmp_path: Path) -> None:
    """Employee 197 has two managers: two records of one source with one key. The rule decides, and the pair is listed."""
    _, report = _load(
        tmp_path,
        database,
        [("workday_raas.teams", real_data / "workday/raas_many_records_per_employee.jsonl", "ndjson")],
    )
    counts = report.maps["workday_raas_teams__worker"].counts
    assert (counts.read, counts.claimed, counts.dead) == (104, 104, 0)
    assert rows(database, "SELECT count(*) FROM canonical.worker") == [(103,)]
    listed = rows(database, "SELECT key, records FROM provenance.worker_duplicates")
    assert [key for key, _ in listed] == ["197"]
    assert len(listed[0][1]) == 2


def test_an_error_response_is_a_dead_letter(real_data: Path, database: Server, tmp_path: Path) -> None:
    """What the source sent instead of records is kept with its reason; nothing else suffers."""
    files = [
        ("sf.special_assignments", real_data / "successfactors/successfactors-error.json", "json"),
        ("sf.special_assignments", real_data / "successfactors/successfactors-data.json", "json"),
    ]
    _, report = _load(tmp_path, database, files)
    counts = report.maps["sf_special_assignments__special_assignment"].counts
    assert (counts.read, counts.claimed, counts.dead) == (4, 3, 1)
    assert rows(database, "SELECT code, path FROM fieldmap.dead_letters") == [("FM2121", "$.d.results[*]")]
