"""`make bench`: how fast the parts of a replay are, and how much memory the whole takes.

100,000 generated records of about 1 kB with 20 mapped fields, from a real archive into a real PostgreSQL (embedded, default
durability). Each figure is the median of the runs; the whole replay runs in a process of its own, whose peak memory is its own.

    python -m tests.bench.bench [--records 100000] [--runs 3] [--json]
"""

from __future__ import annotations

import argparse
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
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
from tests.bench.checking import figures

from fieldmap.compiler.project import check, compile_project
from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.archive import Archive, Received
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load.batch import Batch, BatchMaker
from fieldmap.runtime.load.collector import collector_paused
from fieldmap.runtime.load.loader import Changes, Loader
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Connection, Server, open_database
from fieldmap.runtime.store.reconcile import prepare
from fieldmap.runtime.store.scripts import run_script
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
        "notes": "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna.",
        "flags": {"union": False, "visa": None, "badge": f"B{number}"},
    }


def build(folder: Path, records: int) -> Bundle:
    """The bundle and an archive of so many records, in pages of a thousand."""
    (folder / "all.map").write_text(MAPS, "utf-8")
    bundle = compile_project(check(folder, [folder / "all.map"]))
    bundles.write(bundle, folder / "bundle")
    dice = random.Random(7)  # noqa: S311
    with Archive(folder / "archive", Ports.real()).writer("hr.people") as writer:
        for page in range(records // PAGE):
            body = msgspec.json.encode({"data": [record(page * PAGE + n, dice) for n in range(PAGE)]})
            at = datetime(2026, 1, 1, tzinfo=UTC)
            writer.append(
                Received(
                    resource="hr.people",
                    url="https://hr.example.com/people",
                    fetched_at=at,
                    status=200,
                    headers={},
                    body=body,
                    format="json",
                    request=f"{page}",
                    sweep="bench",
                    page=page + 1,
                )
            )
    return bundle


_Result = TypeVar("_Result")


class Stopwatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, stage: str, work: Callable[[], _Result]) -> _Result:
        begin = time.perf_counter()
        result = work()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - begin
        return result


def python_stages(folder: Path, bundle: Bundle) -> dict[str, float]:
    """Archive read, decode, transform, and the whole making of batches (decode, transform, COPY text)."""
    watch = Stopwatch()
    archive = Archive(folder / "archive", Ports.real())
    pages = watch.time("archive", lambda: [page.content() for page in archive.read("hr.people", None)])
    module = bundle.transform(MAP)
    maker = BatchMaker(bundle.map(MAP), module)

    def decode(content: bytes) -> list[object]:
        return [item for _, body in bodies(content, "json") for item in module.records(body)]

    with collector_paused():
        for content in pages:
            decoded = watch.time("decode", partial(decode, content))
            watch.time("transform", partial(list, map(module.transform, decoded)))
    for page in archive.read("hr.people", None):
        watch.time("decode + transform + COPY text", partial(maker.add, maker.new(), page))
    return watch.seconds


class TimedLoader(Loader):
    """The loader with its database work timed by stage."""

    watch = Stopwatch()

    def _rest(self, connection: Connection, batch: Batch) -> None:
        self._letters(connection, batch)
        self._account(connection, batch)

    def _write(self, connection: Connection, batch: Batch) -> dict[str, Changes]:
        watch = self.watch
        self._fence(connection)
        self._run_step(connection, "stage")
        watch.time("COPY", lambda: self._copy(connection, batch))
        watch.time(
            "apply claims", lambda: run_script(connection, self._apply["apply"], {"map_version": self._map_version})
        )
        changes: dict[str, Changes] = {}
        watch.time("merge canonical", lambda: changes.update(self._merge(connection)))
        watch.time("letters, accounts, position", lambda: self._rest(connection, batch))
        return changes


def replay(folder: Path, url: str, *, timed: bool) -> dict[str, float]:
    """One whole replay into an empty database; seconds by stage, "whole" among them."""
    bundle = bundles.read(folder / "bundle")
    database = Server(url)
    prepare(database, bundle, replay=True)
    with database.connect() as connection:
        row = connection.execute(
            "INSERT INTO fieldmap.runs (command, bundle) VALUES ('bench', '') RETURNING id"
        ).fetchone()
    kind = TimedLoader if timed else Loader
    begin = time.perf_counter()
    with kind(database, bundle, bundle.map(MAP), row[0] if row else 0) as loader:
        loader.load(Archive(folder / "archive", Ports.real()).read("hr.people", None))
        loader.finish()
    whole = time.perf_counter() - begin
    return {**(TimedLoader.watch.seconds if timed else {}), "whole": whole}


def child(folder: Path, url: str, *, timed: bool) -> dict[str, float]:
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
    options = parser.parse_args()
    if options.child is not None:
        seconds = replay(options.child, options.url, timed=options.timed)
        print(json.dumps({**seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return
    with tempfile.TemporaryDirectory(prefix="fieldmap-bench-") as name:
        measure(Path(name), options.records, options.runs, as_json=options.json)


def measure(folder: Path, records: int, runs: int, *, as_json: bool) -> None:
    bundle = build(folder, records)
    size = sum(path.stat().st_size for path in (folder / "archive").rglob("*.zst"))
    found: dict[str, list[float]] = {}
    with open_database("", folder / "pg") as server:
        for number in range(runs):
            parts = [
                python_stages(folder, bundle),
                child(folder, fresh(server, number), timed=True),
                child(folder, fresh(server, number), timed=False),
            ]
            whole = parts.pop()
            for part in parts:
                for stage, seconds in part.items():
                    if stage not in ("whole", "memory"):
                        found.setdefault(stage, []).append(records / seconds)
            found.setdefault("the whole replay", []).append(records / whole["whole"])
            found.setdefault("peak memory MB", []).append(whole["memory"])
    medians = {stage: statistics.median(values) for stage, values in found.items()}
    checks = figures(folder, max(runs, 3))
    if as_json:
        print(
            json.dumps({"records": records, "runs": runs, "medians": medians, "archive_bytes": size, "checks": checks})
        )
        return
    print(
        f"{records:,} records in pages of {PAGE:,}, {runs} runs, medians; {os.cpu_count()} CPUs, Python {platform.python_version()}, archive {size / 2**20:.0f} MB"
    )
    for stage, value in medians.items():
        print(f"  {stage:<32} {value:>12,.0f}" + ("" if "memory" in stage else " records/s"))
    for what, seconds in checks.items():
        print(f"  {what:<36} {seconds:>8.2f} s")


if __name__ == "__main__":
    main()
