"""Makes the canonical rows of entities from their live claims, within the transaction of a batch or of changed rules."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from fieldmap.runtime.bundle import Bundle, EntityInfo, MapInfo
from fieldmap.runtime.errors import DatabaseError, FieldmapError
from fieldmap.runtime.load.identify import begin, forget, identify, touch_referrers, with_referrers
from fieldmap.runtime.load.standing import stand
from fieldmap.runtime.store.database import Connection, Database
from fieldmap.runtime.store.reconcile import first_line, merged
from fieldmap.runtime.store.scripts import run_script
from fieldmap.runtime.store.transaction import Commit, transact

_SAMPLES = 60


@dataclass
class Changes:
    """What became of an entity's rows in a run: a row that it made, changed or removed counts once.

    fields: how many rows changed in each; samples: (key, field, before, after), the first few.
    """

    new: int = 0
    changed: int = 0
    gone: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    samples: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)

    def add(self, other: Changes) -> None:
        self.new += other.new
        self.changed += other.changed
        self.gone += other.gone
        for name, count in other.fields.items():
            self.fields[name] = self.fields.get(name, 0) + count
        self.samples.extend(other.samples[: max(0, _SAMPLES - len(self.samples))])


def note_changes(connection: Connection, run: int, changes: Mapping[str, Changes]) -> None:
    """Counts what became of rows, in the transaction that does it. The entities must be locked."""
    for name, change in sorted(changes.items()):
        if change.new or change.changed or change.gone:
            connection.execute(
                "INSERT INTO fieldmap.changed_rows AS r (run, entity, made, changed, gone) VALUES (%s, %s, %s, %s, %s)"
                " ON CONFLICT (run, entity) DO UPDATE SET (made, changed, gone)"
                " = (r.made + EXCLUDED.made, r.changed + EXCLUDED.changed, r.gone + EXCLUDED.gone)",
                [run, name, change.new, change.changed, change.gone],
            )


class Merger:
    """Makes an entity's rows from its live claims."""

    def __init__(self, bundle: Bundle, name: str) -> None:
        info = bundle.entity(name)
        if info is None:
            raise FieldmapError(f"The bundle has no entity {name}")
        self.info: EntityInfo = info
        self._steps = bundle.steps(f"sql/merge/{info.table}.sql")

    @property
    def steps(self) -> dict[str, str]:
        return self._steps

    def touch_none(self, connection: Connection) -> None:
        """Makes the temporary table of touched keys."""
        run_script(connection, self._steps["touched"], {})

    def touch_all(self, connection: Connection) -> None:
        """Puts every key of the entity into the temporary table of touched keys."""
        run_script(connection, self._steps["all_keys"], {})

    def make(self, connection: Connection, run: int, *, after: int, live: int) -> Changes:
        """Makes the rows of keys that have none, of the one source that there is. after: its claims with greater numbers are those
        of the batch; live: how many of them there are. Raises UniqueViolation if a key has a row, or other claims."""
        values: dict[str, object] = {"run": run, "after": after}
        self._refuse_shared(connection, "shared_before", values)
        made = connection.execute(self._steps["fresh"].encode(), values).rowcount
        if "fresh_history" in self._steps:
            connection.execute(self._steps["fresh_history"].encode(), values)
        if made < live or any(condition.kind == "warn" for condition in self.info.conditions):
            run_script(connection, self._steps["fresh_keys"], {})
            run_script(connection, self._steps["fresh_rest"], values)
            self._refuse_shared(connection, "shared_within", values)
            run_script(connection, self._steps["incomplete"], {})
        return Changes(new=made)

    def _refuse_shared(self, connection: Connection, step: str, values: dict[str, object]) -> None:
        """Of two claims of one key the table of rows notices only those that make a row each."""
        if step in self._steps:
            row = connection.execute(self._steps[step].encode(), values).fetchone()
            if row is not None and row[0]:
                raise psycopg.errors.UniqueViolation("A key has several claims")

    def make_all(self, connection: Connection, run: int) -> Changes | None:
        """Makes the rows of an entity that has none yet, from all its claims at once. None, and nothing done, where it has some, or
        where its rules look at more than the claims that stand side by side."""
        if "make_all" not in self._steps or connection.execute(self._steps["is_made"].encode()).fetchone() is not None:
            return None
        values: dict[str, object] = {"run": run}
        made = connection.execute(self._steps["make_all"].encode(), values).rowcount
        run_script(connection, self._steps["forget_all"], {})
        claimed = (connection.execute(self._steps["claimed_keys"].encode()).fetchone() or (0,))[0]
        if made < claimed or any(condition.kind == "warn" for condition in self.info.conditions):
            run_script(connection, self._steps["none_touched"], {})
            run_script(connection, self._steps["make_rest"], values)
            run_script(connection, self._steps["incomplete"], {})
        return Changes(new=made)

    def merge(self, connection: Connection, run: int, *, detailed: bool) -> Changes:
        """Merges the keys in the temporary table of touched keys; the entity must be locked."""
        changes = Changes()
        run_script(connection, self._steps["keys"], {})
        run_script(connection, self._steps["merge"], {})
        if detailed:
            counts = connection.execute(self._steps["changes"].encode()).fetchone() or ()
            changes.fields = {name: count for name, count in zip(self.info.fields, counts, strict=False) if count}
            if changes.fields:
                for key, before, after in connection.execute(
                    self._steps["samples"].encode(), {"limit": _SAMPLES}
                ).fetchall():
                    changes.samples.extend(
                        (key, name, old, new)
                        for name, old, new in zip(self.info.fields, before, after, strict=False)
                        if old != new
                    )
        values = {"run": run}
        new, changed = connection.execute(self._steps["upsert"].encode(), values).fetchone() or (0, 0)
        keys, whole = connection.execute(self._steps["whole"].encode()).fetchone() or (0, 0)
        gone = unmade = unchanged = 0
        if whole < keys:
            gone, unmade, unchanged = connection.execute(self._steps["gone"].encode(), values).fetchone() or (0, 0, 0)
        changes.new, changes.changed, changes.gone = new - unmade, changed - unchanged, gone
        run_script(connection, self._steps["incomplete"], {})
        self._remember(connection, "history", run)
        return changes

    def _remember(self, connection: Connection, step: str, run: int) -> None:
        """Brings the timeline of the keys touched up to date, where the entity keeps history."""
        if step in self._steps:
            run_script(connection, self._steps[step], {"run": run})


