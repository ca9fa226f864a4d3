"""A run: what `sync` and `replay` do, over the maps of a bundle. Everything that it loads, it loads from the archive."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import psycopg

from fieldmap.runtime.acquire.preflight import check_settings
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.bundle import Bundle, MapInfo
from fieldmap.runtime.decisions import settle
from fieldmap.runtime.errors import DatabaseError, FieldmapError, FindingsError, UsageError
from fieldmap.runtime.fetching import parent_of
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.load.mapping import Processes
from fieldmap.runtime.load.merging import Changes, deferrable, remerge, to_merge_first, unclaimed
from fieldmap.runtime.load.retry import Retry, letters
from fieldmap.runtime.loading import catch_up, check_archive
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.replaying import Replay
from fieldmap.runtime.reports import Progress, Report
from fieldmap.runtime.store.database import Connection, Database, told
from fieldmap.runtime.store.reconcile import first_line, prepare, prepare_own
from fieldmap.runtime.syncing import Options, Sync

if TYPE_CHECKING:
    from fieldmap.runtime.acquire.flow import Flows

# A replay of so many bytes of the archive, compressed, begins with the processes that map: they start while the tables are made.
_LARGE = 2 * 1024 * 1024


@dataclass
class Run:
    """The surroundings of a run. environ: where env.X and secret.X are looked up. dead_letters: by resource, and "" for all others, how
    many percent of a map's records may be dead letters before it stops; any number where nothing is said. workers: how many processes
    map the pages of a large load; None for one for each core. options: of a sync."""

    bundle: Bundle
    archive: Archive
    database: Database
    ports: Ports
    environ: Mapping[str, str]
    progress: Progress
    dead_letters: Mapping[str, Decimal] = field(default_factory=dict)
    workers: int | None = None
    options: Options = field(default_factory=Options)
    _flows: Flows | None = field(default=None, repr=False)

    def sync(self, resources: list[str], wanted: Wanted = Wanted()) -> Report:  # noqa: B008  (frozen)
        """Fetches the named resources (all that have a connector if none is named) and loads what was not loaded yet.

        wanted: what to fetch of each, beside what is usual.
        """
        from fieldmap.runtime.acquire.flow import Flows

        self._flows = self._flows or Flows(self.options.a_second)
        chosen = connected(self.bundle, resources)
        for name in dict.fromkeys(resource.split(".")[0] for resource in chosen):
            check_settings(self.bundle.connector(name), self.environ)
        reconciled = prepare(self.database, self.bundle, replay=False)
        if reconciled.meaning_changed:
            raise FindingsError(
                f"{reconciled} since the rows were loaded; load the archive with what is said now first: fieldmap replay"
            )
        report = Report(reconciled=reconciled)
        with told("the sync"), self._beside() as workers, self._recorded("sync", report, chosen) as run:
            report.remerged = remerge(self.database, self.bundle, reconciled.unmerged, run)
            report.decided = settle(self.database, self.bundle, self.archive, run)
            with self.database.connect() as connection:
                before = applied(connection)
            Sync(
                self.bundle,
                self.archive,
                self.database,
                self.ports,
                self.environ,
                self.progress,
                run=run,
                report=report,
                wanted=wanted,
                options=self.options,
                dead=self.dead_letters,
                workers=workers,
                flows=self._flows,
                applied=before,
            ).resources(chosen)
        return report

    def load(self, resources: list[str]) -> Report:
        """Loads what the archive holds of resources and the database does not: for what is pushed, while another part of this
        process writes the archive. Raises StoppedError between two pages once `Ports.stop` is set."""
        reconciled = prepare(self.database, self.bundle, replay=False)
        if reconciled.meaning_changed:
            raise FindingsError(
                f"{reconciled} since the rows were loaded; load the archive with what is said now first: fieldmap replay"
            )
        report = Report(reconciled=reconciled)
        with told("loading"), self._beside() as workers, self._recorded("load", report, self._named(resources)) as run:
            report.remerged = remerge(self.database, self.bundle, reconciled.unmerged, run)
            report.decided = settle(self.database, self.bundle, self.archive, run)
            for info in self._maps(resources):
                dead = self._dead(info)
                try:
                    with Loader(
                        self.database, self.bundle, info, run, dead=dead, archive=self.archive, workers=workers
                    ) as loader:
                        report.maps[info.id] = loader.loaded
                        catch_up(loader, info, self.archive, self.progress, stop=self.ports.stop)
                except FindingsError as error:
                    report.failed[info.resource] = str(error)
        return report

    def replay(self, resources: list[str]) -> Report:
        """Loads the archive with the bundle's maps: those whose version changed from its beginning, the others what is new in it."""
        # Before a map that changed is begun anew: what an older archive lacks would be swept away at its end.
        self._check_archives()
        reconciled = prepare(self.database, self.bundle, replay=True)
        report = Report(reconciled=reconciled)
        with (
            told("the replay"),
            self._beside() as workers,
            self._recorded("replay", report, self._named(resources)) as run,
        ):
            chosen = self._maps(resources)
            with self.database.connect() as connection:
                deferred = deferrable(connection, self.bundle, chosen)
                new = unclaimed(connection, self.bundle, deferred)
                begun = applied(connection)
                due = to_merge_first(connection, self.bundle, reconciled.unmerged, reconciled.remerge, deferred)
            sizes = sum(self.archive.size(name) for name in {info.resource for info in chosen} - begun.keys())
            if large := sizes >= _LARGE:
                workers.start()
            report.remerged = remerge(self.database, self.bundle, due, run)
            report.decided = settle(self.database, self.bundle, self.archive, run)
            Replay(
                self.bundle,
                self.archive,
                self.database,
                self.progress,
                run,
                report,
                self.dead_letters,
                workers,
                deferred,
                large=large,
            ).load(chosen)
            for name, changes in remerge(self.database, self.bundle, sorted(deferred), run, new=new).items():
                report.remerged.setdefault(name, Changes()).add(changes)
        return report

    def retry(self, numbers: list[int] | None) -> Report:
        """Reads the records of dead letters (all, if no numbers are given) from the archive again, with the bundle's maps."""
        with told("the retry"), self.database.connect() as connection:
            prepare_own(connection)
            found = letters(connection, numbers)
        report = Report()
        if not found:
            return report
        with told("the retry"), self._recorded("retry", report) as run:
            for map_id, group in itertools.groupby(found, lambda letter: letter.map):
                info = next((item for item in self.bundle.catalogue.maps if item.id == map_id), None)
                try:
                    if info is None:
                        raise FindingsError(f"The map {map_id} is gone; load the archive without it: fieldmap replay")
                    with Retry(self.database, self.bundle, info, run) as loader:
                        report.maps[info.id] = loader.loaded
                        report.retried += loader.retry(group, self.archive)
                except FindingsError as error:
                    report.failed[info.resource if info is not None else map_id] = str(error)
        return report

    # ------------------------------------------------------------------------------------------------- parts

    def _check_archives(self) -> None:
        """Raises ArchiveError if the archive lacks something that the database has applied."""
        with told("the replay"), self.database.connect() as connection:
            found = applied(connection)
        for resource, maps in found.items():
            for title, through in maps:
                check_archive(self.archive, title, resource, through)

    @contextlib.contextmanager
    def _beside(self) -> Iterator[Processes]:
        """The processes that map for all loads of the run."""
        processes = Processes(self.workers)
        try:
            yield processes
        finally:
            processes.close()

    def _dead(self, info: MapInfo) -> Decimal | None:
        return self.dead_letters.get(info.resource, self.dead_letters.get(""))

    def _maps(self, resources: list[str]) -> list[MapInfo]:
        check_named(self.bundle, resources, [item.resource for item in self.bundle.catalogue.maps])
        return [item for item in self.bundle.catalogue.maps if not resources or item.resource in resources]

    def _named(self, resources: list[str]) -> list[str]:
        return list(dict.fromkeys(info.resource for info in self._maps(resources)))

    def _recorded(self, command: str, report: Report, resources: Sequence[str] = ()) -> _Recorded:
        return _Recorded(self.database, command, self.bundle.digest, report, resources)


