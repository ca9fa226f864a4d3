"""`make bench`: how fast the parts of a replay are, and how much memory the whole takes.

100,000 generated records of about 1 kB with 20 mapped fields, from a real archive into a real PostgreSQL (embedded, default
durability). Each figure is the median of the runs; the whole replay runs in a process of its own, whose peak memory is its own.

    python -m tests.bench.bench [--records 100000] [--runs 3] [--json]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from tests.bench.checking import figures

from fieldmap.compiler.project import check, compile_project
from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.archive import Archive, Archived, Received
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load.collector import collector_paused
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.load.maker import BatchMaker
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Server, open_database
from fieldmap.runtime.store.reconcile import prepare
from fieldmap.runtime.values.decode import bodies

MAP = "hr_people__worker"
PAGE = 1_000
MAPS = """
entity Worker {
  key number : text
  first_name : text
  last_name  : text
  email      : text?
  phone      : text?
  hired_on   : date
  left_on    : date?
  status     : enum { active, leave, terminated }
  manager    : Worker?
  base_salary : money(12, 2) per year?
  bonus      : decimal(8, 4)?
  commute    : decimal(8, 1) in km?
  weight     : decimal(10, 4) in kg?
  grade      : int?
  remote     : bool?
  street     : text?
  city       : text?
  postcode   : text?
  country    : text?
  changed_at : datetime
}
codes states {
  "Active" -> active
  "On Leave", "Sabbatical" -> leave
  "Terminated" -> terminated
}
connector hr {
  base env.HR
  resource people {
    get "/people"
    records $.data[*]
    id $.employeeID
    changed $.lastModified
    shape {
      all text? absent when "" or "N/A"
      employeeID   : text
      name         : { first: text, last: text }
      email        : { work: text?, home: text? }?
      phone        : text?
      hireDate     : text
      leaveDate    : text?   absent when "00/00/0000"
      status       : text
      managerID    : text?
      comp         : { amount: number, currency: text, bonus: number? }?
      commuteMiles : number? absent when -1
      weightLb     : number?
      grade        : int?
      remote       : text?
      address      : { line1: text?, city: text?, zip: text?, country: text? }?
      lastModified : datetime
    }
  }
}
map hr.people to Worker {
  number      = $.employeeID
  first_name  = $.name.first
  last_name   = $.name.last
  email       = lower($.email.work) otherwise lower($.email.home)
  phone       = $.phone
  hired_on    = $.hireDate as date("MM/dd/yyyy")
  left_on     = $.leaveDate as date("MM/dd/yyyy")
  status      = $.status via states if invalid reject
  manager     = $.managerID
  base_salary = $.comp.amount in $.comp.currency per year
  bonus       = $.comp.bonus
  commute     = $.commuteMiles in mi
  weight      = $.weightLb in lb
  grade       = $.grade
  remote      = $.remote as bool("Y", "N")
  street      = $.address.line1
  city        = $.address.city
  postcode    = $.address.zip
  country     = $.address.country
  changed_at  = $.lastModified
}
"""


def record(number: int, dice: random.Random) -> dict[str, object]:
    """A worker of about 1 kB, a third of it members that no map reads."""
    return {
        "employeeID": f"{number:07d}",
        "name": {
            "first": dice.choice(("Ada", "Grace", "Edsger", "Barbara", "Donald")),
            "last": f"Name{dice.randrange(10_000)}",
            "title": None,
        },
        "email": {"work": f"worker{number}@Example.com" if number % 7 else "", "home": f"home{number}@example.org"},
        "phone": f"+49 30 {dice.randrange(10**7):07d}",
        "hireDate": f"{dice.randrange(1, 13):02d}/{dice.randrange(1, 29):02d}/{dice.randrange(1990, 2026)}",
        "leaveDate": "00/00/0000" if number % 5 else "12/31/2025",
        "status": dice.choice(("Active", "Active", "Active", "On Leave", "Terminated")),
        "managerID": f"{dice.randrange(1_000):07d}",
        "comp": {
            "amount": dice.randrange(30_000, 150_000) + 0.5,
            "currency": dice.choice(("USD", "EUR", "GBP")),
            "bonus": dice.randrange(3_000) / 10_000,
        },
        "commuteMiles": dice.randrange(-1, 60),
        "weightLb": dice.randrange(1_000, 3_000) / 10,
        "grade": dice.randrange(1, 12),
        "remote": dice.choice(("Y", "N")),
        "address": {
            "line1": f"{dice.randrange(1, 400)} Main Street",
            "city": dice.choice(("Berlin", "Toulouse", "Wichita")),
            "zip": f"{dice.randrange(10**5):05d}",
            "country": "DE",
        },
        "lastModified": f"2026-01-{dice.randrange(1, 29):02d}T08:{dice.randrange(60):02d}:00Z",
        "costCenter": {
            "id": f"CC{dice.randrange(500)}",
            "name": "Engineering and Production",
            "path": ["Company", "Operations", "Engineering"],
        },
        "photo": f"https://example.com/photos/{number}.jpg",
        "notes": "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna."
        " Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat. Duis aute irure"
        " dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla pariatur. Excepteur sint occaecat cupidatat.",
        "flags": {"union": False, "visa": None, "badge": f"B{number}"},
    }


# The sweeps of the archive: all records; the same once more; a twentieth of them changed, spread over all pages.
SWEEPS = ("initial", "unchanged", "5 % changed")


def build(folder: Path, records: int) -> Bundle:
    """The bundle and an archive of so many records, in pages of a thousand, fetched three times."""
    (folder / "all.map").write_text(MAPS, "utf-8")
    bundle = compile_project(check(folder, [folder / "all.map"]))
    bundles.write(bundle, folder / "bundle")
    with Archive(folder / "archive", Ports.real()).writer("hr.people") as writer:
        for number, sweep in enumerate(SWEEPS):
            dice = random.Random(7)  # noqa: S311
            for page in range(records // PAGE):
                people = [record(page * PAGE + n, dice) for n in range(PAGE)]
                if sweep == SWEEPS[2]:
                    for person in people[::20]:
                        person |= {"phone": "+49 30 1", "lastModified": "2026-02-01T08:00:00Z"}
                writer.append(_received(msgspec.json.encode({"data": people}), number, page))
    return bundle


def _received(body: bytes, sweep: int, page: int) -> Received:
    return Received(
        resource="hr.people",
        url="https://hr.example.com/people",
        fetched_at=datetime(2026, 1, 1 + sweep, tzinfo=UTC),
        status=200,
        headers={},
        body=body,
        format="json",
        request=f"{page}",
        sweep=SWEEPS[sweep],
        page=page + 1,
    )


_Result = TypeVar("_Result")


class Stopwatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, stage: str, work: Callable[[], _Result]) -> _Result:
        begin = time.perf_counter()
        result = work()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begin
        return result


def python_stages(folder: Path, bundle: Bundle, records: int) -> dict[str, float]:
    """Archive read, decode, transform (the general path, by dicts), and the whole making of batches by the quick path."""
    watch = Stopwatch()

    def read() -> list[Archived]:
        return list(
            itertools.islice(Archive(folder / "archive", Ports.real()).read("hr.people", None), records // PAGE)
        )

    archived = watch.time("archive", read)
    pages = [page.content() for page in archived]
    module = bundle.transform(MAP)
    maker = BatchMaker(bundle.map(MAP), module)

    def decode(content: bytes) -> list[object]:
        return [item for _, body in bodies(content, "json") for item in module.records(body)]

    with collector_paused():
        for content in pages:
            decoded = watch.time("decode, general path", partial(decode, content))
            watch.time("transform, general path", partial(list, map(module.transform, decoded)))
    for page in archived:
        watch.time("all of Python, quick path", partial(maker.add, maker.new(), page))
    return watch.seconds


class TimedLoader(Loader):
    """The loader with its database work timed by stage, for records that are new."""

    watch = Stopwatch()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for part, name, stage in (
            (self._applier, "copy", "COPY of claims"),
            (self._applier, "_make_rows", "canonical rows"),
            (self._position, "account", "accounts, ledger, position"),
            (self._applier, "tell_planner", "ANALYZE at the end"),
        ):
            setattr(part, name, self._timed(stage, getattr(part, name)))

    def _timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments, **options: self.watch.time(stage, lambda: work(*arguments, **options))


def peak(pid: int | str = "self") -> float:
    """The greatest size of a process in MB. Not `ru_maxrss`: that begins with the size of the process which started it."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        int(next(line.split()[1] for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM"))) / 1024
    )


