"""The demo's project compiles, its examples hold, and its maps say of each record what the story tells."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from functools import cache
from importlib.resources import as_file, files
from typing import Any

from fieldmap.compiler import interpret, ir
from fieldmap.compiler.project import Checked, check
from fieldmap.demo import payroll, suppliers, workers
from fieldmap.runtime.values.decode import bodies
from fieldmap.runtime.values.outcome import Claimed, Dead, Outcome


@cache
def checked() -> Checked:
    with as_file(files("fieldmap.mappings")) as mappings:
        return check(mappings, [*sorted((mappings / "demo").glob("*.map")), mappings / "sap_s4.map"])


def mapped(connector: str, records: list[Any]) -> list[Outcome]:
    project = checked().project
    map_ = next(item for item in project.maps if item.connector == connector)
    return [interpret.run_record(map_, project.codes, record) for record in records]


def as_received(records: list[dict[str, Any]]) -> list[Any]:
    return [json.loads(json.dumps(record), parse_float=Decimal) for record in records]


def kinds(outcomes: list[Outcome]) -> dict[str, int]:
    return dict(Counter(type(outcome).__name__ for outcome in outcomes))


def rows(outcome: Outcome, number: int = 0) -> list[dict[str, Any]]:
    """The rows of one claim of a record, by field."""
    assert isinstance(outcome, Claimed)
    map_ = next(item for item in checked().project.maps if len(outcome.rows) == 1 + len(item.children))
    claim: ir.Claim | None = map_.claim if number == 0 else map_.children[number - 1].claim
    assert claim is not None
    return [dict(zip([item.field for item in claim.assignments], row, strict=True)) for row in outcome.rows[number]]


def test_the_project_checks() -> None:
    assert checked().diagnostics == []
    assert len(checked().project.maps) == 3
    assert checked().examples == 10


def test_every_worker_ends_in_one_place() -> None:
    outcomes = mapped("workday", as_received(workers.workers()))
    assert kinds(outcomes) == {"Claimed": 217, "Filtered": 9, "Deleted": 5, "Dead": 9}
    dead = [
        (number, item.field) for number, item in zip(workers.NUMBERS, outcomes, strict=True) if isinstance(item, Dead)
    ]
    assert [number for number, field in dead if field == "status"] == list(workers.DORMANT)
    assert [number for number, field in dead if field == "legal_name"] == [workers.NO_LAST_NAME]
    held = [item.field for outcome in outcomes if isinstance(outcome, Claimed) for item in outcome.held]
    assert held == ["hired_on"] * len(workers.BAD_DATE)


def test_the_payroll_is_read_without_loss() -> None:
    records = [row for content in payroll.files().values() for _, row in bodies(content, "csv")]
    outcomes = mapped("payroll", records)
    assert set(kinds(outcomes)) == {"Claimed"}
    assert not any(outcome.held for outcome in outcomes if isinstance(outcome, Claimed))


def test_suppliers_and_their_addresses_are_read_without_loss() -> None:
    records = suppliers.suppliers("http://127.0.0.1")
    outcomes = mapped("s4", records)
    assert kinds(outcomes) == {"Claimed": len(suppliers.NUMBERS)}
    parties = [row for outcome in outcomes for row in rows(outcome)]
    assert {row["category"] for row in parties} == {"person", "organization", "group"}
    assert [int(row["party_id"]) for row in parties if row["is_blocked"]] == list(suppliers.BLOCKED)
    addresses = [row for outcome in outcomes for row in rows(outcome, 1)]
    assert len({(row["party"], row["address_id"]) for row in addresses}) == len(addresses)
    assert sum(row["valid_to"] is None for row in addresses) == len(suppliers.NUMBERS) - 1