def lock(connection: Connection, mergers: dict[str, Merger], *, deferred: Collection[str] = ()) -> None:
    """Locks the entities. Two loads of different maps may touch one row: the second goes on after the first has committed, and
    sees its claims. Raises if another run changed what their rows are made by. deferred: those whose rows are made anew later in this
    run, by rules that may be others than those of now."""
    versions = {name: merger.info.version for name, merger in mergers.items()}
    found: dict[str, str] = dict(
        connection.execute(
            "SELECT entity, version FROM fieldmap.entities WHERE entity = ANY(%s) ORDER BY entity FOR UPDATE",
            [list(versions)],
        ).fetchall()
    )
    if any(
        found.get(name) != version for name, version in versions.items() if name not in deferred or name not in found
    ):
        raise FieldmapError(
            f"The rules of {', '.join(versions)} were changed by another run; this one stops, and nothing of its last batch was kept"
        )


def defer(connection: Connection, names: list[str]) -> None:
    """Notes that claims stand without having been merged: whoever comes next merges them. The entities must be locked."""
    connection.execute("UPDATE fieldmap.entities SET deferred = true WHERE entity = ANY(%s) AND NOT deferred", [names])


def to_merge_first(
    connection: Connection, bundle: Bundle, unmerged: Iterable[str], changed: Collection[str], deferred: Collection[str]
) -> list[str]:
    """Those of the entities to be merged anew that a replay merges before it begins. changed: whose rules are others. Not those that it
    merges at its end, if their rows are there until then: of claims of the former maps and rules of now rows would be made that
    neither the former maps nor those of now ever meant."""
    decided = any(info.identity is not None for info in bundle.catalogue.entities)
    rows = connection.execute("SELECT entity FROM fieldmap.entities WHERE version <> ''").fetchall()
    wait = set(deferred) & {row[0] for row in rows} if not decided else set(deferred) - set(changed)
    return [name for name in unmerged if name not in wait]


def _holds_any(connection: Connection, table: str) -> bool:
    """Whether there is any claim in a table."""
    question = sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier("claims", table))
    return connection.execute(question).fetchone() is not None


def unclaimed(connection: Connection, bundle: Bundle, names: Iterable[str]) -> frozenset[str]:
    """Those entities of which no map claims anything yet."""
    tables: dict[str, list[str]] = {name: [] for name in names}
    for info in bundle.catalogue.maps:
        for claim in info.claims:
            if claim.entity in tables:
                tables[claim.entity].append(claim.table)
    return frozenset(
        name for name, claimed in tables.items() if not any(_holds_any(connection, one) for one in claimed)
    )


def deferrable(connection: Connection, bundle: Bundle, chosen: Collection[MapInfo]) -> frozenset[str]:
    """The entities whose rows are merged once, when all their claims are there: those with a map among these that has claims of another
    version of it, or of which a replay like that was cut off; and those of several maps of which a load of these maps begins with the first
    page of the archive for all. A map's entities are so together, or none of them."""
    positions = connection.execute("SELECT map, applied_through >= 0, replaying FROM fieldmap.positions").fetchall()
    begun = {map_ for map_, has_begun, _ in positions if has_begun}
    replaying = {map_ for map_, _, is_replaying in positions if is_replaying}
    tables = {info.id: info.claims[0].table for info in chosen if info.id in replaying - begun}
    anew = {map_ for map_, table in tables.items() if _holds_any(connection, table)}
    marked = {row[0] for row in connection.execute("SELECT entity FROM fieldmap.entities WHERE deferred").fetchall()}
    maps = {
        info.id: {claim.entity for claim in info.claims if claim.entity is not None} for info in bundle.catalogue.maps
    }
    of_chosen = {info.id: maps[info.id] for info in chosen}
    first = {
        name
        for map_, names in of_chosen.items()
        for name in names
        if map_ in anew or (map_ in replaying and name in marked)
    }
    return _of_all(bundle, maps, of_chosen.keys() - begun) | _with(first, of_chosen)


