"""Texts: what may be kept of them, templates, code lists and the two words of a bool."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

from fieldmap.runtime.values.failures import quote, shorten, wrong
from fieldmap.runtime.values.outcome import Failed


class Entries(Protocol):
    """A dict, or a `Data` that is read when it is first asked."""

    def get(self, key: str, default: str | None = None, /) -> str | None: ...


def keepable(text: str) -> bool:
    """Whether a database can hold it: no NUL, no unpaired surrogate."""
    if "\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def check_keepable(text: str, path: str) -> None:
    """FM2113."""
    if not keepable(text):
        what = "a NUL character" if "\0" in text else "half of a surrogate pair"
        raise Failed("FM2113", f"{quote(text)} holds {what}, which no database keeps", path)


def read_text(value: Any, path: str) -> str:
    """A JSON string. FM2101."""
    if type(value) is not str:
        raise wrong(value, "a text", path)
    return value


def as_text(value: Any, path: str) -> str:
    """`as text`: a text, or a whole number in digits. FM2101, FM2104 for a number that is not whole."""
    if type(value) is str:
        return value
    if type(value) is int or (type(value) is Decimal and value == value.to_integral_value()):
        return digits(int(value))
    if type(value) is Decimal or type(value) is Fraction:
        if value == int(value):
            return digits(int(value))
        raise Failed("FM2104", f"{quote(value)} is not a whole number, so it has more than one spelling", path)
    raise wrong(value, "a text or a whole number", path)


def read_bool(value: Any, path: str) -> bool:
    """True or false of JSON. FM2101."""
    if type(value) is not bool:
        raise wrong(value, "true or false", path)
    return value


def read_as(value: Any, kind: type, needed: str, path: str) -> Any:
    """A value that must be of one Python type already. FM2101."""
    if type(value) is not kind:
        raise wrong(value, needed, path)
    return value


def bool_words(value: Any, yes: str, no: str, path: str) -> bool:
    """FM2101, FM2105."""
    text = read_text(value, path)
    if text == yes:
        return True
    if text == no:
        return False
    raise Failed("FM2105", f'{quote(text)} is neither "{shorten(yes)}" nor "{shorten(no)}"', path)


def read_enum(value: Any, values: frozenset[str], path: str) -> str:
    """FM2101, FM2110."""
    text = read_text(value, path)
    if text not in values:
        raise Failed("FM2110", f"{quote(text)} is none of {listed(values)}", path)
    return text


def listed(values: frozenset[str]) -> str:
    return shorten(", ".join(sorted(values)))


def lookup(value: Any, entries: Entries, default: str | None, name: str, path: str) -> str:
    """The value that a code list gives for a code. FM2101, FM2110."""
    answer = entries.get(read_text(value, path), default)
    if answer is None:
        raise Failed("FM2110", f"code {quote(value)} is not in {name}", path)
    return answer


def of_row(value: Any, entries: Entries, table: str, path: str) -> str | None:
    """The cell of the row that has a key; None if it is empty. FM2101, FM2166."""
    key = read_text(value, path)
    found = entries.get(key)
    if found is None:
        shown = key.replace("\x1f", ", ")
        raise Failed("FM2166", f"no row of {table} has the key {quote(shown)}", path)
    return found or None


def in_template(value: Any, path: str) -> str:
    """What a hole of a template shows: a text, or a whole number in digits. FM2101."""
    if type(value) is str:
        return value
    if type(value) is int:
        return digits(value)
    if type(value) is Decimal and value == value.to_integral_value():
        return digits(int(value))
    if type(value) is Fraction and value.denominator == 1:
        return digits(value.numerator)
    raise wrong(value, "a text or a whole number", path)


def digits(value: int) -> str:
    # Python refuses to write very long ints; Decimal does not.
    return str(value) if value.bit_length() < 10_000 else format(Decimal(value), "f")


def template(parts: tuple[str, ...], values: tuple[str | None, ...]) -> str:
    """parts[0], values[0], parts[1] … An absent value takes one blank with it: directly before it, else directly after."""
    kept = list(parts)
    for index, value in enumerate(values):
        if value is None:
            if kept[index].endswith(" "):
                kept[index] = kept[index][:-1]
            elif kept[index + 1].startswith(" "):
                kept[index + 1] = kept[index + 1][1:]
    filled = [kept[0]]
    for value, part in zip(values, kept[1:], strict=True):
        filled += (value or "", part)
    return "".join(filled)
