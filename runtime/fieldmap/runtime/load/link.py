"""The connection of one map to the database, and transactions on it whose outcome is certain.

Owns the connection, when a broken one is met with a new one, and how a lost answer to COMMIT is looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

from fieldmap.runtime.bundle import MapInfo
from fieldmap.runtime.errors import AwayError, DatabaseError
from fieldmap.runtime.store.database import NEEDS, Connection, Database
from fieldmap.runtime.store.reconcile import first_line
from fieldmap.runtime.store.transaction import Commit, transact

# A connection lost around COMMIT is met with a new one this often.
_ATTEMPTS = 3


class Link:
    """For one thread at a time."""

    def __init__(self, database: Database, info: MapInfo) -> None:
        self._database = database
        self._info = info
        self._connection: Connection | None = None

    @property
    def open(self) -> Connection | None:
        """The connection, if there is one."""
        return self._connection if self._connection is not None and not self._connection.closed else None

    def connected(self) -> Connection:
        """The connection; a new one if it was lost."""
        if self._connection is None or self._connection.closed:
            self._connection = self._database.connect()
        return self._connection

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def certainly(self, work: Callable[[Connection], Any], done: Callable[[Connection], bool]) -> Any:
        """Runs a transaction until its outcome is known. A lost connection or answer is looked up with `done`, or done again: the
        position was locked by the first attempt, so its absence from the ledger is final once the new one holds the lock."""
        lost = ""
        for attempt in range(_ATTEMPTS):
            try:
                if attempt and self._happened(done):
                    return None
                outcome, result = transact(self.connected(), work)
                if outcome is Commit.COMMITTED:
                    return result
            except psycopg.Error as error:
                if not _passing(error):
                    raise self.refused(error) from None
                lost = f": {first_line(error)}"
            self.drop()
        raise AwayError(
            f"The database stopped {_ATTEMPTS} times in the middle of {self._info.title}{lost}; nothing was lost, run the command again"
        )

    def refused(self, error: psycopg.Error) -> DatabaseError:
        """What to say of an error that no new connection mends."""
        advice = f": {NEEDS}" if isinstance(error, psycopg.errors.InsufficientPrivilege) else ""
        return DatabaseError(
            f"The database refused a batch of {self._info.title}: {first_line(error)}; nothing of the batch was kept{advice}"
        )

    def _happened(self, done: Callable[[Connection], bool]) -> bool:
        connection = self.connected()
        connection.execute("BEGIN")
        connection.execute("SELECT FROM fieldmap.positions WHERE map = %s FOR UPDATE", [self._info.id])
        found = done(connection)
        connection.execute("ROLLBACK")
        return found


def _passing(error: psycopg.Error) -> bool:
    """Whether the same batch may do better on a new connection: broken or refused connections, shut-downs, deadlocks, full disks, and
    connections that the server ended because the run slept in the middle of a transaction."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate[:2] in ("08", "40", "53", "57") or error.sqlstate == "25P03"