def peak_of(loader: Loader) -> float:
    """Of a load with the processes beside it."""
    return peak() + sum(map(peak, loader._processes.pids))


def replay(folder: Path, url: str, *, timed: bool, bare: bool = False) -> dict[str, float]:
    """A whole replay into an empty database, sweep by sweep; seconds by sweep, and by stage of the first. bare: without the winning
    claim of each value, and the first sweep only."""
    bundle = bundles.read(folder / "bundle")
    database = Server(url)
    prepare(database, bundle, replay=True)
    if bare:
        bundle = without_provenance(bundle)
        with database.connect() as connection:
            connection.execute("ALTER TABLE canonical.worker ALTER COLUMN _claims DROP NOT NULL")
    with database.connect() as connection:
        row = connection.execute(
            "INSERT INTO fieldmap.runs (command, bundle) VALUES ('bench', '') RETURNING id"
        ).fetchone()
    kind = TimedLoader if timed else Loader
    found: dict[str, float] = {}
    pages = Archive(folder / "archive", Ports.real()).read("hr.people", None)
    for sweep, group in itertools.groupby(pages, lambda page: page.sweep):
        begin, cpu = time.perf_counter(), time.process_time()
        # A run of its own for each sweep, as by three calls of `fieldmap sync`.
        with kind(database, bundle, bundle.map(MAP), row[0] if row else 0) as loader:
            loader.load(group)
            loader.finish()
            memory = peak_of(loader)
        found[sweep] = time.perf_counter() - begin
        found[f"{sweep}, Python's processor time"] = time.process_time() - cpu
        if sweep == SWEEPS[0]:
            found["memory"] = memory
            found |= TimedLoader.watch.seconds if timed else {}
            if bare:
                break
    return found


