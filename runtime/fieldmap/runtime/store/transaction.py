"""One transaction with a known outcome: committed, rolled back, or unknown because the answer was lost."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

import psycopg
from psycopg.pq import TransactionStatus

from fieldmap.runtime.errors import DatabaseError
from fieldmap.runtime.store.database import Connection

_Result = TypeVar("_Result")


class Commit(Enum):
    COMMITTED = "committed"
    UNKNOWN = "unknown"


def transact(connection: Connection, work: Callable[[Connection], _Result]) -> tuple[Commit, _Result]:
    """Runs `work` in a transaction. UNKNOWN: the connection broke while COMMIT was under way, so the server may have done
    it or not; the caller finds out (the ledger) or does it again. Any other failure rolls back and is raised."""
    try:
        connection.execute("BEGIN")
        result = work(connection)
    except BaseException:
        _roll_back(connection)
        raise
    if connection.info.transaction_status is not TransactionStatus.INTRANS:
        _roll_back(connection)
        raise DatabaseError(
            "The database rolled a transaction back without being asked; nothing of it was kept, run the command again"
        )
    try:
        tag = connection.execute("COMMIT").statusmessage
    except psycopg.OperationalError:
        return Commit.UNKNOWN, result
    if tag != "COMMIT":
        raise DatabaseError(
            f"The database answered {tag} to COMMIT; nothing of the batch was kept, run the command again"
        )
    return Commit.COMMITTED, result


def commit(connection: Connection, work: Callable[[Connection], _Result]) -> _Result:
    """As `transact`, for work that may simply be repeated by the user: a lost answer is an error."""
    outcome, result = transact(connection, work)
    if outcome is Commit.UNKNOWN:
        raise DatabaseError(
            "The connection to the database broke while a change was being committed; run the command again"
        )
    return result


def _roll_back(connection: Connection) -> None:
    if connection.closed or connection.info.transaction_status is TransactionStatus.UNKNOWN:
        return
    try:
        connection.execute("ROLLBACK")
    except psycopg.Error:
        connection.close()
