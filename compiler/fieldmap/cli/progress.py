"""Progress of a run: on a terminal a live table with a row a resource, elsewhere a plain line where one takes long."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from fieldmap.cli.console import count, err, plural, safe, say
from fieldmap.runtime.handover import Room
from fieldmap.runtime.moments import moment
from fieldmap.runtime.reports import State

# Seconds: after which a resource takes long, between its plain lines, and between the looks of who writes them.
_LONG: Final = 10.0
_EVERY: Final = 30.0
_LOOKS: Final = 0.5
_A_SECOND: Final = 4  # times that the table is drawn
_SHOWN_BYTES: Final = 100_000
_WIDE: Final = 96  # columns from which on there is room for long names and numbers
_OWN_LINES: Final = 5  # of a terminal, that are not for rows
_BUSY: Final = ("fetching", "loading", "waiting", "failed", "done")
_STYLES: Final = {"waiting": "dim", "fetching": "cyan", "loading": "cyan", "done": "green", "failed": "red"}


@dataclass
class _Row:
    """A resource. records: by map. until: when a wait ends. began, ended: of the work on it. told: when the last plain line was."""

    state: State = "waiting"
    pages: int = 0
    records: dict[str, int] = field(default_factory=dict)
    through: str = ""
    reason: str = ""
    until: float | None = None
    began: float | None = None
    ended: float | None = None
    told: float | None = None

    def read(self) -> int:
        """Records; of several maps that read the same ones, those of the one that is furthest."""
        return max(self.records.values(), default=0)

    def rate(self, now: float) -> str:
        """Records a second since the work on it began."""
        seconds = (self.ended or now) - (self.began or now)
        return count(round(self.read() / seconds)) if seconds >= 1 and self.read() else ""

    def note(self, now: float) -> str:
        """What it waits for, else through when it is settled."""
        if self.reason:
            # Of what failed it stays to be seen for how long nothing was asked.
            return safe(self.reason) + _left(self.until, self.ended or now)
        if self.through:
            return f"settled to {_moment(self.through)}"
        return ""


class RunProgress:
    """Implements fieldmap.runtime.reports.Progress; use as a context manager.

    resources: of each map, by its title. room: the memory for pages that wait to be loaded. console: where to.
    """

    def __init__(
        self,
        *,
        quiet: bool,
        resources: Mapping[str, str] | None = None,
        room: Room | None = None,
        console: Console | None = None,
    ) -> None:
        self._console = console or err()
        # Colour may be forced where there is no terminal to draw on.
        drawn = self._console.is_terminal if console is not None else sys.stderr.isatty()
        self._resources = resources or {}
        self._room = room
        self._quiet = quiet
        self._rows: dict[str, _Row] = {}
        self._all = _Row()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._teller: threading.Thread | None = None
        self._live: Live | None = None
        if drawn and not quiet and not self._console.is_dumb_terminal:
            self._live = Live(get_renderable=self._table, console=self._console, refresh_per_second=_A_SECOND)

    def __enter__(self) -> RunProgress:
        if self._live is not None:
            self._live.start()
        elif not self._quiet:
            self._teller = threading.Thread(target=self._tell, name="fieldmap-progress", daemon=True)
            self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._live is not None:
            self._live.stop()
            if self._rows:
                # What comes below is no part of the table.
                self._console.print()
        if self._teller is not None:
            self._teller.join()

    def fetched(self, resource: str, pages: int) -> None:
        with self._lock:
            self._row(resource).pages += pages

    def applied(self, title: str, records: int) -> None:
        with self._lock:
            row = self._row(self._resources.get(title, title))
            row.records[title] = row.records.get(title, 0) + records

    def cut(self, resource: str, note: str) -> None:
        self._print(f"{resource}: {note}")

    def stands(self, resource: str, state: State, through: str = "") -> None:
        now = time.monotonic()
        with self._lock:
            row = self._row(resource)
            if row.state == "failed":
                return
            row.state, row.through = state, through or row.through
            if state in ("fetching", "loading"):
                row.began, row.ended = row.began or now, None
            elif state in ("done", "failed"):
                row.ended = now
                if state == "done":
                    row.reason = ""
            line = self._line(resource, row, now) if row.told is not None and row.ended == now else ""
        if line:
            self._print(line)

    def waits(self, resource: str, reason: str, seconds: float | None = None) -> None:
        with self._lock:
            row = self._row(resource) if resource else self._all
            row.reason = reason
            row.until = time.monotonic() + seconds if seconds is not None else None

    # ------------------------------------------------------------------------------------------------- parts

    def _row(self, resource: str) -> _Row:
        return self._rows.setdefault(resource, _Row())

    def _print(self, line: str) -> None:
        # Above the live table: by another console they would be mixed up.
        if self._live is not None:
            self._console.print(Text(safe(line)))
        else:
            say(self._console, safe(line))

    def _table(self) -> Table:
        now = time.monotonic()
        with self._lock:
            table = self._head()
            room = max(1, self._console.height - _OWN_LINES)
            shown = list(self._rows.items())
            if len(shown) > room:
                # What is under way is what one looks for.
                shown = sorted(shown, key=lambda item: _BUSY.index(item[1].state))[:room]
            for name, row in shown:
                table.add_row(*self._cells(name, row, now))
            below = self._below(now, hidden=len(self._rows) - len(shown))
        if not below:
            return table
        whole = Table.grid()
        whole.add_row(table)
        whole.add_row(Text(below, style="dim", no_wrap=True, overflow="ellipsis"))
        return whole

    def _head(self) -> Table:
        wide = self._console.width >= _WIDE
        table = Table.grid(padding=(0, 2 if wide else 1, 0, 0), expand=True)
        table.show_header = bool(self._rows)
        longest = max(map(len, self._rows), default=0)
        table.add_column(width=min(longest, 26 if wide else 18), no_wrap=True, overflow="ellipsis")
        table.add_column(width=8, no_wrap=True)
        # Wide enough for most, so that columns seldom move.
        for word, least in (("pages", 6), ("records", 10), ("per s", 6), ("in flight", 9)):
            least = least if wide else len(word)
            table.add_column(word, justify="right", no_wrap=True, header_style="dim", min_width=least)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        return table

    def _cells(self, name: str, row: _Row, now: float) -> list[Text]:
        style = "yellow" if row.reason else ""
        return [
            Text(name),
            Text(row.state, style=_STYLES[row.state]),
            Text(count(row.pages) if row.pages else ""),
            Text(count(row.read()) if row.records else ""),
            Text(row.rate(now)),
            Text(self._flying(name)),
            Text(row.note(now), style=style),
        ]

    def _flying(self, resource: str) -> str:
        """What of a resource is fetched and not loaded yet."""
        size = self._room.flying.get(resource, 0) if self._room is not None else 0
        return f"{size / 1_000_000:.1f} MB" if size >= _SHOWN_BYTES // 2 else ""

    def _below(self, now: float, *, hidden: int = 0) -> str:
        """What is said of all resources. hidden: of how many there is no row."""
        said = [f"… and {count(hidden)} more"] if hidden else []
        if self._all.reason:
            said.append(self._all.note(now))
        if self._room is not None and self._room.used >= _SHOWN_BYTES:
            said.append(f"{self._room.used / 1_000_000:.1f} MB wait in memory to be loaded")
        return " · ".join(said)

    # Plain lines.

    def _tell(self) -> None:
        while not self._ended.wait(_LOOKS):
            for line in self._due(time.monotonic()):
                self._print(line)

    def _due(self, now: float) -> list[str]:
        """The lines that are due."""
        lines = []
        with self._lock:
            for name, row in self._rows.items():
                if row.began is None or row.ended is not None:
                    continue
                if now >= (row.began + _LONG if row.told is None else row.told + _EVERY):
                    row.told = now
                    lines.append(self._line(name, row, now))
            if lines and (below := self._below(now)):
                lines.append(below)
        return lines

    def _line(self, name: str, row: _Row, now: float) -> str:
        rate = row.rate(now)
        parts = [
            f"{plural(row.pages, 'page')}" if row.pages else "",
            plural(row.read(), "record") if row.records else "",
            f"{rate}/s" if rate else "",
            row.note(now),
        ]
        return ", ".join([f"{name}: {row.state}", *(part for part in parts if part)])


def _left(until: float | None, now: float) -> str:
    return f" {max(0, round(until - now))} s" if until is not None else ""


def _moment(text: str) -> str:
    """A moment in UTC: the time alone, if it is of today."""
    at = datetime.fromisoformat(text).astimezone(UTC)
    return f"{at:%H:%M:%SZ}" if at.date() == datetime.now(UTC).date() else moment(at)
