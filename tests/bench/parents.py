"""What it takes to find for whom a child resource is asked: 200,000 parents on 200 pages, read in full on each of 10 days.

python -m tests.bench.parents [--parents 200000] [--days 10]
"""

from __future__ import annotations

import argparse
import json
import resource as process
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support import compiled

from fieldmap.runtime.acquire.family import Family, Memory
from fieldmap.runtime.archive import Archive, Received, SweepEnd, Writer
from fieldmap.runtime.plan import HttpConnector, Parent
from fieldmap.runtime.ports import Ports

PAGE = 1000
WORKERS = "hr.workers"
MAP = """
connector hr {
  base "https://hr.example.com"
  resource workers {
    get     "/workers"
    records $.items[*]
    id      $.id
    changed $.at
    deleted when $.state == "gone" otherwise false
    shape   { id: text, name: text?, at: text?, state: text? }
  }
  resource jobs {
    for each workers as w get "/workers/{w.id}/jobs"
    records $.items[*]
    id      (@parent.id, $.no)
  }
}
"""


def swept(writer: Writer, day: int, parents: int) -> None:
    """A full sweep, in which each hundredth record changed since the day before."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    first, pages = -1, 0
    for begin in range(0, parents, PAGE):
        pages += 1
        items = [
            {
                "id": f"{n:08}",
                "name": f"Name {n}",
                "at": f"{at - timedelta(days=(n + day) % 100):%Y-%m-%dT00:00:00Z}",
                "state": "active",
            }
            for n in range(begin, begin + PAGE)
        ]
        page = writer.append(
            Received(
                resource=WORKERS,
                url="https://hr.example.com/workers",
                fetched_at=at,
                status=200,
                headers={"content-type": "application/json"},
                body=json.dumps({"items": items}).encode(),
                format="json",
                request=f"{begin}",
                sweep=f"{day}",
                page=pages,
                framed=True,
            )
        )
        first = page.position if first < 0 else first
    writer.close_sweep(f"{day}", pages, SweepEnd(framed=True, full=True, first=first, records=parents))


def measured(what: str, family: Family, parent: Parent) -> None:
    began = time.perf_counter()
    records = family.records(parent)
    next(records)
    first = time.perf_counter() - began
    count = 1 + sum(1 for _ in records)
    total = time.perf_counter() - began
    peak = process.getrusage(process.RUSAGE_SELF).ru_maxrss >> 10
    print(
        f"{what:32} {first:7.2f} s to the first, {total:7.2f} s to all of {count:,}; {peak:,} MB at most so far",
        flush=True,
    )


def main() -> None:
    wanted = argparse.ArgumentParser()
    wanted.add_argument("--parents", type=int, default=200_000)
    wanted.add_argument("--days", type=int, default=10)
    options = wanted.parse_args()
    with tempfile.TemporaryDirectory(prefix="fieldmap-bench-") as folder:
        root = Path(folder)
        bundle = compiled(root / "maps", hr=MAP)
        ports = Ports.real(root / "state")
        archive = Archive(root / "archive", ports)
        with archive.writer(WORKERS) as writer:
            for day in range(options.days):
                swept(writer, day, options.parents)
        connector = bundle.connector("hr")
        assert isinstance(connector, HttpConnector)
        assert ports.state is not None
        parent = next(one.parent for one in connector.resources if one.parent is not None)
        memory = Memory(ports.state, ports.clock, bundle.apart)
        measured("nothing kept", Family(archive, bundle.parent), parent)
        measured("kept by this sync", Family(archive, bundle.parent, memory), parent)
        measured("kept, nothing new", Family(archive, bundle.parent, memory), parent)
        with archive.writer(WORKERS) as writer:
            swept(writer, options.days, options.parents)
        measured("kept, another full sweep", Family(archive, bundle.parent, memory), parent)
        print(f"{sum(path.stat().st_size for path in (root / 'state').iterdir()) / 1e6:.1f} MB kept")


if __name__ == "__main__":
    main()
