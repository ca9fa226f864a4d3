"""Which forms of date and time a text fits, read as the language reads them, and which texts stand for no date."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from fieldmap.runtime.values import patterns
from fieldmap.runtime.values.dates import iso_date, iso_stamp, odata_millis

# What systems send for "nothing", among texts of any kind.
NOTHING: Final = frozenset(("", " ", "N/A", "n/a", "NULL", "null", "-", "--", "#N/A", "(null)", "(none)"))
# … and among dates.
_ZERO: Final = re.compile(r"[0/.\- ]*0{4}[0/.\- ]*(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?")
_FAR: Final = frozenset((9999, 1))
_FAR_MILLIS: Final = 253_370_764_800_000  # from the year 9999 on

_DAYS: Final = (
    "MM/dd/yyyy", "dd/MM/yyyy", "M/d/yyyy", "d/M/yyyy", "dd.MM.yyyy", "d.M.yyyy", "MM-dd-yyyy", "dd-MM-yyyy", "yyyy/MM/dd", "yyyyMMdd",
    "dd-MMM-yyyy", "dd MMM yyyy", "MMM d, yyyy", "MMMM d, yyyy", "d MMMM yyyy", "MM/dd/yy", "dd/MM/yy", "dd.MM.yy",
)  # fmt: skip
_STAMPS: Final = (
    "MM/dd/yyyy HH:mm:ss", "dd/MM/yyyy HH:mm:ss", "MM/dd/yyyy HH:mm", "dd/MM/yyyy HH:mm", "dd.MM.yyyy HH:mm:ss", "dd.MM.yyyy HH:mm",
    "MM/dd/yyyy hh:mm:ss a", "M/d/yyyy h:mm a", "yyyyMMddHHmmss",
)  # fmt: skip
ISO_DAY, ISO_STAMP, ISO_LOCAL, ODATA = "iso day", "iso stamp", "iso local", "odata"


def forms_of(text: str) -> set[str] | None:
    """The forms that a text fits; None where it says nothing of them, since it stands for no date."""
    if text.strip() in NOTHING or is_no_date(text):
        return None
    if len(text) > 40 or not any(c.isdigit() for c in text):
        return set()
    return set(_forms(text))


@lru_cache(maxsize=4096)
def _forms(text: str) -> frozenset[str]:
    found: set[str] = set()
    if iso_date(text) is not None:
        found.add(ISO_DAY)
    elif (stamp := iso_stamp(text)) is not None:
        found.add(ISO_STAMP if stamp.offset is not None else ISO_LOCAL)
    elif odata_millis(text) is not None:
        found.add(ODATA)
    found.update(form for form in _DAYS if patterns.read_day(text, form) is not None)
    found.update(form for form in _STAMPS if patterns.read(text, form) is not None)
    return frozenset(found)


def is_zero(text: str) -> bool:
    """Whether a text is a date of zeros, by its signs: `00/00/0000`, and no `00000000`, which may be a number of something."""
    return len(text) >= 8 and not text.isdigit() and _ZERO.fullmatch(text) is not None


def is_no_date(text: str) -> bool:
    """Whether a text has the form of a date and stands for none: `00/00/0000`, `9999-12-31`, `0001-01-01`."""
    if len(text) > 40 or not any(c.isdigit() for c in text):
        return False
    if _ZERO.fullmatch(text) and (len(text) == 8 or not text.isdigit()) and len(text) >= 8:
        return True
    if (millis := odata_millis(text)) is not None:
        return millis >= _FAR_MILLIS
    if (stamp := iso_stamp(text)) is not None and iso_date(text) is None:
        return stamp.moment.year in _FAR
    day = iso_date(text)
    if day is None:
        day = next((found for form in _DAYS[:10] if (found := patterns.read_day(text, form)) is not None), None)
    return day is not None and day.year in _FAR


def proposal(forms: set[str]) -> str:
    """What a comment says of a text that holds dates: how to read it, and what cannot be told."""
    said = {
        ISO_DAY: "read it: as date",
        ISO_STAMP: "read it: as datetime",
        ISO_LOCAL: 'no zone: as datetime at "Europe/Berlin" (name the zone), or as date(as written)',
        ODATA: "read it: as datetime(odata), or as date(odata) if all are midnights",
    }
    for form, sentence in said.items():
        if form in forms:
            return sentence
    days = [form for form in _DAYS if form in forms]
    if not days:
        stamps = [form for form in _STAMPS if form in forms]
        clash = _clash(stamps)
        head = f'read it: as datetime("{stamps[0]}") at "Europe/Berlin" (name the zone)'
        return f"{head}; {clash}" if clash else head
    # The narrower of two forms that both fit: dd over d.
    first = days[0]
    clash = _clash(days)
    if clash:
        return f'as date("{first}") or as date("{days[1]}"): {clash}'
    year = "; says two digits of the year" if first.count("y") == 2 else ""
    return f'read it: as date("{first}"){year}'


def _clash(forms: Sequence[str]) -> str:
    orders = {form[0] for form in forms}
    return "cannot be told apart, no day is above 12" if {"M", "d"} <= orders else ""


def patterns_of(forms: set[str], kind: str) -> list[str]:
    """The patterns among forms that say a date, or a date with its time."""
    return [form for form in (_DAYS if kind == "date" else _STAMPS) if form in forms]


def clash(forms: Sequence[str]) -> bool:
    """Whether some forms have the day first and others the month."""
    return bool(_clash(forms))