def without_provenance(bundle: Bundle) -> Bundle:
    """A bundle that loads rows of which nobody can say where their values come from."""
    path = "sql/merge/worker.sql"
    text = bundle.parts[path].decode()
    head, step, rest = text.partition("-- step fresh\n")
    made = rest.replace(", _claims, _made_by", ", _made_by", 1).replace(", ARRAY[m._one], ", ", ", 1)
    assert made != rest
    return replace(bundle, parts={**bundle.parts, path: (head + step + made).encode()})


def child(folder: Path, url: str, *, timed: bool, bare: bool = False) -> dict[str, float]:
    """A replay in a process of its own, with its peak memory."""
    command = [
        sys.executable,
        "-m",
        "tests.bench.bench",
        "--child",
        str(folder),
        "--url",
        url,
        *(["--timed"] if timed else []),
        *(["--bare"] if bare else []),
    ]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def fresh(server: Server, number: int) -> str:
    name = f"bench_{number}"
    with server.connect() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}".encode())
        connection.execute(f"CREATE DATABASE {name}".encode())
    return server.url.replace("/postgres?", f"/{name}?")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=Path)
    parser.add_argument("--url", default="")
    parser.add_argument("--timed", action="store_true")
    parser.add_argument("--bare", action="store_true")
    options = parser.parse_args()
    if options.child is not None:
        seconds = replay(options.child, options.url, timed=options.timed, bare=options.bare)
        print(json.dumps(seconds))
        return
    with tempfile.TemporaryDirectory(prefix="fieldmap-bench-") as name:
        measure(Path(name), options.records, options.runs, as_json=options.json)


