"""Brings the database to the bundle's tables: creates what is missing, adds and drops columns, and renews views and catalogue.

Claims and canonical rows are a function of the archive and the maps, so a column whose type changed is dropped and made anew; the
replay that a changed map needs fills it again. All of it happens in one transaction. Where no definition changed none is touched.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import resources
from typing import TypeVar

import msgspec
import psycopg
from psycopg import errors, sql

from fieldmap.runtime.bundle import Bundle, EntityInfo, MapInfo
from fieldmap.runtime.errors import DatabaseError, FieldmapError
from fieldmap.runtime.store.altering import make_table, renew_view, set_aside
from fieldmap.runtime.store.database import NEEDS, Connection, Database
from fieldmap.runtime.store.transaction import commit

STORE_FORMAT = 1
# The runtime's own tables; every statement may be run again.
_SCRIPTS = ("schema.sql", "identity.sql")
_TRIES = 5
_VIEWS = "provenance"
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Reconciled:
    """changed: titles of maps whose version is not the one loaded. remerge: entities whose rules or sources changed.
    removed: maps and entities that the bundle no longer has, in words; their rows are dropped. retried: titles of the other maps that
    have rows of another version from a retry of dead letters. deferred: entities of which a replay that broke off has left claims
    without merging them."""

    changed: tuple[str, ...]
    remerge: tuple[str, ...]
    removed: tuple[str, ...]
    retried: tuple[str, ...] = ()
    deferred: tuple[str, ...] = ()

    @property
    def unmerged(self) -> tuple[str, ...]:
        """The entities whose rows are to be made anew, whyever."""
        return tuple(dict.fromkeys((*self.remerge, *self.deferred)))

    @property
    def meaning_changed(self) -> bool:
        """Whether rows that are there would become others."""
        return bool(self.changed or self.remerge or self.removed or self.retried)

    def __str__(self) -> str:
        parts = [
            *(f"the map {title} changed" for title in self.changed),
            *(f"dead letters of {title} were retried with another version of it" for title in self.retried),
            *(f"{what} is gone" for what in self.removed),
            *(f"what makes the rows of {name} changed" for name in self.remerge),
        ]
        text = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
        return text[0].upper() + text[1:]


def prepare(database: Database, bundle: Bundle, *, replay: bool) -> Reconciled:
    """Makes the database ready for the bundle.

    replay: whether rows may become others: maps of another version are started anew from the beginning of the archive.
    Without it nothing is altered if the meaning of anything changed.
    """
    with database.connect() as connection:
        try:
            return _repeated(connection, lambda c: _prepare(c, bundle, replay=replay))
        except psycopg.Error as error:
            raise DatabaseError(
                f"The database could not be made ready for this bundle: {first_line(error)}{_advice(error)}"
            ) from None


def _repeated(connection: Connection, work: Callable[[Connection], _Result]) -> _Result:
    """As `commit`, and again where another session waited for this one in a circle: what is made new locks whole tables and views, which
    anybody may be reading, several in one statement and in an order of its own."""
    for _ in range(_TRIES - 1):
        with contextlib.suppress(errors.DeadlockDetected):
            return commit(connection, work)
    return commit(connection, work)


def first_line(error: psycopg.Error) -> str:
    """PostgreSQL's own sentence, without the values that it may quote in the lines below."""
    return (error.diag.message_primary or (str(error).splitlines() or [type(error).__name__])[0])[:300]


def _advice(error: psycopg.Error) -> str:
    """What to do where a privilege is missing, or something of others reads or names a table or view that has to change. The detail of
    the latter has names of objects only."""
    if isinstance(error, errors.InsufficientPrivilege):
        return f"; {NEEDS}"
    if (
        not isinstance(error, errors.DependentObjectsStillExist | errors.FeatureNotSupported)
        or not error.diag.message_detail
    ):
        return ""
    who = "; ".join(error.diag.message_detail.rstrip(".").splitlines())
    return f" ({who}); nothing was changed: drop what is named, run this again, and make it anew"


def _prepare(connection: Connection, bundle: Bundle, *, replay: bool) -> Reconciled:
    # One at a time: two runs that start together would both create the tables.
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('fieldmap.reconcile'))")
    _own_tables(connection)
    reconciled = _compare(connection, bundle)
    if reconciled.meaning_changed and not replay:
        return reconciled
    made = _made(connection)
    wanted = {**{(t.schema, t.name): t.create for t in bundle.catalogue.tables}, **_views(bundle)}
    gone = [one for one in made if one not in wanted]
    altered = any(made.get(one) != definition for one, definition in wanted.items())
    if altered or gone:
        set_aside(connection, [name for schema, name in made if schema == _VIEWS])
    for table in bundle.catalogue.tables:
        make_table(connection, table, made.get((table.schema, table.name)))
    for item in bundle.catalogue.maps:
        _position(connection, item)
    _describe(connection, bundle)
    _remove(connection, bundle, gone)
    if altered or gone:
        for view in bundle.catalogue.views:
            renew_view(connection, view)
        _note(connection, wanted)
    # A canonical table that was altered is merged anew, whether its meaning changed or only the way it is stored.
    return replace(reconciled, remerge=_to_merge(connection, bundle))


