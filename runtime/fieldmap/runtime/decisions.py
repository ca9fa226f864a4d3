"""What operators decide about identity: that keys of two sources are the same thing, or that they are not, and undoing it.

A decision is an input like a response: it is made durable in the archive (`fieldmap.identity`, one JSON body each) before
anything follows from it, and every run takes up those that the database does not know. So a replay into an empty database comes
to the same rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from fieldmap.runtime.archive import Archive, Received
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import ArchiveError, DatabaseError, FieldmapError
from fieldmap.runtime.load.identify import begin, with_referrers
from fieldmap.runtime.load.merging import Changes, Merger, follow, lock, merge_all, note_changes
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Connection, Database
from fieldmap.runtime.store.transaction import Commit, transact

RESOURCE = "fieldmap.identity"


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of the archive. number: from 1, in the order of the archive. kind: `same`, `apart`, or `undo` of the decision
    `undoes`. one, other: a numbering and a key of it."""

    number: int
    kind: str
    reason: str
    at: datetime
    entity: str = ""
    one: tuple[str, str] = ("", "")
    other: tuple[str, str] = ("", "")
    undoes: int = 0


@dataclass(frozen=True)
class Draft:
    """A decision that is about to be made; `one` is a key of the numbering that is resolved later than that of `other`."""

    kind: str
    reason: str
    entity: str
    one: tuple[str, str] = ("", "")
    other: tuple[str, str] = ("", "")
    undoes: int = 0


@dataclass(frozen=True)
class Standing:
    """A decision with what became of it."""

    decision: Decision
    undone_at: datetime | None = None
    undone_reason: str | None = None


def decided(archive: Archive) -> list[Decision]:
    """Everything that was ever decided, in order. Raises ArchiveError."""
    if RESOURCE not in archive.resources():
        return []
    found: list[Decision] = []
    for page in archive.read(RESOURCE, None, durable=True):
        try:
            found.append(msgspec.json.decode(page.content(), type=Decision))
        except msgspec.DecodeError as error:
            raise ArchiveError(
                f"The archive of {RESOURCE} holds a decision that does not read ({error}); see: fieldmap archive verify"
            ) from None
    return found


def standing(decisions: Iterable[Decision]) -> dict[int, Standing]:
    """Each decision by its number, with its undoing."""
    found: dict[int, Standing] = {}
    for item in decisions:
        if item.kind != "undo":
            found[item.number] = Standing(item)
        elif item.undoes in found:
            found[item.undoes] = Standing(found[item.undoes].decision, item.at, item.reason)
    return found


def carry_out(
    database: Database, bundle: Bundle, archive: Archive, ports: Ports, draft: Draft
) -> tuple[int, dict[str, Changes]]:
    """Records a decision and brings the database to it. Returns its number and what became of the rows."""
    with database.connect() as connection:
        _require_fresh(connection, bundle, draft.entity)
        row = connection.execute(
            "INSERT INTO fieldmap.runs (command, bundle) VALUES ('identity', %s) RETURNING id", [bundle.digest]
        ).fetchone()
    run = row[0] if row is not None else 0
    recorded = _record(archive, ports, draft)
    changes = settle(database, bundle, archive, run)
    with database.connect() as connection:
        connection.execute("UPDATE fieldmap.runs SET ended_at = now(), outcome = 'complete' WHERE id = %s", [run])
    return recorded.number, changes


def _record(archive: Archive, ports: Ports, draft: Draft) -> Decision:
    """Makes a decision durable; it gets its number and time here. Raises ArchiveError."""
    with archive.writer(RESOURCE) as writer:
        decision = Decision(
            number=len(decided(archive)) + 1,
            at=ports.clock.now(),
            kind=draft.kind,
            reason=draft.reason,
            entity=draft.entity,
            one=draft.one,
            other=draft.other,
            undoes=draft.undoes,
        )
        body = msgspec.json.encode(decision)
        writer.append(
            Received(
                resource=RESOURCE,
                url="fieldmap:identity",
                fetched_at=decision.at,
                status=None,
                headers={},
                body=body,
                format="json",
                request=hashlib.sha256(body).hexdigest(),
                sweep=ports.random.hex(32),
                page=1,
            )
        )
    return decision


def settle(database: Database, bundle: Bundle, archive: Archive, run: int) -> dict[str, Changes]:
    """Brings the database to what is decided: each entity concerned in one transaction with the rows that follow."""
    wanted = standing(decided(archive))
    if not wanted:
        return {}
    done: dict[str, Changes] = {}
    with database.connect() as connection:
        known: dict[int, datetime | None] = dict(
            connection.execute("SELECT id, undone_at FROM identity.decisions").fetchall()
        )
        new = [one for number, one in wanted.items() if number not in known or known[number] != one.undone_at]
        for entity in sorted({one.decision.entity for one in new}):
            concerned = [one for one in new if one.decision.entity == entity]

            def work(c: Connection, entity: str = entity, concerned: list[Standing] = concerned) -> dict[str, Changes]:
                return _apply(c, bundle, entity, concerned, run)

            outcome, changes = transact(connection, work)
            if outcome is Commit.UNKNOWN:
                raise DatabaseError(
                    "The connection to the database broke while a decision was being applied; it is recorded, and the next run goes on with it"
                )
            for name, change in changes.items():
                done.setdefault(name, Changes()).add(change)
    return done


def _apply(
    connection: Connection, bundle: Bundle, entity: str, concerned: list[Standing], run: int
) -> dict[str, Changes]:
    info = bundle.entity(entity)
    mergers: dict[str, Merger] = {}
    if info is not None:
        mergers = {name: Merger(bundle, name) for name in with_referrers(bundle, [entity])}
        lock(connection, mergers)
    for one in concerned:
        said = one.decision
        connection.execute(
            "INSERT INTO identity.decisions (id, entity, kind, source, key, target, target_key, reason, decided_at, undone_at, undone_reason)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (id) DO UPDATE SET undone_at = EXCLUDED.undone_at, undone_reason = EXCLUDED.undone_reason",
            [
                said.number,
                entity,
                said.kind,
                *said.one,
                *said.other,
                said.reason,
                said.at,
                one.undone_at,
                one.undone_reason,
            ],
        )
    # An entity without matches keeps its decisions until it has some.
    if info is None or info.identity is None:
        return {}
    begin(connection, [info])
    for one in concerned:
        for source, key in (one.decision.one, one.decision.other):
            connection.execute("INSERT INTO moving VALUES (%s, %s, %s, true)", [entity, source, key])
    mergers[entity].touch_none(connection)
    follow(connection, [mergers[entity]], mergers, run, whole=False)
    changes = merge_all(connection, bundle, mergers, run, detailed=False)
    note_changes(connection, run, changes)
    return changes


def _require_fresh(connection: Connection, bundle: Bundle, entity: str) -> None:
    """Raises unless the rows of the entity were made with what the bundle says."""
    info = bundle.entity(entity)
    row = connection.execute("SELECT version FROM fieldmap.entities WHERE entity = %s", [entity]).fetchone()
    if info is None or row is None or row[0] != info.version:
        raise FieldmapError(
            f"What makes the rows of {entity} changed since they were loaded; run first: fieldmap replay"
        )
