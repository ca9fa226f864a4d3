"""What became of the last run of each resource, for `fieldmap status`: whether it is under way, failed, was stopped or was killed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fieldmap.cli.console import about, out, say
from fieldmap.runtime.moments import moment
from fieldmap.runtime.store.database import Connection

_LAST = (
    "SELECT DISTINCT ON (name) name, id, command, started_at, ended_at, outcome, failed FROM fieldmap.runs, unnest(resources) AS name"
    " ORDER BY name, id DESC"
)
# A run that did not say how it ended is under way while somebody else loads, or was killed.
_OTHERS = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND application_name = 'fieldmap')"
)


@dataclass(frozen=True)
class Last:
    """The last run that was to read a resource, whether it brought records or not."""

    run: int
    command: str
    started: datetime
    ended: datetime | None
    outcome: str | None
    failed: dict[str, str]

    def told(self, resource: str, *, others: bool) -> dict[str, Any]:
        """`failed`: when and why, None where it came to its end; `running_since`: of one that is under way."""
        if self.outcome is None and others:
            return {"failed": None, "running_since": self.started}
        sentence = self.failed.get(resource) or self.failed.get("")
        if self.outcome is None:
            sentence = f"the {self.command} was killed; the next run goes on from there"
        elif self.outcome == "stopped" and sentence is None:
            sentence = f"the {self.command} was stopped; the next run goes on from there"
        at = self.ended or self.started
        return {
            "failed": {"at": at, "run": self.run, "sentence": sentence} if sentence else None,
            "running_since": None,
        }


UNKNOWN = {"failed": None, "running_since": None}


def others(connection: Connection) -> bool:
    """Whether another process is at the database."""
    row = connection.execute(_OTHERS).fetchone()
    return row is not None and bool(row[0])


def lasts(connection: Connection) -> dict[str, Last]:
    """By resource. Of runs of an older release, which do not say what they were to read, nothing is known."""
    known = connection.execute(
        "SELECT FROM pg_attribute WHERE attrelid = to_regclass('fieldmap.runs') AND attname = 'resources' AND NOT attisdropped"
    ).fetchone()
    rows = connection.execute(_LAST).fetchall() if known is not None else []
    return {row[0]: Last(*row[1:]) for row in rows}


def outcome(said: str | None, *, failed: bool, others: bool) -> str:
    """How the last run that brought records ended for one resource; of an incomplete run only some failed."""
    if said is None:
        return "is under way" if others else "was killed"
    return ("failed" if failed else "complete") if said == "incomplete" else said


def show(found: list[dict[str, Any]]) -> None:
    """A line for each resource that wants a word."""
    told = {item["resource"]: item for item in found if item["failed"] is not None or item["running_since"] is not None}
    if told:
        out().print()
    for resource, item in told.items():
        if item["running_since"] is not None:
            out().print(f"{resource}: a run is under way since {moment(item['running_since'])}", soft_wrap=True)
        else:
            head = f"{moment(item['failed']['at'])} "
            say(out(), head + about(resource, item["failed"]["sentence"]), indent=len(head))
