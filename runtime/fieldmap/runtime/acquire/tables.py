"""Rows of a database table as pages of JSON lines, read in order of their key. PostgreSQL writes the JSON, so that every digit is its own.

Each page is a statement of its own: a row that is there all the while, under one key, is read once, whatever happens beside. So a
sweep that was cut off is gone on with behind its last row, and no transaction is held open at the source.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from fieldmap.runtime.acquire.sweeps import Wanted, new_sweep
from fieldmap.runtime.archive import Archived, ClosedSweep, Received, SweepEnd, Writer
from fieldmap.runtime.archive.records import Standing
from fieldmap.runtime.errors import SourceError, UsageError
from fieldmap.runtime.plan import DatabaseConnector, TableResource
from fieldmap.runtime.ports import Ports
from fieldmap.runtime.secrets import Secret, resolve_all

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

_TIMEOUT_MS: Final = 60_000  # of one statement
_MOST_BYTES: Final = 256 << 20  # of one page
_FRESH: Final = timedelta(hours=1)  # in which a sweep that was cut off is gone on with

_SETTINGS: Final = (
    # Of a database without an encoding (SQL_ASCII) everything would come as bytes.
    "SET client_encoding = 'UTF8'",
    "SET default_transaction_read_only = on",
    f"SET statement_timeout = {_TIMEOUT_MS}",
    "SET TIME ZONE 'UTC'",
    "SET DateStyle = 'ISO, YMD'",
    "SET IntervalStyle = 'iso_8601'",
    "SET bytea_output = 'hex'",
    "SET extra_float_digits = 1",
)


def fetch_table(
    connector: DatabaseConnector,
    resource: TableResource,
    *,
    writer: Writer,
    ports: Ports,
    environ: Mapping[str, str],
    wanted: Wanted = Wanted(),  # noqa: B008  (frozen)
) -> Iterator[Archived | ClosedSweep]:
    """The rows of a table, all of them or what changed. Settings are checked at once."""
    url = resolve_all(connector.name, {"url": connector.url}, environ)["url"]
    secret = url if isinstance(url, Secret) else Secret(url)
    if not secret.reveal().startswith(("postgresql://", "postgres://")):
        raise UsageError(
            f"The url of the connector {connector.name} does not begin with postgresql://, and only PostgreSQL is read;"
            " of another database read files that it exports"
        )
    return _Sweep(connector, resource, secret, writer, ports, wanted).run()


@dataclass(frozen=True)
class _Window:
    """since, until: moments in ISO 8601, "" without a bound. What is not asked for up to `until` only is asked for again."""

    since: str
    until: str

    def __str__(self) -> str:
        return f"{self.since}/{self.until}" if self.until else ""


@dataclass
class _Sweep:
    connector: DatabaseConnector
    resource: TableResource
    url: Secret
    writer: Writer
    ports: Ports
    wanted: Wanted

    def run(self) -> Iterator[Archived | ClosedSweep]:
        import psycopg

        connection: psycopg.Connection[Any] | None = None
        try:
            try:
                connection = psycopg.connect(
                    self.url.reveal(), connect_timeout=15, application_name="fieldmap", autocommit=True
                )
                for setting in _SETTINGS:
                    connection.execute(setting.encode())
                self._check(connection)
            except psycopg.Error as error:
                raise SourceError(self._words(error)) from None
            yield from self._pages(connection)
        finally:
            if connection is not None:
                connection.close()

    # --------------------------------------------------------------------------------------------- pages

    def _pages(self, connection: psycopg.Connection[Any]) -> Iterator[Archived | ClosedSweep]:
        standing = self.writer.standing()
        window = self._window(connection, standing)
        after, sweep, page, first, records = self._taken_up(standing, window)
        if sweep:
            # What a sweep that was cut off read was settled by then, and is not asked for again.
            window = _Window(*standing.frames[0].window.split("/")) if standing.frames[0].window else window
        sweep = sweep or new_sweep(self.ports)
        more = True
        while more:
            rows, more = self._rows(connection, window, after)
            if not rows:
                break
            body = b"".join(line for line, _ in rows)
            page, records = page + 1, records + len(rows)
            made = self.writer.append(self._received(body, sweep, page, window, after))
            after, first = rows[-1][1], made.position if first < 0 else first
            yield made
        yield self.writer.close_sweep(
            sweep,
            page,
            SweepEnd(
                framed=True,
                full=not window.since and self.wanted.until is None,
                first=first,
                records=records,
                window=str(window),
                through=self._through(standing, window),
                confirmed=self.wanted.confirmed,
            ),
        )

    def _window(self, connection: psycopg.Connection[Any], standing: Standing) -> _Window:
        """By the clock of the database, and behind it."""
        if self.resource.changed is None:
            return _Window("", "")
        row = self._asked(connection, b"SELECT clock_timestamp()")[0]
        until = row[0].astimezone(UTC) - timedelta(milliseconds=self.resource.settles_ms)
        if self.wanted.until is not None:
            until = min(until, self.wanted.until)
        since: datetime | None = None
        if self.wanted.since is not None:
            since = self.wanted.since
        elif standing.through and not self.wanted.full:
            since = datetime.fromisoformat(standing.through) - timedelta(milliseconds=self.resource.overlap_ms)
        return _Window(since.isoformat() if since is not None else "", until.isoformat())

    def _through(self, standing: Standing, window: _Window) -> str:
        """The position that the sweep leaves: never before the last one, and not behind a gap."""
        if not window.until or not standing.through:
            return window.until
        last = datetime.fromisoformat(standing.through)
        gap = bool(window.since) and datetime.fromisoformat(window.since) > last
        return standing.through if gap or datetime.fromisoformat(window.until) < last else window.until

    def _taken_up(self, standing: Standing, window: _Window) -> tuple[list[str] | None, str, int, int, int]:
        """Of a sweep that was cut off and would be asked for as it was: its last key, its name, pages, first position and records."""
        frames = standing.frames
        usual = self.wanted.since is None and self.wanted.until is None
        if (
            not frames
            or not usual
            or frames[0].page != 1
            or [frame.page for frame in frames] != list(range(1, len(frames) + 1))
            or any(not frame.request.startswith(self._kind() + ".") for frame in frames)
            or frames[0].window.partition("/")[0] != window.since
            or self.ports.clock.now() - frames[0].fetched_at > _FRESH
        ):
            return None, "", 0, -1, 0
        records, body = 0, b""
        for frame in frames:
            body = self.writer.read(frame.position).content()
            records += body.count(b"\n")
        last = json.loads(body.rstrip(b"\n").rpartition(b"\n")[2], parse_float=str, parse_int=str)
        after = [str(last[name]) for name in self.resource.key]
        return after, frames[0].sweep, len(frames), frames[0].position, records

    def _kind(self) -> str:
        """What is asked, whatever the place: a digest of the table, its key and how it is cut."""
        one = self.resource
        text = json.dumps([one.table, one.key, one.changed, one.size])
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def _received(self, body: bytes, sweep: str, page: int, window: _Window, after: list[str] | None) -> Received:
        place = hashlib.sha256(json.dumps([str(window), after]).encode()).hexdigest()
        return Received(
            resource=self.resource.name,
            url=f"table:{self.resource.table}",
            fetched_at=self.ports.clock.now(),
            status=None,
            headers={},
            body=body,
            format="ndjson",
            request=f"{self._kind()}.{place}",
            sweep=sweep,
            page=page,
            window=str(window),
        )

    # --------------------------------------------------------------------------------------------- statements

    def _rows(
        self, connection: psycopg.Connection[Any], window: _Window, after: list[str] | None
    ) -> tuple[list[tuple[bytes, list[str]]], bool]:
        """The lines of a page, each with its key, and whether more follow. Raises SourceError."""
        from psycopg import sql

        keys = [_named("t", name) for name in self.resource.key]
        conditions, values = self._conditions(window)
        if after is not None:
            marks = sql.SQL(", ").join(sql.Placeholder() for _ in after)
            conditions.append(sql.SQL("({}) > ({})").format(sql.SQL(", ").join(keys), marks))
            values += after
        statement = sql.SQL("SELECT row_to_json(t)::text, {} FROM {} AS t{} ORDER BY {} LIMIT {}").format(
            sql.SQL(", ").join(sql.SQL("{}::text").format(key) for key in keys),
            _named(*self.resource.table.split(".")),
            sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(conditions)) if conditions else sql.SQL(""),
            sql.SQL(", ").join(keys),
            # One more, which tells whether more follow and whether the key tells rows apart at the border too.
            sql.Literal(self.resource.size + 1),
        )
        found = self._asked(connection, statement, values)
        for before, row in itertools.pairwise(found):
            if before[1:] == row[1:]:
                raise SourceError(
                    f"{self._title} has several rows with one key ({', '.join(self.resource.key)}), so some could be passed over;"
                    " name in its id line what tells its rows apart"
                )
        more = len(found) > self.resource.size
        # A value of type json keeps the line breaks that it was written with; within its texts they are escaped.
        rows = [
            (row[0].replace("\n", " ").replace("\r", " ").encode() + b"\n", list(row[1:]))
            for row in found[: self.resource.size]
        ]
        if sum(len(line) for line, _ in rows) > _MOST_BYTES:
            raise SourceError(
                f"A page of {self._title} is longer than {_MOST_BYTES >> 20} MiB; read fewer rows at a time"
            )
        return rows, more

    def _conditions(self, window: _Window) -> tuple[list[sql.Composable], list[str]]:
        from psycopg import sql

        if self.resource.changed is None or (not window.since and self.wanted.until is None):
            # A full sweep reads all: also what has no time, or one of tomorrow.
            return [], []
        changed = _named("t", self.resource.changed)
        before = "{} < {}" if window.since else "({0} < {1} OR {0} IS NULL)"
        conditions: list[sql.Composable] = [sql.SQL(before).format(changed, sql.Placeholder())]
        values = [window.until]
        if window.since:
            conditions.append(sql.SQL("{} >= {}").format(changed, sql.Placeholder()))
            values.append(window.since)
        return conditions, values

    def _check(self, connection: psycopg.Connection[Any]) -> None:
        """Whether the columns are there and can be read by. Raises SourceError, psycopg.Error."""
        from psycopg import sql

        parts = self.resource.table.split(".")
        name, relation = _named(*parts), sql.Identifier(*parts)
        names = [*self.resource.key, *([self.resource.changed] if self.resource.changed is not None else [])]
        columns = sql.SQL(", ").join(sql.SQL("pg_typeof({})::text").format(_named("t", column)) for column in names)
        empty = sql.SQL("SELECT {} FROM (SELECT) AS one LEFT JOIN {} AS t ON false").format(columns, name)
        kinds = connection.execute(empty, []).fetchone()
        kind = kinds[-1] if kinds is not None and self.resource.changed is not None else ""
        if kind not in ("", "timestamp with time zone"):
            raise SourceError(
                f"{self._title} has {self.resource.changed} as {kind}, which names no moment;"
                f" read a view that has: {self.resource.changed} AT TIME ZONE 'Europe/Berlin' AS {self.resource.changed}"
            )
        known = connection.execute(
            "SELECT bool_and(attnotnull) FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = ANY(%s)",
            [relation.as_string(connection), list(self.resource.key)],
        ).fetchone()
        if known is not None and known[0]:
            return
        # Of a view nothing is known, so it is looked at: such rows would be passed over without a word.
        nothing = sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(_named("t", key)) for key in self.resource.key)
        if (
            connection.execute(sql.SQL("SELECT FROM {} AS t WHERE {} LIMIT 1").format(name, nothing), []).fetchone()
            is not None
        ):
            raise SourceError(
                f"{self._title} has rows without {' or '.join(self.resource.key)}, which its id line names; read a view without them"
            )

    def _asked(self, connection: psycopg.Connection[Any], statement: Any, values: list[str] | None = None) -> list[Any]:
        import psycopg

        try:
            return connection.execute(statement, values or []).fetchall()
        except psycopg.Error as error:
            raise SourceError(self._words(error)) from None

    @property
    def _title(self) -> str:
        return f"The table {self.resource.table} of {self.resource.name}"

    def _words(self, error: psycopg.Error) -> str:
        """What went wrong. What the library says of a connection is not repeated: it may hold the address with its password."""
        name = self.connector.name
        match error.sqlstate:
            case "28P01" | "28000":
                return f"The database of the connector {name} refused the credentials; check its url"
            case "3D000":
                return f"The database that the url of the connector {name} names is not there"
            case "42P01" | "3F000":
                return f"{self._title} is not there; check its name and schema, or grant the schema's use"
            case "42703":
                wanted = ", ".join([*self.resource.key, *filter(None, [self.resource.changed])])
                return f"{self._title} lacks a column that is read by; check the names: {wanted}"
            case "22021" | "22P05":
                return f"{self._title} holds a text that is not UTF-8 in a database without an encoding; read a view that converts it"
            case "42501":
                return f"{self._title} may not be read by this user; grant select on it"
            case "57014":
                return f"{self._title} was not read within {_TIMEOUT_MS // 1000} s a page; give it an index on its key, or read fewer rows at a time"
            case None if "authentication failed" in str(error):
                return f"The database of the connector {name} refused the credentials; check its url"
            case None if "does not exist" in str(error):
                return f"The database of the connector {name} does not know that database or user; check its url"
            case None:
                return f"The database of the connector {name} cannot be reached; check its url, and whether the server runs"
            case state:
                told = (error.diag.message_primary or "").splitlines()[:1]
                return f"{self._title} could not be read ({state}: {''.join(told)[:200]})"


def _named(*parts: str) -> sql.Composable:
    """A name in quotes, for a statement that takes parameters, in which a percent sign is written twice."""
    from psycopg import sql

    # It is no literal of this program, and quoted by the library that asks for one.
    quoted: Any = sql.Identifier(*parts).as_string(None).replace("%", "%%")
    return sql.SQL(quoted)
