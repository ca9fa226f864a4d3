"""Functions of texts. Lengths and places are exact numbers that are whole; places count from 1."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from functools import lru_cache

from fieldmap.runtime.values.failures import quote
from fieldmap.runtime.values.numbers import Exact, plain_text
from fieldmap.runtime.values.outcome import Failed

# A text is filled up or repeated to no more than this.
LONGEST = 10_000

# Latin letters that Unicode does not take apart, as they are written without their marks.
_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "ẞ": "SS",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "đ": "d",
        "Đ": "D",
        "ð": "d",
        "Ð": "D",
        "þ": "th",
        "Þ": "Th",
        "ł": "l",
        "Ł": "L",
        "ħ": "h",
        "Ħ": "H",
        "ı": "i",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "–": "-",
        "—": "-",
    }
)
_HOLE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_DIGITS = re.compile(r"[^0-9]+")


def words(*parts: str | None) -> str | None:
    """Takes None."""
    present = [part for part in parts if part is not None]
    return " ".join(present) if present else None


def trim(text: str) -> str:
    return text.strip()


def lower(text: str) -> str:
    return text.lower()


def upper(text: str) -> str:
    return text.upper()


def title(text: str) -> str:
    within = [False, *(unicodedata.category(char)[0] in "LM" or char in "'’" for char in text)]
    return "".join(char.lower() if inside else char.upper() for char, inside in zip(text, within, strict=False))


def squeeze(text: str) -> str:
    return " ".join(text.split())


def replace(text: str, old: str, new: str) -> str:
    return text.replace(old, new) if old else text


def remove(text: str, part: str) -> str:
    return text.replace(part, "") if part else text


def split(text: str, separator: str) -> list[str]:
    return text.split(separator) if separator else [text]


def left(text: str, length: Exact) -> str:
    return text[: max(0, int(length))]


def right(text: str, length: Exact) -> str:
    return text[max(0, len(text) - max(0, int(length))) :]


def part(text: str, start: Exact, length: Exact | None = None) -> str:
    begin = int(start) - 1
    end = len(text) if length is None else begin + max(0, int(length))
    return text[max(0, begin) : max(0, end)]


def before(text: str, separator: str) -> str | None:
    head, found, _ = text.partition(separator) if separator else ("", "", "")
    return head if found else None


def after(text: str, separator: str) -> str | None:
    _, found, tail = text.partition(separator) if separator else ("", "", "")
    return tail if found else None


def length(text: str) -> int:
    return len(text)


def _filling(path: str, text: str, length: Exact, fill: str) -> str:
    """FM2168."""
    if len(fill) != 1:
        raise Failed("FM2168", f"a text is filled up with one character, and {quote(fill)} is not one", path)
    if length > LONGEST:
        raise Failed("FM2168", f"a text is filled up to at most {LONGEST} characters, not {quote(length)}", path)
    return fill * max(0, int(length) - len(text))


def pad(path: str, text: str, length: Exact, fill: str) -> str:
    """FM2168."""
    return _filling(path, text, length, fill) + text


def pad_right(path: str, text: str, length: Exact, fill: str) -> str:
    """FM2168."""
    return text + _filling(path, text, length, fill)


def starts_with(text: str, part: str) -> bool:
    return text.startswith(part)


def ends_with(text: str, part: str) -> bool:
    return text.endswith(part)


def contains(text: str, part: str) -> bool:
    return part in text


def digits(text: str) -> str:
    return _DIGITS.sub("", text)


def unless_blank(text: str) -> str | None:
    return text if text.strip() else None


def normalise(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def ascii_(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(char for char in apart if char < "\x80")


def text(path: str, value: str | bool | Exact | date) -> str:
    """FM2104 for a fraction without end."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, date):
        return value.isoformat()
    written = plain_text(value)
    if written is None:
        raise Failed("FM2104", f"{quote(value)} has no end as a decimal", path)
    return written


# ------------------------------------------------------------------------------------------------------- text by form


@lru_cache(maxsize=256)
def _taken_apart(form: str) -> tuple[str, tuple[str, ...], str, tuple[str, ...]]:
    """What stands before the first hole, the marks between holes, what stands behind the last, and the names of the holes."""
    first, *rest = _HOLE.split(form)
    return first, tuple(rest[1:-1:2]), rest[-1], tuple(rest[::2])


def parse(path: str, text: str, form: str) -> dict[str, str]:
    """FM2167: also where the text could be cut in several ways."""
    first, marks, last, names = _taken_apart(form)
    begin, end = len(first), len(text) - len(last)
    if end < begin or not text.startswith(first) or not text.endswith(last):
        raise _unlike(text, form, path)
    earliest, position = [], begin
    for mark in marks:
        found = text.find(mark, position, end)
        if found < 0:
            raise _unlike(text, form, path)
        earliest.append(found)
        position = found + len(mark)
    latest, position = [], end
    for mark in reversed(marks):
        position = text.rfind(mark, begin, position)
        latest.append(position)
    if earliest != latest[::-1]:
        raise Failed("FM2167", f"{quote(text)} can be cut like '{form}' in more than one way", path)
    starts = [begin, *(found + len(mark) for found, mark in zip(earliest, marks, strict=True))]
    return {name: text[at:to] for name, at, to in zip(names, starts, [*earliest, end], strict=True)}


def _unlike(text: str, form: str, path: str) -> Failed:
    return Failed("FM2167", f"{quote(text)} is not written like '{form}'", path)