def limit(folder: Path, url: str) -> dict[str, float]:
    """The hand-written load of the first sweep."""
    command = [sys.executable, "-m", "tests.bench.limit", str(folder / "archive"), url]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def module(name: str, *arguments: object) -> dict[str, float]:
    """What a part of the benchmark that runs in a process of its own says."""
    command = [sys.executable, "-m", f"tests.bench.{name}", *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(json.loads(done)) if done else {}


def three_sources(
    folder: Path, server: Server, records: int, runs: int, found: dict[str, list[float]], ratios: dict[str, list[float]]
) -> None:
    module("three", folder / "three", "build", min(records, 100_000))
    for number in range(runs):
        hand = module("three", folder / "three", "limit", fresh(server, number))["whole"]
        ours = module("three", folder / "three", "load", fresh(server, number))["whole"]
        found.setdefault("three sources, claims", []).append(3 * min(records, 100_000) / ours)
        ratios.setdefault("three sources, of the limit", []).append(hand / ours)


def workers_apart(folder: Path, server: Server, records: int, runs: int, ratios: dict[str, list[float]]) -> None:
    module("wide", folder / "wide", "build", min(records, 100_000))
    for number in range(runs):
        seconds = [module("wide", folder / "wide", count, fresh(server, number))["whole"] for count in (0, 1, 2)]
        for count in (1, 2):
            ratios.setdefault(f"60 mapped fields, {count} processes that map, to none", []).append(
                seconds[0] / seconds[count]
            )
        ratios.setdefault("60 mapped fields, two processes that map, to one", []).append(seconds[1] / seconds[2])


def measure(folder: Path, records: int, runs: int, *, as_json: bool) -> None:
    bundle = build(folder, records)
    size = sum(path.stat().st_size for path in (folder / "archive").rglob("*.zst"))
    found: dict[str, list[float]] = {}
    ratios: dict[str, list[float]] = {}
    with open_database("", folder / "pg") as server:
        for number in range(runs):
            hand = limit(folder, fresh(server, number))["whole"]
            whole = child(folder, fresh(server, number), timed=False)
            bare = child(folder, fresh(server, number), timed=False, bare=True)["initial"]
            timed = child(folder, fresh(server, number), timed=True)
            for stage, seconds in {**python_stages(folder, bundle, records), **timed}.items():
                if stage not in SWEEPS and "Python" not in stage and stage != "memory":
                    found.setdefault(stage, []).append(records / seconds)
            found.setdefault("the limit: hand-written, initial", []).append(records / hand)
            for sweep in SWEEPS:
                found.setdefault(f"the whole: {sweep}", []).append(records / whole[sweep])
            ratios.setdefault("initial, of the limit", []).append(hand / whole[SWEEPS[0]])
            ratios.setdefault("initial, to the same without provenance", []).append(whole[SWEEPS[0]] / bare)
            for sweep in SWEEPS[1:]:
                ratios.setdefault(f"{sweep}, of the initial rate", []).append(whole[SWEEPS[0]] / whole[sweep])
            found.setdefault("peak memory MB", []).append(whole["memory"])
        three_sources(folder, server, records, runs, found, ratios)
        workers_apart(folder, server, records, runs, ratios)
    medians = {stage: statistics.median(values) for stage, values in found.items()}
    shares = {what: statistics.median(values) for what, values in ratios.items()}
    checks = figures(folder, max(runs, 3))
    if as_json:
        told = {"records": records, "runs": runs, "medians": medians, "ratios": shares, "archive_bytes": size}
        print(json.dumps({**told, "checks": checks}))
        return
    print(
        f"{records:,} records in pages of {PAGE:,}, {runs} runs, medians; {os.cpu_count()} CPUs, Python {platform.python_version()}, archive {size / 2**20:.0f} MB"
    )
    for stage, value in medians.items():
        print(f"  {stage:<36} {value:>12,.0f}" + ("" if "memory" in stage else " records/s"))
    for what, value in shares.items():
        print(f"  {what:<36} {value:>12.2f}")
    for what, seconds in checks.items():
        print(f"  {what:<36} {seconds:>8.2f} s")


if __name__ == "__main__":
    main()
