"""Connecting: to FIELDMAP_DATABASE_URL, or to the embedded PostgreSQL, and what to say when that fails.

Connections are in autocommit mode; transactions are explicit (`transaction.py`), since a driver's `commit()` cannot tell a COMMIT
from a ROLLBACK that PostgreSQL answered in its place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg import conninfo
from psycopg.types.string import TextLoader

from fieldmap.runtime.errors import AwayError, DatabaseError
from fieldmap.runtime.store import embedding

# Rows that are looked up are in memory, or on a disk without arms: an index is worth more than the planner thinks by itself.
_SETTINGS = (
    "timezone=UTC",
    "datestyle=ISO,YMD",
    "intervalstyle=iso_8601",
    "synchronous_commit=on",
    "jit=off",
    "random_page_cost=1.1",
    "client_encoding=UTF8",
    "extra_float_digits=1",
    # What a batch reads after it has its locks must be of now, not of when it began.
    "default_transaction_isolation=read\\ committed",
    # Nobody waits for ever: neither for a lock that another run holds, nor another for those of a run that froze or whose machine is gone.
    "lock_timeout=15min",
    "idle_in_transaction_session_timeout=5min",
    # What is kept short for those who ask: a merge takes as long as there are rows, and a session waits for its source.
    "statement_timeout=0",
    "idle_session_timeout=0",
    "standard_conforming_strings=on",
)
_OPTIONS = " ".join(f"-c {setting}" for setting in _SETTINGS)

# What to do where a privilege is missing.
NEEDS = "run Fieldmap as the role that made its schemas, which needs CONNECT, CREATE and TEMPORARY on the database"

Connection = psycopg.Connection[tuple[Any, ...]]


class Database(Protocol):
    """The port through which every connection is made, so that a test can cut, delay or count."""

    def connect(self) -> Connection: ...


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server by its URL. The password never appears in an error."""

    url: str

    def connect(self) -> Connection:
        """A new connection, ready for explicit transactions. Raises DatabaseError."""
        try:
            connection = psycopg.connect(
                self.url,
                autocommit=True,
                connect_timeout=10,
                application_name="fieldmap",
                keepalives_idle=30,
                keepalives_interval=10,
                keepalives_count=3,
                tcp_user_timeout=60_000,
                options=_OPTIONS,
            )
        except psycopg.Error as error:
            kind = AwayError if _is_away(error) else DatabaseError
            raise kind(
                f"The database at {shown(self.url)} {_cause(error)}; check FIELDMAP_DATABASE_URL and that the server runs"
            ) from None
        # Python's timedelta knows no months and would make days of them.
        connection.adapters.register_loader("interval", TextLoader)
        version = connection.info.server_version
        if version < 150_000:
            connection.close()
            raise DatabaseError(
                f"The database at {shown(self.url)} is PostgreSQL {version // 10_000}; Fieldmap needs 15 or newer"
            )
        # Of the settings the one that every server reports, and no other client asks for.
        if connection.info.parameter_status("IntervalStyle") != "iso_8601":
            connection.close()
            raise DatabaseError(
                f"The database at {shown(self.url)} answers without the settings that were asked for, as a pooler does; connect to the"
                " server itself, or to a pool of sessions that passes `options` on"
            )
        if version >= 170_000:
            connection.execute("SET transaction_timeout = 0")
        return connection


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Turns an error of the database that nothing within has met into one sentence."""
    try:
        yield
    except psycopg.Error as error:
        cause = error.diag.message_primary or (str(error).splitlines() or [type(error).__name__])[0]
        if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.UndefinedColumn):
            raise DatabaseError(
                f"The database was filled by other maps than those of now ({cause[:200]}); load the archive with the maps of now:"
                " fieldmap replay"
            ) from None
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            raise DatabaseError(f"The database does not allow {what}: {cause[:300]}; {NEEDS}") from None
        raise DatabaseError(
            f"The database stopped in the middle of {what}: {cause[:300]}; what was committed stays, run the command again"
        ) from None


def shown(url: str) -> str:
    """Host, port and database of a URL, without user and password."""
    try:
        parts = conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "FIELDMAP_DATABASE_URL"
    host = str(parts.get("host") or "localhost")
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"{host}{port}/{parts.get('dbname') or ''}"


# What a server is that does not take part just now: stopped, starting, shutting down, full.
_AWAY = (
    "refused",
    "no such file",
    "timeout",
    "starting up",
    "shutting down",
    "recovery",
    "closed",
    "too many clients",
    "reset by peer",
)


def _is_away(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.OperationalError) and any(word in str(error).lower() for word in _AWAY)


def _cause(error: psycopg.Error) -> str:
    text = str(error).lower()
    if "unsupported startup parameter" in text:
        return "is a pooler that takes no settings: connect to the server itself, or to a pool of sessions that passes `options` on"
    if isinstance(error, psycopg.ProgrammingError):
        return "is not written as PostgreSQL writes its URLs (postgresql://user:password@host:5432/name)"
    if "password authentication failed" in text or "no password supplied" in text:
        return "refused the user or password"
    if "does not exist" in text:
        return "does not know that database or user"
    if "timeout" in text:
        return "did not answer within 10 seconds"
    if "could not translate host name" in text or "name or service not known" in text or "failed to resolve" in text:
        return "has a host name that cannot be found"
    return (
        "cannot be reached (connection refused)"
        if "refused" in text or "no such file" in text
        else "refused the connection"
    )


@contextlib.contextmanager
def open_database(url: str, embedded: Path) -> Iterator[Server]:
    """The server at `url`, or the embedded one with its data in the folder `embedded`, stopped on leaving if nobody else uses it."""
    if url:
        yield Server(url)
        return
    server = embedding.start(embedded)
    try:
        yield Server(server.get_uri())
    finally:
        server.cleanup()
