"""Records of three systems for tests of identity: made from small numbers, loaded in any order, and what they mean by the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.identity.model import Claim, Decision, Result, Rules, resolve
from tests.identity.model import Line as MatchLine

MAPS = (Path(__file__).parent / "people.map").read_text("utf-8")
RULES = Rules(
    base="workday",
    own=("bamboohr", "payroll"),
    lines=(
        MatchLine("bamboohr", "workday", ("email",)),
        MatchLine("bamboohr", "workday", ("badge",)),
        MatchLine("payroll", "bamboohr", ("email",)),
        MatchLine("payroll", "workday", ("name", "badge")),
    ),
    agree=("name",),
)
TABLES = {
    "workday": "workday_staff__worker",
    "bamboohr": "bamboohr_users__worker",
    "payroll": "payroll_slips__worker",
    "leave": "bamboohr_leave__absence",
}


@dataclass(frozen=True)
class Record:
    """A version of a record of one system. at: the day of its change, all different for one record."""

    system: str
    record: str
    at: int
    members: tuple[tuple[str, Any], ...]

    @property
    def json(self) -> dict[str, Any]:
        return {"rec": self.record, "at": f"2026-01-{self.at:02}T00:00:00Z", **dict(self.members)}


def live(records: Iterable[Record]) -> list[Record]:
    """The newest version of each record, those that are gone left out; in the order by which claims of one source compete."""
    newest: dict[tuple[str, str], Record] = {}
    for record in records:
        key = (record.system, record.record)
        if key not in newest or record.at > newest[key].at:
            newest[key] = record
    standing = [record for record in newest.values() if not dict(record.members).get("gone")]
    return sorted(standing, key=lambda r: (list(TABLES).index(r.system), -r.at, r.record))


def claims(records: Iterable[Record]) -> list[Claim]:
    found = []
    for record in live(records):
        if record.system != "leave":
            said = {
                "name": record.json.get("name"),
                "email": record.json.get("mail"),
                "badge": record.json.get("badge"),
            }
            values = tuple((name, str(value)) for name, value in said.items() if value is not None)
            found.append(Claim(record.system, record.json["no"], values))
    return found


def identities(records: Iterable[Record], decisions: Iterable[Decision] = ()) -> Result:
    return resolve(RULES, claims(records), decisions)


def workers(records: Iterable[Record], decisions: Iterable[Decision] = ()) -> dict[str, tuple[Any, ...]]:
    """The canonical workers: name, email, badge, manager, team."""
    records = live(records)
    known = identities(records, decisions).canonical
    rows: dict[str, list[Any]] = {}
    for record in records:
        if record.system == "leave":
            continue
        said = record.json
        manager = (
            said.get("boss") and _canonical(known, "workday", said["boss"]) if record.system == "workday" else None
        )
        if record.system == "bamboohr":
            manager = by_id(records, known, said.get("bossRec"))
        team = said.get("team")
        values = [
            said.get("name"),
            said.get("mail"),
            said.get("badge"),
            manager,
            [_canonical(known, "bamboohr", one) for one in team] if team is not None else None,
        ]
        row = rows.setdefault(known[(record.system, said["no"])], [None] * 5)
        for number, value in enumerate(values):
            if row[number] is None:
                row[number] = value
    return {key: (*row[:4], row[4] or []) for key, row in rows.items()}


def absences(records: Iterable[Record], decisions: Iterable[Decision] = ()) -> dict[tuple[str, int], tuple[Any, ...]]:
    """The canonical days off: cover, note."""
    records = live(records)
    known = identities(records, decisions).canonical
    rows: dict[tuple[str, int], list[Any]] = {}
    for record in records:
        if record.system == "leave":
            said = record.json
            row = rows.setdefault((_canonical(known, "bamboohr", said["who"]), said["day"]), [None, None])
            for number, value in enumerate([by_id(records, known, said.get("cover")), said.get("note")]):
                if row[number] is None:
                    row[number] = value
    return {key: tuple(row) for key, row in rows.items()}


def by_id(records: list[Record], known: dict[tuple[str, str], str], record: str | None) -> str | None:
    named = next((r for r in records if r.system == "bamboohr" and r.record == record), None)
    return None if named is None else _canonical(known, "bamboohr", named.json["no"])


def _canonical(known: dict[tuple[str, str], str], source: str, key: str) -> str:
    if source == "workday" and key.split(":")[0] in TABLES and ":" in key:
        return f"workday:{key}"
    return known.get((source, key), key if source == "workday" else f"{source}:{key}")