def _compare(connection: Connection, bundle: Bundle) -> Reconciled:
    """What of the meaning is not what the rows were made with."""
    versions = connection.execute(
        "SELECT p.map, v.version, p.applied_through >= 0 OR (p.replaying AND EXISTS (SELECT FROM fieldmap.accounts a WHERE a.map = p.map))"
        " FROM fieldmap.positions p JOIN fieldmap.map_versions v ON v.id = p.map_version"
    ).fetchall()
    # Of a map that stopped before anything of it was loaded, nothing has a meaning that could change.
    loaded: dict[str, str] = {map_: version for map_, version, has_rows in versions if has_rows}
    known = {row[0] for row in connection.execute("SELECT entity FROM fieldmap.entities").fetchall()}
    gone = [
        f"the map {map_id}"
        for map_id in sorted({row[0] for row in versions} - {item.id for item in bundle.catalogue.maps})
    ]
    gone += [f"the entity {name}" for name in sorted(known - {item.name for item in bundle.catalogue.entities})]
    changed = tuple(item.title for item in bundle.catalogue.maps if loaded.get(item.id, item.version) != item.version)
    mixed = {row[0] for row in connection.execute("SELECT map FROM fieldmap.positions WHERE retried").fetchall()}
    retried = tuple(item.title for item in bundle.catalogue.maps if item.id in mixed and item.title not in changed)
    deferred = {row[0] for row in connection.execute("SELECT entity FROM fieldmap.entities WHERE deferred").fetchall()}
    owed = tuple(item.name for item in bundle.catalogue.entities if item.name in deferred)
    return Reconciled(changed, _to_merge(connection, bundle), tuple(gone), retried, owed)


def _to_merge(connection: Connection, bundle: Bundle) -> tuple[str, ...]:
    versions: dict[str, str] = dict(connection.execute("SELECT entity, version FROM fieldmap.entities").fetchall())
    return tuple(
        item.name for item in bundle.catalogue.entities if versions.get(item.name, item.version) != item.version
    )


def prepare_own(connection: Connection) -> None:
    """Brings the runtime's own tables up to date, and nothing of a bundle."""
    _repeated(connection, _own_tables)


def _own_tables(connection: Connection) -> None:
    found = connection.execute("SELECT to_regclass('fieldmap.store') IS NOT NULL").fetchone()
    if found is not None and found[0]:
        row = connection.execute("SELECT format FROM fieldmap.store").fetchone()
        if row is not None and row[0] != STORE_FORMAT:
            raise FieldmapError(
                f"The database is of store format {row[0]}, and this runtime knows format {STORE_FORMAT}; use the version of Fieldmap that made it"
            )
        if row is not None:
            _alone(connection)
            if not _is_of_this_release(connection):
                _run_scripts(connection)
                _sign(connection)
            return
    _run_scripts(connection)
    connection.execute("INSERT INTO fieldmap.store (format) VALUES (%s)", [STORE_FORMAT])
    _sign(connection)


def _run_scripts(connection: Connection) -> None:
    for name in _SCRIPTS:
        connection.execute(_script(name))


def _script(name: str) -> bytes:
    return resources.files("fieldmap.runtime.store").joinpath(name).read_bytes()


def _is_of_this_release(connection: Connection) -> bool:
    """Whether these very scripts were the last to be run: to alter a table, even if nothing is to be altered, locks all readers out."""
    row = connection.execute("SELECT obj_description('fieldmap.store'::regclass, 'pg_class')").fetchone()
    return row is not None and row[0] == _signature()


def _sign(connection: Connection) -> None:
    connection.execute(sql.SQL("COMMENT ON TABLE fieldmap.store IS {}").format(sql.Literal(_signature())))


def _signature() -> str:
    return f"Fieldmap's own tables, by schema {hashlib.sha256(b''.join(map(_script, _SCRIPTS))).hexdigest()[:16]}"


def _alone(connection: Connection) -> None:
    """Waits for loads and merges under way to end their transactions, and lets none begin: what follows locks whole tables. The order
    is theirs, positions before entities, so that none of them waits for another in a circle."""
    connection.execute("SELECT FROM fieldmap.positions ORDER BY map FOR UPDATE")
    connection.execute("SELECT FROM fieldmap.entities ORDER BY entity FOR UPDATE")


def _made(connection: Connection) -> dict[tuple[str, str], str]:
    """The definitions of the tables and views that are there, by schema and name."""
    rows = connection.execute(
        "SELECT schema_name, table_name, definition FROM fieldmap.tables"
        " WHERE schema_name <> %s OR to_regclass(format('%%I.%%I', schema_name, table_name)) IS NOT NULL",
        [_VIEWS],
    ).fetchall()
    return {(schema, name): definition for schema, name, definition in rows}


