"""The limit: hand-written Python for the very workload of the benchmark, as a yardstick.

Structs that hold only what is read, text for COPY, one upsert, the cyclic collector off. It checks nothing, knows no provenance, no
merge, no ledger, and goes on from nowhere if it is stopped.

    python -m tests.bench.limit ARCHIVE URL
"""

from __future__ import annotations

import gc
import io
import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import zstandard

BATCH = 25_000
COLUMNS = (
    "number text PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL, email text, phone text, hired_on date NOT NULL, left_on date,"
    " status text NOT NULL, manager text, base_salary numeric(12, 2), base_salary_currency text, bonus numeric(8, 4), commute numeric(8, 1),"
    " weight numeric(10, 4), grade bigint, remote boolean, street text, city text, postcode text, country text, changed_at timestamptz NOT NULL"
)
NAMES = [
    column.split()[0]
    for column in COLUMNS.replace("(12, 2)", "")
    .replace("(8, 4)", "")
    .replace("(8, 1)", "")
    .replace("(10, 4)", "")
    .split(", ")
]


class Name(msgspec.Struct, gc=False):
    first: str
    last: str


class Email(msgspec.Struct, gc=False):
    work: str | None = None
    home: str | None = None


class Pay(msgspec.Struct, gc=False):
    amount: float
    currency: str
    bonus: float | None = None


class Address(msgspec.Struct, gc=False):
    line1: str | None = None
    city: str | None = None
    zip: str | None = None
    country: str | None = None


class Person(msgspec.Struct, gc=False, rename="camel"):
    employee_id: str = msgspec.field(name="employeeID")
    name: Name
    hire_date: str
    status: str
    last_modified: str
    email: Email | None = None
    phone: str | None = None
    leave_date: str | None = None
    manager: str | None = msgspec.field(name="managerID", default=None)
    comp: Pay | None = None
    commute_miles: float | None = None
    weight_lb: float | None = None
    grade: int | None = None
    remote: str | None = None
    address: Address | None = None


class Page(msgspec.Struct):
    data: list[Person]


NULL = "\\N"
STATES = {"Active": "active", "On Leave": "leave", "Sabbatical": "leave", "Terminated": "terminated"}


def pages(archive: Path) -> Iterator[bytes]:
    """The bodies of the archived responses of the first sweep, unverified."""
    for segment in sorted(archive.rglob("*.warc.zst")):
        with segment.open("rb") as file:
            reader = io.BufferedReader(
                zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True), 1 << 20
            )
            while line := reader.readline():
                if not line.startswith(b"WARC/"):
                    continue
                kind, length, sweep = b"", 0, b""
                while (header := reader.readline()).strip():
                    name, _, value = header.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                    elif name.lower() == b"warc-type":
                        kind = value.strip()
                    elif name.lower() == b"fieldmap-sweep":
                        sweep = value.strip()
                block = reader.read(length)
                if sweep not in (b"", b"initial"):
                    return
                if kind == b"response":
                    yield block.partition(b"\r\n\r\n")[2]


def line(p: Person) -> str:
    email, pay, address = p.email, p.comp, p.address
    mail = (email.work or email.home) if email is not None else None
    mail = mail.lower() if mail else "\\N"
    hired, left = p.hire_date, p.leave_date
    gone = "\\N" if left is None or left in ("00/00/0000", "", "N/A") else f"{left[6:]}-{left[:2]}-{left[3:5]}"
    miles = p.commute_miles
    away = "\\N" if miles is None or miles == -1 else f"{miles * 1.609344:.1f}"
    weight = "\\N" if p.weight_lb is None else f"{p.weight_lb * 0.45359237:.4f}"
    money = (
        "\\N\t\\N\t\\N" if pay is None else f"{pay.amount}\t{pay.currency}\t{NULL if pay.bonus is None else pay.bonus}"
    )
    home = (
        "\\N\t\\N\t\\N\t\\N"
        if address is None
        else f"{address.line1 or NULL}\t{address.city or NULL}\t{address.zip or NULL}\t{address.country or NULL}"
    )
    return (
        f"{p.employee_id}\t{p.name.first}\t{p.name.last}\t{mail}\t{p.phone or NULL}\t{hired[6:]}-{hired[:2]}-{hired[3:5]}\t{gone}\t{STATES[p.status]}\t"
        f"{p.manager or NULL}\t{money}\t{away}\t{weight}\t{NULL if p.grade is None else p.grade}\t{'t' if p.remote == 'Y' else 'f'}\t{home}\t{p.last_modified}\n"
    )


def load(archive: Path, url: str, table: str = "limit_worker") -> int:
    """Loads the first sweep of what lies in a folder of the archive. Returns how many records."""
    decoder = msgspec.json.Decoder(Page)
    gc.disable()
    count, lines = 0, list[str]()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {table}".encode())
        connection.execute(f"CREATE TABLE {table} ({COLUMNS})".encode())
        for body in pages(archive):
            lines += [line(person) for person in decoder.decode(body).data]
            if len(lines) >= BATCH:
                write(connection, lines, table)
                count, lines = count + len(lines), []
        if lines:
            write(connection, lines, table)
    return count + len(lines)


def write(connection: psycopg.Connection[tuple[object, ...]], lines: list[str], table: str) -> None:
    plain = COLUMNS.replace(" PRIMARY KEY", "").replace(" NOT NULL", "")
    names = ", ".join(NAMES)
    values = ", ".join(f"EXCLUDED.{name}" for name in NAMES)
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE stage ({plain}) ON COMMIT DROP".encode())
        with cursor.copy("COPY stage FROM STDIN") as copy:
            copy.write("".join(lines))
        cursor.execute(
            f"INSERT INTO {table} SELECT * FROM stage ON CONFLICT (number) DO UPDATE SET ({names}) = ROW({values})".encode()
        )


def main() -> None:
    begin = time.perf_counter()
    count = load(Path(sys.argv[1]), sys.argv[2])
    seconds = time.perf_counter() - begin
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "records": count,
                "whole": seconds,
                "cpu": usage.ru_utime + usage.ru_stime,
                "memory": usage.ru_maxrss / 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
