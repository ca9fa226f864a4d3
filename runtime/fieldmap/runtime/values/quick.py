"""What the quick path of a transform is made of: raw leaves of a record, and cells that go in as they came."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from fieldmap.runtime.values.dates import read_datetime
from fieldmap.runtime.values.identity import identity
from fieldmap.runtime.values.numbers import DIGITS, too_long


class NumberText(str):
    """A number of JSON that is not whole, as it was written."""

    __slots__ = ()


class Absence(Enum):
    """NO_PARENT: the object that would hold the leaf is not there, so nothing in it can be missing."""

    NO_PARENT = "no parent"


NO_PARENT: Final = Absence.NO_PARENT


class Surprise(Exception):
    """What the quick path does not take. No user sees it: the record goes through `transform`, which finds the words."""


_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3}(?:[0-9]{3})?)?Z"
).fullmatch
_read = datetime.fromisoformat


def is_nameable(name: str) -> bool:
    """Whether the decoder takes the name of a member."""
    return not any(character in '"\\' or character < " " or "\ud800" <= character <= "\udfff" for character in name)


def number_of(text: NumberText) -> Decimal:
    """The number, exactly. Surprise beyond 400 digits, or with an exponent beyond them."""
    if len(text) > DIGITS:
        raise Surprise
    number = Decimal(str(text))
    if not -DIGITS <= number.adjusted() <= DIGITS:
        raise Surprise
    return number


def exact(value: Any) -> Any:
    """A list or object with its numbers as `number_of` has them."""
    if type(value) is NumberText:
        return number_of(value)
    if type(value) is int and too_long(value):
        raise Surprise
    if type(value) is list:
        return [exact(item) for item in value]
    if type(value) is dict:
        return {name: exact(item) for name, item in value.items()}
    return value


def instant(value: str, path: str) -> str:
    """An instant as a cell. PostgreSQL reads the usual form as we do; all others are read here. FM2103, FM2107."""
    if _INSTANT(value):
        try:
            _read(value)
        except ValueError:
            pass  # no such day: the thorough way says which
        else:
            return value
    return read_datetime(value, None, path).isoformat()


def identity_of(value: str, path: str) -> str:
    """The identity that is one text. FM2124."""
    return identity((value,), path)
