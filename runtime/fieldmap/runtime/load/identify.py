"""Identity within the transaction of a batch: which keys became another canonical key, and what has to follow them.

Three temporary tables carry it from step to step: `moving` has the keys whose claims may have changed, `moved` those that are
another canonical key than before, `seen` the records that came, went or changed and that others name by their id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import sql

from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.errors import FieldmapError
from fieldmap.runtime.load.standing import with_waiters
from fieldmap.runtime.store.database import Connection
from fieldmap.runtime.store.scripts import run_script

_NEWS = 500
_BEGIN = """
CREATE TEMP TABLE moving (entity text COLLATE "C", source text COLLATE "C", key text COLLATE "C", forced boolean NOT NULL DEFAULT false) ON COMMIT DROP;
CREATE TEMP TABLE moved (entity text COLLATE "C", source text COLLATE "C", key text COLLATE "C", old text COLLATE "C", new text COLLATE "C", rule text) ON COMMIT DROP;
CREATE TEMP TABLE seen (claims text COLLATE "C", record text COLLATE "C") ON COMMIT DROP;
"""


def concerned(info: EntityInfo) -> bool:
    """Whether keys of the entity can move, or its records are named by others."""
    return info.identity is not None or bool(info.referrers)


def with_referrers(bundle: Bundle, names: Iterable[str]) -> list[str]:
    """The entities and all those whose rows follow when theirs become others, or come and go with them (`must exist`), sorted: what a
    transaction has to lock."""
    found = set(names)
    for name in names:
        info = bundle.entity(name)
        if info is None:
            raise FieldmapError(f"The bundle has no entity {name}")
        found.update(info.referrers)
    return with_waiters(bundle, found)


def begin(connection: Connection, infos: Iterable[EntityInfo]) -> None:
    """Makes the temporary tables, if any of the entities has a use for them."""
    if any(concerned(info) for info in infos):
        run_script(connection, _BEGIN, {})


def identify(connection: Connection, info: EntityInfo, steps: dict[str, str], run: int, *, whole: bool) -> None:
    """Decides the canonical keys of the keys in `moving` and of those linked to them; what became another is touched.

    whole: `moving` is to hold every key of the entity.
    """
    if info.identity is None:
        return
    if whole:
        run_script(connection, steps["all_moving"], {})
    run_script(connection, steps["evidence"], {})
    many = _many(connection, info)
    if many:
        connection.execute("ANALYZE identity.evidence")
    for step in ("affected_all" if whole else "affected", "match"):
        run_script(connection, steps[step], {})
    run_script(connection, steps["record"], {"run": run})
    if many:
        connection.execute("ANALYZE identity.crosswalk")


def _many(connection: Connection, info: EntityInfo) -> bool:
    """Whether so much is new that the planner has to be told: by what it knew before it would read the whole table for each key."""
    row = connection.execute(
        sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(f"changed_{info.table}"))
    ).fetchone()
    return row is not None and row[0] > _NEWS


def touch_referrers(connection: Connection, infos: Sequence[EntityInfo], steps: dict[str, dict[str, str]]) -> None:
    """Touches every row that refers to what moved; the entities must all have been identified before."""
    for info in infos:
        if info.referrers:
            run_script(connection, steps[info.name]["referrers"], {})


def forget(connection: Connection, info: EntityInfo) -> None:
    """Removes the crosswalk of an entity whose sources share one numbering now; what operators decided stays."""
    if info.identity is None:
        for table in ("crosswalk", "evidence", "conflicts"):
            connection.execute(
                sql.SQL("DELETE FROM {} WHERE entity = %s").format(sql.Identifier("identity", table)), [info.name]
            )