def _views(bundle: Bundle) -> dict[tuple[str, str], str]:
    return {(_VIEWS, v.name): msgspec.json.encode(v).decode() for v in bundle.catalogue.views}


def _note(connection: Connection, definitions: dict[tuple[str, str], str]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO fieldmap.tables VALUES (%s, %s, %s) ON CONFLICT (schema_name, table_name) DO UPDATE SET definition = EXCLUDED.definition",
            [(schema, name, definition) for (schema, name), definition in definitions.items()],
        )


def _position(connection: Connection, item: MapInfo) -> None:
    """A map of a new version starts anew from the beginning of the archive, as does one with rows of several versions."""
    row = connection.execute(
        "INSERT INTO fieldmap.map_versions (map, version) VALUES (%s, %s) ON CONFLICT (map, version) DO UPDATE SET version = EXCLUDED.version RETURNING id",
        [item.id, item.version],
    ).fetchone()
    version = row[0] if row is not None else 0
    anew = connection.execute(
        "INSERT INTO fieldmap.positions (map, title, resource, map_version) VALUES (%s, %s, %s, %s) ON CONFLICT (map) DO UPDATE"
        " SET title = EXCLUDED.title, resource = EXCLUDED.resource, map_version = EXCLUDED.map_version,"
        " applied_through = -1, epoch = fieldmap.positions.epoch + 1, replaying = true, retried = false"
        " WHERE fieldmap.positions.map_version <> EXCLUDED.map_version OR fieldmap.positions.retried",
        [item.id, item.title, item.resource, version],
    ).rowcount
    for own in ("ledger", "held_shares", "pages", "page_breaks") if anew else ():
        connection.execute(sql.SQL("DELETE FROM {} WHERE map = %s").format(sql.Identifier("fieldmap", own)), [item.id])


def _describe(connection: Connection, bundle: Bundle) -> None:
    connection.execute("DELETE FROM fieldmap.map_fields")
    connection.execute("DELETE FROM fieldmap.rules")
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO fieldmap.map_fields VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (item.id, o.claim, o.field, list(o.paths), o.statement, o.file, o.line, o.outcome, o.assumed or None)
                for item in bundle.catalogue.maps
                for o in item.origins
            ],
        )
        cursor.executemany(
            "INSERT INTO fieldmap.rules VALUES (%s, %s, %s, %s, %s)",
            [
                (entity.name, r.field, r.rule, r.file, r.line)
                for entity in bundle.catalogue.entities
                for r in entity.rules
            ],
        )
        cursor.executemany(
            "INSERT INTO fieldmap.entities VALUES (%s, %s, %s) ON CONFLICT (entity) DO NOTHING",
            [(entity.name, entity.table, entity.version) for entity in bundle.catalogue.entities],
        )


def merged(connection: Connection, entity: EntityInfo) -> None:
    """Records that an entity's rows follow the bundle's rules, and all its claims."""
    connection.execute(
        "UPDATE fieldmap.entities SET version = %s, table_name = %s, deferred = false WHERE entity = %s",
        [entity.version, entity.table, entity.name],
    )


def _remove(connection: Connection, bundle: Bundle, gone: list[tuple[str, str]]) -> None:
    """Rows of maps, `each` blocks and entities that the bundle no longer has; the archive keeps what they were made of. gone: the
    tables and views of these."""
    # Views first: they read the tables.
    for schema, table in sorted(gone, key=lambda one: one[0] != _VIEWS):
        if schema == "history":
            # When something was known is in no archive: the rows stay, and none of them is known from now on.
            connection.execute(
                sql.SQL(
                    "UPDATE {} SET _known_to = greatest(clock_timestamp(), _known_from + interval '1 microsecond') WHERE _known_to = 'infinity'"
                ).format(sql.Identifier(schema, table))
            )
            continue
        drop = sql.SQL("DROP VIEW IF EXISTS {}" if schema == _VIEWS else "DROP TABLE IF EXISTS {}")
        connection.execute(drop.format(sql.Identifier(schema, table)))
        connection.execute("DELETE FROM fieldmap.tables WHERE (schema_name, table_name) = (%s, %s)", [schema, table])
    maps, entities = [item.id for item in bundle.catalogue.maps], [item.name for item in bundle.catalogue.entities]
    for own in ("dead_letters", "held", "listed", "held_shares", "pages", "page_breaks", "ledger", "positions"):
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE map <> ALL(%s)").format(sql.Identifier("fieldmap", own)), [maps]
        )
    for own in ("incomplete", "warned", "conflicts", "entities"):
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE entity <> ALL(%s)").format(sql.Identifier("fieldmap", own)), [entities]
        )
    # What operators decided stays, should the entity come back.
    for own in ("crosswalk", "evidence", "conflicts"):
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE entity <> ALL(%s)").format(sql.Identifier("identity", own)), [entities]
        )
