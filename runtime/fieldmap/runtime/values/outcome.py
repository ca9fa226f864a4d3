"""What becomes of one record: exactly one of claimed, filtered, deleted or dead. Made by transforms, read by the loader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


class Money(NamedTuple):
    """amount: int, Decimal or Fraction until fitted, then Decimal. currency: ISO 4217."""

    amount: Any
    currency: str


class Quantity(NamedTuple):
    """amount: int, Decimal or Fraction until fitted, then Decimal. unit: as the field writes it, "kg"."""

    amount: Any
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class Duration:
    """A length of time, its three parts kept apart as in PostgreSQL's interval: calendar months, days, microseconds.

    Two are equal if they are equally long in every calendar: a day is 24 hours, and a month is no number of days.
    """

    months: int
    days: int
    micros: int

    @property
    def _length(self) -> tuple[int, int]:
        return self.months, self.days * 86_400_000_000 + self.micros

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and self._length == other._length

    def __hash__(self) -> int:
        return hash(self._length)

    def iso(self) -> str:
        """The canonical text: `P1Y2M3DT4H5M6.7S`, `P14D` for two weeks, `PT0S` for none; a sign stands at each negative part."""
        date = _parts(self.months, ((12, "Y"), (1, "M"))) + _parts(self.days, ((1, "D"),))
        minutes, micros = divmod(abs(self.micros), 60_000_000)
        time = _parts(-minutes if self.micros < 0 else minutes, ((60, "H"), (1, "M")))
        if micros:
            seconds, fraction = divmod(micros, 1_000_000)
            digits = f".{fraction:06}".rstrip("0") if fraction else ""
            time += f"{'-' if self.micros < 0 else ''}{seconds}{digits}S"
        return f"P{date}{f'T{time}' if time else ''}" if date or time else "PT0S"


def _parts(count: int, units: tuple[tuple[int, str], ...]) -> str:
    sign, rest, text = "-" if count < 0 else "", abs(count), ""
    for size, letter in units:
        whole, rest = divmod(rest, size)
        text += f"{sign}{whole}{letter}" if whole else ""
    return text


class Failed(Exception):
    """A value could not be made. `code` is FM21xx, `reason` one clause in the author's words that may quote the value,
    `path` the path that it came from ("$.status") if one path is to blame, else ""."""

    def __init__(self, code: str, reason: str, path: str = "") -> None:
        super().__init__(code, reason, path)
        self.code = code
        self.reason = reason
        self.path = path


class Rejected(Failed):
    """A failure that no `if invalid` softens: the record lacks a required member (FM2102)."""


@dataclass(frozen=True, slots=True)
class Held:
    """A field that this claim lacks because its value failed. claim: number of the claim, row: index among its rows.

    invented: the field got the constant of `if invalid use` instead."""

    claim: int
    row: int
    field: str
    code: str
    reason: str
    path: str
    invented: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """What a person should see of a record that is claimed nevertheless: a `warn` that does not hold, or (lost) an element that
    failed alone and is left out. claim: number of the claim that surrounds it; element: its place in its list from 1, 0 of the
    record itself. field: "" where no field is to blame."""

    claim: int
    element: int
    field: str
    code: str
    reason: str
    path: str
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Claimed:
    """rows: for each claim number of the map the rows that it makes, each a tuple of the fitted values in the order of the
    claim's assignments (None where absent, held or kept; Money for money; list for lists). The record's own claim makes one row.
    kept: fields of the record's own claim that the source leaves as they were. bare: the path of each number that was read in the
    unit or currency which the map gives to bare numbers. nulls: number of the claim, index among its rows, and field, where the
    source says by a null that there is no value; only of fields whose merge lets null win."""

    record_id: str
    changed: datetime | None
    rows: tuple[tuple[tuple[Any, ...], ...], ...]
    held: tuple[Held, ...] = ()
    listed: tuple[Listed, ...] = ()
    kept: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    nulls: tuple[tuple[int, int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Filtered:
    record_id: str
    changed: datetime | None


@dataclass(frozen=True, slots=True)
class Deleted:
    record_id: str
    changed: datetime | None


@dataclass(frozen=True, slots=True)
class Dead:
    """record_id, changed: as far as they were known. field: "" where no field is to blame. whole: a whole page, line or row could not be
    taken apart into records."""

    code: str
    reason: str
    field: str = ""
    path: str = ""
    record_id: str | None = None
    changed: datetime | None = None
    whole: bool = False


Outcome = Claimed | Filtered | Deleted | Dead