class _Recorded:
    """A row of fieldmap.runs around the work: an outcome that is missing tells of a run that was killed."""

    def __init__(self, database: Database, command: str, digest: str, report: Report, resources: Sequence[str]) -> None:
        self._database = database
        self._command = command
        self._digest = digest
        self._report = report
        self._resources = resources
        self._run = 0

    def __enter__(self) -> int:
        with self._database.connect() as connection:
            row = connection.execute(
                "INSERT INTO fieldmap.runs (command, bundle, resources) VALUES (%s, %s, %s) RETURNING id",
                [self._command, self._digest, list(self._resources)],
            ).fetchone()
        self._run = self._report.run = row[0] if row is not None else 0
        return self._run

    def __exit__(self, kind: object, error: object, _: object) -> None:
        failed = dict(self._report.failed)
        if isinstance(error, FieldmapError):
            failed[""] = str(error)
        outcome = "stopped" if kind is not None else "incomplete" if self._report.failed else "complete"
        wrong: list[str] = []
        try:
            with self._database.connect() as connection:
                wrong = self._unbalanced(connection) if kind is None else []
                connection.execute(
                    "UPDATE fieldmap.runs SET ended_at = now(), outcome = %s, failed = %s, resources = %s WHERE id = %s",
                    [
                        "unbalanced" if wrong else outcome,
                        json.dumps({name: _storable(text) for name, text in failed.items()}),
                        [name for name in self._resources if name not in self._report.left],
                        self._run,
                    ],
                )
        except (psycopg.Error, DatabaseError) as error:
            if kind is None:
                raise DatabaseError(
                    f"The end of the run could not be recorded: {first_line(error) if isinstance(error, psycopg.Error) else error}"
                ) from None
        if wrong:
            raise FieldmapError(
                f"The accounts of {', '.join(wrong)} in the database are not what this run counted: something else has written there;"
                f" see fieldmap report {self._run}, and load into an empty database from the archive: fieldmap replay"
            )

    def _unbalanced(self, connection: Connection) -> list[str]:
        """Maps whose accounts in the database do not balance, or are not what the run counted."""
        kept = {
            row[0]: row[1:]
            for row in connection.execute(
                "SELECT map, pages, read, claimed, filtered, deleted, dead, held FROM fieldmap.accounts WHERE run = %s",
                [self._run],
            ).fetchall()
        }
        wrong = []
        for map_, loaded in self._report.maps.items():
            c = loaded.counts
            counted = (c.pages, c.read, c.claimed, c.filtered, c.deleted, c.dead, c.held)
            if not c.balanced or kept.get(map_, (0,) * 7) != counted:
                wrong.append(map_)
        return wrong


