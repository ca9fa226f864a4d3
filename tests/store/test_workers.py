"""Pages that processes beside the loader map come to the same end as those that it maps itself."""

from __future__ import annotations

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.conftest import empty_database
from tests.store.test_recall import MAP, MAPS, cleared, state, version
from tests.support import MemoryPage, Pages, compiled, ready, rows

from fieldmap.runtime.bundle import Bundle
from fieldmap.runtime.errors import FieldmapError
from fieldmap.runtime.load import intake, mapping
from fieldmap.runtime.load.loader import Loader
from fieldmap.runtime.load.mapping import Processes, Workers
from fieldmap.runtime.store.database import Server


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return compiled(tmp_path_factory.mktemp("workers"), all=MAPS)


@pytest.fixture(scope="module")
def shared(server: Server, bundle: Bundle) -> Iterator[Server]:
    with empty_database(server) as database:
        yield ready(database, bundle)


@pytest.fixture(autouse=True)
def found_by_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages of tests are of a class of the tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))


def history(seed: int) -> list[list[MemoryPage]]:
    """Runs of pages of every kind: some come again, some are not what the quick path takes, some cannot be read at all."""
    dice, pages = random.Random(seed), Pages()  # noqa: S311
    pool: list[Any] = [
        {"data": [version(f"{dice.randrange(400)}", dice.randrange(8), 1 + dice.randrange(9)) for _ in range(9)]}
        for _ in range(14)
    ]
    pool += [b"{", b'{"data": [{"id": "1", "id": "2", "at": "2026-01-01T00:00:00Z"}]}', b'{"data": []}']
    return [[pages.page(dice.choice(pool)) for _ in range(12)] for _ in range(4)]


def loaded(database: Server, bundle: Bundle, runs: list[list[MemoryPage]], workers: int) -> dict[str, Any]:
    cleared(database)
    beside = 0
    for pages in runs:
        run = rows(database, "INSERT INTO fieldmap.runs (command, bundle) VALUES ('test', '') RETURNING id")[0][0]
        with Loader(database, bundle, bundle.map(MAP), run, workers=workers) as loader:
            loader.load(pages)
            loader.finish()
            beside += isinstance(loader._mapper, Workers)
    assert beside == (len(runs) if workers else 0)
    return state(database)


@pytest.mark.parametrize(("workers", "seed", "size"), [(1, 1, 25_000), (2, 1, 25_000), (2, 2, 20), (1, 3, 1)])
def test_workers_come_to_the_same_end(
    bundle: Bundle, shared: Server, at_once: None, monkeypatch: pytest.MonkeyPatch, workers: int, seed: int, size: int
) -> None:
    monkeypatch.setattr(intake, "BATCH_RECORDS", size)
    runs = history(seed)
    assert loaded(shared, bundle, runs, workers) == loaded(shared, bundle, runs, 0)


def test_a_load_goes_on_where_a_worker_was_killed(bundle: Bundle, shared: Server, at_once: None) -> None:
    runs = history(4)
    expected = loaded(shared, bundle, runs, 0)
    cleared(shared)
    run = rows(shared, "INSERT INTO fieldmap.runs (command, bundle) VALUES ('test', '') RETURNING id")[0][0]

    def interrupted(loader: Loader) -> Any:
        for number, page in enumerate(runs[0]):
            if number == 7:
                assert isinstance(loader._mapper, Workers)
                os.kill(loader._processes.pids[0], signal.SIGKILL)
            yield page

    with (
        pytest.raises(FieldmapError, match="A process that maps pages ended"),
        Loader(shared, bundle, bundle.map(MAP), run, workers=1) as loader,
    ):
        loader.load(interrupted(loader))
    for pages in runs:
        run = rows(shared, "INSERT INTO fieldmap.runs (command, bundle) VALUES ('test', '') RETURNING id")[0][0]
        with Loader(shared, bundle, bundle.map(MAP), run, workers=1) as loader:
            loader.load(pages)
            loader.finish()
    found = state(shared)
    assert {k: v for k, v in found.items() if k != "accounts"} == {k: v for k, v in expected.items() if k != "accounts"}