def _with(names: set[str], maps: Mapping[str, set[str]]) -> frozenset[str]:
    """The entities, and all that a map claims together with one of them."""
    left: set[str] | None = None
    while names != left:
        left = set(names)
        names = names.union(*(claimed for claimed in maps.values() if not claimed.isdisjoint(left)))
    return frozenset(names)


def _of_all(bundle: Bundle, maps: Mapping[str, set[str]], ready: Collection[str]) -> frozenset[str]:
    """The entities of several maps of which all are ready."""
    names = {entity.name for entity in bundle.catalogue.entities}
    names = {name for name in names if sum(name in claimed for claimed in maps.values()) > 1}
    left: set[str] | None = None
    while names != left:
        left = set(names)
        for map_, claimed in maps.items():
            if map_ not in ready or not claimed <= names:
                names -= claimed
    return frozenset(names)


def follow(connection: Connection, claimed: list[Merger], mergers: dict[str, Merger], run: int, *, whole: bool) -> None:
    """Brings the identity of what was claimed up to date, and touches the rows that refer to what became another.

    claimed: those whose claims changed; mergers: they and all that refer to them. The entities must be locked.
    """
    for merger in claimed:
        identify(connection, merger.info, merger.steps, run, whole=whole)
    for merger in mergers.values():
        if merger not in claimed:
            merger.touch_none(connection)
    touch_referrers(connection, [merger.info for merger in claimed], {m.info.name: m.steps for m in claimed})


def merge_all(
    connection: Connection,
    bundle: Bundle,
    mergers: dict[str, Merger],
    run: int,
    *,
    detailed: bool,
    whole: Collection[str] = (),
) -> dict[str, Changes]:
    """Merges what is touched of each, and lets rows that need others wait or come back. whole: entities of which every key is
    touched."""
    changes = {name: merger.merge(connection, run, detailed=detailed) for name, merger in mergers.items()}
    infos = {name: merger.info for name, merger in mergers.items()}
    for name, (new, changed, gone) in stand(connection, bundle, infos, run, whole=whole).items():
        changes[name].add(Changes(new=new, changed=changed, gone=gone))
    return changes


def _forget_notes(connection: Connection, info: EntityInfo) -> None:
    """Removes what is noted of the keys of an entity beside its rows, and rows that wait. Merging all keys notes it anew; of a key that
    nobody claims any more and that has no row nothing else would tell."""
    for table in ("incomplete", "warned", "conflicts"):
        connection.execute(
            sql.SQL("DELETE FROM {} WHERE entity = %s").format(sql.Identifier("fieldmap", table)), [info.name]
        )
    if info.needs:
        connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier("waiting", info.table)))


def remerge(
    database: Database, bundle: Bundle, names: Iterable[str], run: int, *, new: Collection[str] = ()
) -> dict[str, Changes]:
    """Merges every row of the named entities anew, as changed rules demand; each in one transaction. new: those of which every claim
    was made by this version of its map."""
    done: dict[str, Changes] = {}
    with database.connect() as connection:
        for name in names:
            mergers = {other: Merger(bundle, other) for other in with_referrers(bundle, [name])}

            def work(c: Connection, name: str = name, mergers: dict[str, Merger] = mergers) -> dict[str, Changes]:
                c.execute(
                    "SELECT FROM fieldmap.entities WHERE entity = ANY(%s) ORDER BY entity FOR UPDATE", [list(mergers)]
                )
                merger = mergers[name]
                forget(c, merger.info)
                _forget_notes(c, merger.info)
                if name in new and len(mergers) == 1 and (made := merger.make_all(c, run)) is not None:
                    merged(c, merger.info)
                    note_changes(c, run, {name: made})
                    return {name: made}
                begin(c, [merger.info])
                merger.touch_none(c)
                follow(c, [merger], mergers, run, whole=True)
                merger.touch_all(c)
                changes = merge_all(c, bundle, mergers, run, detailed=True, whole=(name,))
                merged(c, merger.info)
                note_changes(c, run, changes)
                return changes

            try:
                outcome, changes = transact(connection, work)
                for other, change in changes.items():
                    done.setdefault(other, Changes()).add(change)
            except psycopg.Error as error:
                raise DatabaseError(f"The rows of {name} could not be merged anew: {first_line(error)}") from None
            if outcome is Commit.UNKNOWN:
                raise DatabaseError(
                    "The connection to the database broke while rows were merged; run the command again"
                )
    return done
