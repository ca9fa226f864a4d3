"""What becomes of one record: exactly one of claimed, filtered, deleted or dead. Made by transforms, read by the loader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple


class Money(NamedTuple):
    """amount: int, Decimal or Fraction until fitted, then Decimal. currency: ISO 4217."""

    amount: Any
    currency: str


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
    claim's assignments (None where absent or held; Money for money; list for lists). The record's own claim makes one row."""

    record_id: str
    changed: datetime | None
    rows: tuple[tuple[tuple[Any, ...], ...], ...]
    held: tuple[Held, ...] = ()
    listed: tuple[Listed, ...] = ()


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
    """record_id, changed: as far as they were known. field: "" where no field is to blame."""

    code: str
    reason: str
    field: str = ""
    path: str = ""
    record_id: str | None = None
    changed: datetime | None = None


Outcome = Claimed | Filtered | Deleted | Dead
