"""Three sources that claim one entity, against the best load and merge that we can write by hand for them.

100,000 records of each source with 20 fields become 140,000 rows: a part of them is in one source only, a part in two or all.

    python -m tests.bench.three FOLDER build RECORDS | load URL | limit URL
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psycopg
from tests.bench.bench import MAPS, PAGE, record
from tests.bench.limit import NAMES
from tests.bench.limit import load as load_by_hand
from tests.support import Quiet

from fieldmap.compiler.project import check, compile_project
from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.archive import Archive, Received
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Server

SOURCES = ("hr", "pay", "site")
MERGE = """
merge Worker {
  same number of hr, pay, site
  default prefer hr, pay, site
}
"""


def text() -> str:
    """The maps of the benchmark's one source, three times."""
    head, _, rest = MAPS.partition("connector hr")
    parts = [
        f"connector hr{rest}".replace("connector hr", f"connector {name}").replace("map hr.", f"map {name}.")
        for name in SOURCES
    ]
    return head + "".join(parts) + MERGE


def build(folder: Path, records: int) -> None:
    """A bundle and an archive of three sources; of each the records begin a fifth of them later than of the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "all.map").write_text(text(), "utf-8")
    bundles.write(compile_project(check(folder, [folder / "all.map"])), folder / "bundle")
    for number, name in enumerate(SOURCES):
        dice = random.Random(number)  # noqa: S311
        with Archive(folder / "archive", Ports.real()).writer(f"{name}.people") as writer:
            for page in range(records // PAGE):
                first = number * records // 5 + page * PAGE
                people = [record(first + n, dice) for n in range(PAGE)]
                writer.append(
                    Received(
                        resource=f"{name}.people",
                        url="https://hr.example.com/people",
                        fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
                        status=200,
                        headers={},
                        body=msgspec.json.encode({"data": people}),
                        format="json",
                        request=f"{page}",
                        sweep="initial",
                        page=page + 1,
                    )
                )


def load(folder: Path, url: str) -> dict[str, float]:
    """Seconds of a replay of all three into an empty database, from its first table to its last row."""
    begin = time.perf_counter()
    bundle, database = bundles.read(folder / "bundle"), Server(url)
    archive = Archive(folder / "archive", Ports.real())
    report = Run(bundle, archive, database, Ports.real(), {}, Quiet()).replay([])
    seconds = time.perf_counter() - begin
    return {"whole": seconds, "rows": float(report.entities()["Worker"].new)}


def by_hand(folder: Path, url: str) -> dict[str, float]:
    """Seconds of three loads by hand and one merge, without a word of where a value came from."""
    begin = time.perf_counter()
    for name in SOURCES:
        load_by_hand(folder / "archive" / f"{name}.people", url, f"limit_{name}")
    loaded = time.perf_counter() - begin
    chosen = ", ".join(f"coalesce(hr.{name}, pay.{name}, site.{name}) AS {name}" for name in NAMES)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE limit_merged AS SELECT {chosen} FROM limit_hr hr FULL JOIN limit_pay pay USING (number)"
            " FULL JOIN limit_site site USING (number)".encode()
        )
        connection.execute("ALTER TABLE limit_merged ADD PRIMARY KEY (number)")
        count = connection.execute("SELECT count(*) FROM limit_merged").fetchone()
    return {"whole": time.perf_counter() - begin, "loads": loaded, "rows": float(count[0] if count else 0)}


def main() -> None:
    folder, what, last = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    if what == "build":
        build(folder, int(last))
    else:
        print(json.dumps((load if what == "load" else by_hand)(folder, last)))


if __name__ == "__main__":
    main()
