"""What fetching costs: pages of 1,000 records of 1 kB from a server on the loopback, and the memory of a sync whose database is gone.

python -m tests.bench.fetching                both figures; --pages 60 (0: memory only), --rounds 3, --megabytes 2048
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from tests.bench.bench import peak

from fieldmap.runtime import bundle as bundles
from fieldmap.runtime.acquire import acquire
from fieldmap.runtime.acquire.sweeps import Wanted
from fieldmap.runtime.archive import Archive
from fieldmap.runtime.errors import AwayError
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.run import Run
from fieldmap.runtime.store.database import Connection, Server, open_database
from fieldmap.runtime.syncing import Options

NAMES = ("a", "b", "c", "d")
MAPS = (
    "entity Thing {\n key number : text\n note : text?\n}\nconnector src {\n base env.SRC\n"
    + "".join(
        f' resource {name} {{\n get "/{name}"\n pages cursor at $.next sent as "page"\n records $.data[*]\n id $.id\n'
        " shape { id: text, note: text? }\n }\n"
        for name in NAMES
    )
    + "}\n"
    + "".join(
        f"map src.{name} to Thing{'' if name == 'a' else ' partial'} {{\n number = $.id\n note = $.note\n}}\n"
        for name in NAMES
    )
    + "merge Thing {\n same number of src\n default prefer "
    + ", ".join(f"src.{name}" for name in NAMES)
    + "\n}\n"
)


# Half of each record is like the one before, as records of one kind are.
_RECORDS = b",".join(
    json.dumps({"id": f"@PAGE@-{n}", "note": os.urandom(300).hex() + "fieldmap " * 34}).encode() for n in range(1000)
)


class _Pages(BaseHTTPRequestHandler):
    """Answers `/a?page=7` with 1,000 records of 1 kB, `last` of them a resource."""

    protocol_version = "HTTP/1.1"
    last = 0

    def do_GET(self) -> None:
        page = int(self.path.partition("page=")[2] or 1)
        following = b'"%d"' % (page + 1) if page < self.last else b"null"
        data = _RECORDS.replace(b"@PAGE@", b"%s%d" % (self.path[1:2].encode(), page))
        body = b'{"next":%s,"data":[%s]}' % (following, data)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: Any) -> None: ...


def serve(pages: int) -> None:
    _Pages.last = pages
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    print(server.server_port, flush=True)
    server.serve_forever()


@contextmanager
def served(pages: int) -> Iterator[str]:
    """The server as a process of its own."""
    command = [sys.executable, "-m", "tests.bench.fetching", "--serve", str(pages)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def bare(url: str, pages: int) -> float:
    began = time.perf_counter()
    with httpx.Client() as client:
        for page in range(1, pages + 1):
            client.get(f"{url}/a?page={page}").read()
    return time.perf_counter() - began


def archived(url: str, pages: int, folder: Path) -> float:
    from tests.support import compiled

    bundle, ports = compiled(folder / "maps", all=MAPS), Ports.real()
    began = time.perf_counter()
    with Archive(folder / "archive", ports).writer("src.a") as writer:
        found = acquire(
            bundle.connector("src"),
            "src.a",
            writer=writer,
            ports=ports,
            environ={"SRC": url},
            wanted=Wanted(),
        )
        number = sum(1 for _ in found)
    took = time.perf_counter() - began
    ports.http.close()
    assert number == pages + 1
    return took


def throughput(pages: int, rounds: int) -> None:
    with served(pages) as url:
        bare(url, 2)
        loops, ours = [], []
        for _ in range(rounds):
            loops.append(bare(url, pages))
            with tempfile.TemporaryDirectory() as folder:
                ours.append(archived(url, pages, Path(folder)))
    size = pages * 0.93
    one, other = statistics.median(loops), statistics.median(ours)
    print(f"bare httpx loop   {size / one:6.0f} MB/s")
    print(f"fetch and archive {size / other:6.0f} MB/s, {100 * one / other:.0f} % of it")


class _Gone:
    """A server that is gone once the run has begun to fetch."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._gone = False
        threading.Thread(target=self._go, daemon=True).start()

    def connect(self) -> Connection:
        if self._gone:
            raise AwayError("The database cannot be reached.")
        return self._server.connect()

    def _go(self) -> None:
        while not any(self._folder.glob("archive/*/*.zst")):
            time.sleep(0.01)
        self._gone = True
        with self._server.connect() as connection:
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


class _Quiet:
    def fetched(self, resource: str, pages: int) -> None: ...
    def applied(self, title: str, records: int) -> None: ...
    def stands(self, resource: str, state: str, through: str = "") -> None: ...
    def waits(self, resource: str, reason: str, seconds: float | None = None) -> None: ...
    def cut(self, resource: str, note: str) -> None: ...


def memory_child(url: str, database: str, folder: Path, patience: float) -> None:
    """A sync without a database; prints the most memory that it held, in MB, and in its room."""
    bundle, ports = bundles.read(folder / "bundle"), Ports.real()
    options = Options(at_once=4, patience=patience)
    gone: Any = _Gone(Server(database), folder)
    run = Run(bundle, Archive(folder / "archive", ports), gone, ports, {"SRC": url}, _Quiet(), options=options)
    try:
        run.sync([])
    except AwayError:
        print(int(peak()), options.room.most >> 20, flush=True)


def memory(megabytes: int, patience: float = 300.0) -> tuple[int, int]:
    """The most memory of a sync of so much while its database is gone, and the most that waited, in MB."""
    from tests.support import compiled

    pages = max(1, round(megabytes / 0.93 / len(NAMES)))
    with tempfile.TemporaryDirectory() as folder, served(pages) as url:
        Path(folder).chmod(0o755)
        with open_database("", Path(folder) / "pg") as server:
            # Compiled here: what the compiler needs is no memory of a sync.
            bundles.write(compiled(Path(folder) / "maps", all=MAPS), Path(folder) / "bundle")
            command = [sys.executable, "-m", "tests.bench.fetching", "--child", url, server.url, folder, str(patience)]
            told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return int(told[0]), int(told[1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.fetching")
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=2048)
    parser.add_argument("--patience", type=float, default=5.0)
    parser.add_argument("--serve", type=int)
    parser.add_argument("--child", nargs=4)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
    elif options.child:
        url, database, folder, patience = options.child
        memory_child(url, database, Path(folder), float(patience))
    else:
        if options.pages:
            throughput(options.pages, options.rounds)
        most, waited = memory(options.megabytes, options.patience)
        print(
            f"memory of a sync of {options.megabytes:,} MB without its database: {most} MB, of these {waited} MB waited"
        )


if __name__ == "__main__":
    main()