def _storable(text: str) -> str:
    """A sentence as PostgreSQL takes it: without NUL and halves of characters."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def applied(connection: Connection) -> dict[str, list[tuple[str, int]]]:
    """By resource the titles of its maps, and through which archive position the database has each."""
    known = connection.execute("SELECT to_regclass('fieldmap.positions') IS NOT NULL").fetchone()
    if known is None or not known[0]:
        return {}
    found: dict[str, list[tuple[str, int]]] = {}
    for title, resource, through in connection.execute(
        "SELECT title, resource, applied_through FROM fieldmap.positions WHERE applied_through >= 0 ORDER BY title"
    ).fetchall():
        found.setdefault(resource, []).append((title, through))
    return found


def connected(bundle: Bundle, resources: list[str]) -> list[str]:
    """The resources that a sync fetches: those named, else all that have a connector. Raises UsageError for one that no map reads, and
    where there is no map at all."""
    if not bundle.catalogue.maps and not resources:
        there = resources_of(bundle)
        first = f"see what {there[0]} gives with fieldmap fetch {there[0]}, and write one" if there else "write one"
        raise UsageError(f"There is no map yet, so there is nothing to fetch for; {first}")
    mapped = [
        item.resource for item in bundle.catalogue.maps if item.resource.split(".")[0] in bundle.catalogue.connectors
    ]
    known = with_parents(bundle, list(dict.fromkeys(mapped)))
    check_named(bundle, resources, known)
    return [name for name in known if not resources or name in resources]


def with_parents(bundle: Bundle, resources: list[str]) -> list[str]:
    """The resources, each behind the one that it is asked for each record of, whether a map reads that or not."""
    done: dict[str, None] = {}
    for name in resources:
        line = [name]
        while (parent := parent_of(bundle, line[-1])) is not None:
            line.append(parent)
        done.update(dict.fromkeys(reversed(line)))
    return list(done)


def resources_of(bundle: Bundle) -> list[str]:
    """All that its connectors have, whether a map reads them or not."""
    return [one.name for name in bundle.catalogue.connectors for one in bundle.connector(name).resources]


def check_named(bundle: Bundle, named: list[str], known: list[str]) -> None:
    """Raises UsageError for a resource that is none, or none of those that something can be done with."""
    for name in named:
        if name in known:
            continue
        there = sorted({*resources_of(bundle), *known})
        if name in there:
            raise UsageError(
                f"No map reads {name}, so nothing of it would be loaded; see what it gives with fieldmap fetch {name}, and"
                f" write a map, or have one proposed: fieldmap draft {name} to ENTITY"
            )
        if not there:
            raise UsageError(
                f"There is no resource {name}: the maps have no connector; write one, or have it proposed: fieldmap infer"
            )
        raise UsageError(f"There is no resource {name}; there are: {', '.join(there)}")