@pytest.mark.parametrize("size", [9, 90_000], ids=["small pages", "more than fits into the pipe"])
def test_I19_a_worker_that_hangs_is_ended_and_the_next_run_goes_on(
    bundle: Bundle, shared: Server, at_once: None, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Be it that an answer is waited for, or that it takes no question any more."""
    pages = Pages()
    run_of = [pages.page({"data": [version(f"{n}", n, 1)], "padding": "x" * size}) for n in range(12)]
    expected = loaded(shared, bundle, [run_of], 0)
    cleared(shared)
    run = rows(shared, "INSERT INTO fieldmap.runs (command, bundle) VALUES ('test', '') RETURNING id")[0][0]
    others = subprocess.Popen([sys.executable, "-m", "fieldmap.runtime.load.worker"], stdin=subprocess.PIPE)

    def interrupted(loader: Loader) -> Any:
        for number, page in enumerate(run_of):
            if number == 1:
                assert isinstance(loader._mapper, Workers)
                while loader._mapper._workers[0]._open:
                    time.sleep(0.01)
                monkeypatch.setattr(mapping, "PATIENCE", 2.0)
            if number == 7:
                os.kill(loader._processes.pids[0], signal.SIGSTOP)
            yield page

    loader = Loader(shared, bundle, bundle.map(MAP), run, workers=1)
    since = time.monotonic()
    told = r"gave no answer for \d+ seconds at 0\d+.warc.zst at [\d ]+ of hr.people, and was ended"
    with pytest.raises(FieldmapError, match=told), loader:
        loader.load(interrupted(loader))
    assert time.monotonic() - since < 30
    assert loader._processes.pids == []
    assert others.poll() is None
    others.communicate()
    run = rows(shared, "INSERT INTO fieldmap.runs (command, bundle) VALUES ('test', '') RETURNING id")[0][0]
    with Loader(shared, bundle, bundle.map(MAP), run, workers=1) as loader:
        loader.load(run_of)
        loader.finish()
    found = state(shared)
    assert {k: v for k, v in found.items() if k != "accounts"} == {k: v for k, v in expected.items() if k != "accounts"}


def test_a_worker_at_work_for_long_is_not_ended(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large page takes its time."""
    monkeypatch.setattr(mapping, "_SLOWEST", 5)
    processes = Processes(1)
    try:
        processes.start()
        workers = processes.mapper(bundle, bundle.map(MAP), {})
        workers._begun[0]()
        monkeypatch.setattr(mapping, "PATIENCE", 0.0)
        os.kill(processes.pids[0], signal.SIGSTOP)
        asked = workers.add(Pages().page({"data": [version("1", 1, 1)]}))
        time.sleep(3.5)
        os.kill(processes.pids[0], signal.SIGCONT)
        assert asked().counts.claimed == 1
    finally:
        processes.close()


def test_what_a_worker_cannot_do_is_raised_where_it_was_asked(bundle: Bundle) -> None:
    processes = Processes(1)
    try:
        processes.start()
        workers = processes.mapper(bundle, bundle.map(MAP), {})
        asked = workers._ask(0, "dance", None, 0, 0)
        with pytest.raises(ValueError, match="not asked to dance"):
            asked()
        assert workers.add(Pages().page({"data": [version("1", 1, 1)]}))().counts.claimed == 1
    finally:
        processes.close()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes as Linux shows them")
def test_a_worker_ends_with_the_process_that_asks() -> None:
    program = (
        "import os, subprocess, sys\n"
        "made = subprocess.Popen([sys.executable, '-m', 'fieldmap.runtime.load.worker'], stdin=subprocess.PIPE)\n"
        "print(made.pid, flush=True)\n"
        "os._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    stat, until = Path(f"/proc/{int(done.stdout)}/stat"), time.monotonic() + 30
    while stat.exists() and stat.read_text("utf-8").rsplit(")")[1].split()[0] != "Z":
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_worker_imports_nothing_from_the_folder_of_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bundle: Bundle
) -> None:
    (tmp_path / "msgspec.py").write_text("open('imported', 'w').close()\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    processes = Processes(1)
    try:
        processes.start()
        workers = processes.mapper(bundle, bundle.map(MAP), {})
        assert workers.add(Pages().page({"data": [version("1", 1, 1)]}))().counts.claimed == 1
    finally:
        processes.close()
    assert not (tmp_path / "imported").exists()


def test_an_answer_that_cannot_be_taken_ends_the_wait_for_it(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(1)
    processes.start()
    worker, page = (
        processes.mapper(bundle, bundle.map(MAP), {})._workers[0],
        Pages().page({"data": [version("1", 1, 1)]}),
    )

    def too_little(answer: bytes) -> Any:
        raise MemoryError

    try:
        assert worker._ready.result() is None
        monkeypatch.setattr(
            mapping, "pickle", SimpleNamespace(loads=too_little, dumps=pickle.dumps, HIGHEST_PROTOCOL=5)
        )
        # The thread may be at the old one still.
        asked = [worker._asked("add", MAP, page, "", 60) for _ in range(3)]
        assert isinstance(asked[2].exception(60), MemoryError)
        assert isinstance(worker._asked("add", MAP, page, "", 60).exception(60), MemoryError)
    finally:
        processes.close()
    assert worker._process.returncode == -signal.SIGKILL
