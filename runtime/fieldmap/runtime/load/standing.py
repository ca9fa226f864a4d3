"""Within the transaction of a batch: which rows stand, where references must exist. What the steps do is said by the compiler's
`emit/standing.py`; here they are run until nothing changes any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from fieldmap.runtime.bundle import Bundle, EntityInfo
from fieldmap.runtime.store.database import Connection
from fieldmap.runtime.store.scripts import run_script


def with_waiters(bundle: Bundle, names: Iterable[str]) -> list[str]:
    """The entities, and all those with rows that stand only while theirs do, however far removed."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        info = bundle.entity(name)
        if name not in found and info is not None:
            found.add(name)
            waiting.extend(info.waiters)
    return sorted(found)


def stand(
    connection: Connection,
    bundle: Bundle,
    merged: Mapping[str, EntityInfo],
    run: int,
    *,
    whole: Collection[str] = (),
) -> dict[str, tuple[int, int, int]]:
    """Holds back the rows that need others, and lets them come back; gives rows that are new, changed and gone by entity, to be
    added to what the merge counted (new and changed may be negative).

    merged: the entities merged in this transaction, each with all its `waiters`; they must be locked. whole: those of which every
    row was made anew.
    """
    guarded = {name: info for name, info in merged.items() if info.needs}
    involved = {name for name, info in merged.items() if info.needs or info.waiters}
    if not guarded:
        return {}
    steps = {name: bundle.steps(f"sql/merge/{info.table}.sql") for name, info in merged.items() if name in involved}
    for name in sorted(involved.union(*(info.needs for info in guarded.values()))):
        if name not in steps:
            target = bundle.entity(name)
            steps[name] = bundle.steps(f"sql/merge/{target.table}.sql") if target is not None else {}
        run_script(connection, steps[name].get("involve", ""), {})
    for name in sorted(involved):
        run_script(connection, steps[name]["arrive"], {})
        if name in guarded and not set(whole).isdisjoint({name, *guarded[name].needs}):
            run_script(connection, steps[name]["suspect_all"], {})
    found = {name: [0, 0, 0] for name in guarded}
    while sum([_wake(connection, steps[name], run, found[name]) for name in guarded]):
        pass
    while sum([_fall(connection, steps[name], run, found[name]) for name in guarded]):
        pass
    return {name: (new, changed, gone) for name, (new, changed, gone) in found.items()}


def _wake(connection: Connection, steps: dict[str, str], run: int, found: list[int]) -> int:
    woken = 0
    for name, text in steps.items():
        if name.startswith("wake_"):
            woken += (connection.execute(text.encode(), {"run": run}).fetchone() or (0,))[0]
    found[0] += woken
    return woken


def _fall(connection: Connection, steps: dict[str, str], run: int, found: list[int]) -> int:
    for name, text in steps.items():
        if name.startswith("suspect_") and name != "suspect_all":
            run_script(connection, text, {})
    gone, unmade, unchanged = connection.execute(steps["fall"].encode(), {"run": run}).fetchone() or (0, 0, 0)
    found[0] -= unmade
    found[1] -= unchanged
    found[2] += gone
    return int(gone + unmade)
