"""What is loaded from an archive that is written on meanwhile."""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec
from tests.runtime.archive.fakes import received
from tests.store.test_recall import MAP, MAPS, version
from tests.support import Quiet, compiled, ready, rows

from fieldmap.runtime.archive import Archive
from fieldmap.runtime.load.mapping import Processes
from fieldmap.runtime.loading import Loading
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.store.database import Server


def test_what_comes_meanwhile_is_not_caught_up_with(tmp_path: Path, database: Server) -> None:
    """What lies there by then is being written: it comes when it is durable."""
    bundle = compiled(tmp_path / "maps", all=MAPS)
    ready(database, bundle)
    archive = Archive(tmp_path / "archive", Ports.real())
    run = rows(database, "INSERT INTO fieldmap.runs (command, bundle) VALUES ('test', '') RETURNING id")[0][0]
    body = msgspec.json.encode({"data": [version("1", 1, 1)]})
    with archive.writer("hr.people") as writer:
        page = writer.append(received(1, body, resource="hr.people"))
        loading = Loading(
            database,
            bundle,
            archive,
            [bundle.map(MAP)],
            run,
            Quiet(),
            dead=None,
            workers=Processes(0),
            stop=threading.Event(),
            before={},
        )
        with loading:
            loading.catch_up(None)
            assert loading.loaded[MAP].counts.read == 0
            loading.load([page])
            assert loading.loaded[MAP].counts.read == 1
            writer.append(received(2, body, resource="hr.people"))
            loading.catch_up(page.position)
            assert loading.loaded[MAP].counts.read == 1
