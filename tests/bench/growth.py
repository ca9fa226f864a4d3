"""How the cost of a batch grows with what the store holds: the same batches on tables of 1, 3 and 10 million claims.

The tables are filled by SQL; then 20,000 records that changed, spread over all keys, 20,000 that are new and 20,000 that are as they
were come in by the loader, each in a run of its own, with the time of every statement. Takes minutes and about 700 bytes of disk a claim.

    python -m tests.bench.growth [--claims 1000000 3000000 10000000]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from tests.bench.bench import MAP, MAPS, PAGE, record
from tests.support import MemoryPage

from fieldmap.compiler.project import check, compile_project
from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.store.database import Server, open_database
from fieldmap.runtime.store.reconcile import prepare

CHANGED = 20_000
_COLUMNS = "first_name, last_name, email, hired_on, status, base_salary, base_salary_currency, commute, weight, grade, remote, street, city, postcode, country, changed_at"
_VALUES = (
    "'Ada', 'Name' || n % 10000, 'worker' || n || '@example.com', date '2000-01-01' + (n % 9000)::int, 'active', 50000 + n % 50000, 'EUR', 12.5, 80.1234, n % 12,"
    " true, n % 400 || ' Main Street', 'Berlin', '10115', 'DE', timestamptz '2026-01-01 08:00Z'"
)


def filled(server: Server, bundle: Bundle, claims: int) -> float:
    """Fills the tables as a load would have. Returns bytes a claim, canonical row and indexes included."""
    with server.connect() as connection:
        version = connection.execute("SELECT id FROM fieldmap.map_versions WHERE map = %s", [MAP]).fetchone()
        assert version is not None
        for first in range(0, claims, 1_000_000):
            numbers = f"generate_series({first}, {min(first + 1_000_000, claims) - 1}) n"
            connection.execute(
                f"INSERT INTO claims.{MAP} (_record, _state, _changed, _position, _index, _map_version, _digest, number, {_COLUMNS})"
                f" SELECT lpad(n::text, 8, '0'), 'live', '2026-01-01 08:00Z', 1 + n / 1000, n % 1000, {version[0]}, decode(md5(n::text), 'hex'),"
                f" lpad(n::text, 8, '0'), {_VALUES} FROM {numbers}".encode()
            )
        connection.execute(
            f"INSERT INTO canonical.worker (number, {_COLUMNS}, _claims, _made_by, _changed_by)"
            f" SELECT number, {_COLUMNS}, ARRAY[_claim], 1, 0 FROM claims.{MAP}".encode()
        )
        connection.execute("UPDATE fieldmap.positions SET applied_through = 1000000000")
        connection.execute("VACUUM ANALYZE")
        size = connection.execute(
            f"SELECT pg_total_relation_size('claims.{MAP}') + pg_total_relation_size('canonical.worker')".encode()
        ).fetchone()
    return float(size[0]) / claims if size else 0.0


def pages(numbers: list[int], position: int, day: int, dice: random.Random) -> list[MemoryPage]:
    made = []
    for at in range(0, len(numbers), PAGE):
        people = [record(number, dice) for number in numbers[at : at + PAGE]]
        for person, number in zip(people, numbers[at : at + PAGE], strict=True):
            person |= {"employeeID": f"{number:08d}", "lastModified": f"2026-03-{day:02d}T08:00:00Z"}
        made.append(MemoryPage(position + at, msgspec.json.encode({"data": people}), "json"))
    return made


@contextmanager
def watched() -> Iterator[Counter[str]]:
    """Seconds by the beginning of each statement."""
    seconds: Any = Counter()
    execute = psycopg.Connection.execute

    def timed(self: Any, query: Any, *args: Any, **more: Any) -> Any:
        begin = time.perf_counter()
        try:
            return execute(self, query, *args, **more)
        finally:
            text = (
                query.decode() if isinstance(query, bytes) else query if isinstance(query, str) else query.as_string()
            )
            words = " ".join(line for line in text.splitlines() if not line.startswith("--"))
            seconds[" ".join(words.split())[:70]] += time.perf_counter() - begin

    psycopg.Connection.execute = timed  # type: ignore[method-assign]
    try:
        yield seconds
    finally:
        psycopg.Connection.execute = execute  # type: ignore[method-assign]


def measured(server: Server, bundle: Bundle, what: str, made: list[MemoryPage]) -> tuple[float, Counter[str]]:
    with server.connect() as connection:
        row = connection.execute(
            "INSERT INTO fieldmap.runs (command, bundle) VALUES ('bench', '') RETURNING id"
        ).fetchone()
    begin = time.perf_counter()
    with watched() as seconds, Loader(server, bundle, bundle.map(MAP), row[0] if row else 0, workers=0) as loader:
        loader.load(made)
    return time.perf_counter() - begin, seconds


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--claims", type=int, nargs="+", default=[1_000_000, 3_000_000, 10_000_000])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fieldmap-growth-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "all.map").write_text(MAPS, "utf-8")
        bundle = compile_project(check(folder, [folder / "all.map"]))
        with open_database("", folder / "pg") as server:
            for claims in options.claims:
                with server.connect() as connection:
                    connection.execute("DROP DATABASE IF EXISTS growth")
                    connection.execute("CREATE DATABASE growth")
                here = Server(server.url.replace("/postgres?", "/growth?"))
                prepare(here, bundle, replay=True)
                size = filled(here, bundle, claims)
                dice = random.Random(claims)  # noqa: S311
                chosen = sorted(dice.sample(range(claims), CHANGED))
                changed = pages(chosen, 2_000_000_000, 1, dice)
                sweeps = {
                    "changed": changed,
                    "new": pages(list(range(claims, claims + CHANGED)), 3_000_000_000, 2, dice),
                    "as they were": [
                        MemoryPage(4_000_000_000 + page.position, page.body + b" ", "json") for page in changed
                    ],
                }
                print(f"{claims:,} claims, {size:.0f} bytes each")
                for what, made in sweeps.items():
                    whole, seconds = measured(here, bundle, what, made)
                    print(f"  {what:<14} {whole / CHANGED * 1e6:8.1f} us a record")
                    for statement, spent in seconds.most_common(7):
                        print(f"      {spent / CHANGED * 1e6:8.2f}  {statement}", flush=True)


if __name__ == "__main__":
    main()
