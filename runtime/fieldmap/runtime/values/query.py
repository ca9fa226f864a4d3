"""What filters, slices and descendants of paths come to at run time: RFC 9535, where a step that does not fit finds nothing.

Generated code has the steps in line and comes here for single ones. A JSON null is a value here, and NOTHING is no value.
"""

from __future__ import annotations

import functools
from decimal import Decimal
from typing import Any, Final

import re2

from fieldmap.runtime.values.failures import wrong


class Nothing:
    def __repr__(self) -> str:
        return "NOTHING"


NOTHING: Final = Nothing()
_NUMBERS = frozenset({int, Decimal})


def container(value: Any, path: str) -> Any:
    """A list or an object as it is; FM2101 for anything else."""
    if type(value) is list or type(value) is dict:
        return value
    raise wrong(value, "a list or an object", path)


# -------------------------------------------------------------------------------------------------------------- steps


def child(value: Any, name: str) -> Any:
    """A member or NOTHING."""
    return value.get(name, NOTHING) if type(value) is dict else NOTHING


def item(value: Any, index: int) -> Any:
    """An element or NOTHING; counted from the end if negative."""
    return value[index] if type(value) is list and -len(value) <= index < len(value) else NOTHING


def children(value: Any) -> Any:
    """The elements of a list, the values of an object; of anything else nothing."""
    if type(value) is list:
        return value
    return value.values() if type(value) is dict else ()


def below(value: Any) -> list[Any]:
    """The value and everything within it, each before what it holds."""
    found, waiting = [], [value]
    while waiting:
        current = waiting.pop()
        found.append(current)
        if type(current) is list:
            waiting.extend(reversed(current))
        elif type(current) is dict:
            waiting.extend(reversed(current.values()))
    return found


def sliced(value: Any, start: int | None, end: int | None, step: int | None) -> list[Any]:
    """Python counts slices as the RFC does, except that a step of 0 is an error."""
    return value[start:end:step] if type(value) is list and step != 0 else []


# -------------------------------------------------------------------------------------------------------- comparisons


def equals(left: Any, right: Any) -> bool:
    """Equal in kind and value; numbers exactly; NOTHING equals NOTHING."""
    kind = type(left)
    if kind is str:
        return type(right) is str and bool(left == right)
    if kind in _NUMBERS:
        return type(right) in _NUMBERS and bool(left == right)
    if kind is not type(right) or (kind is not list and kind is not dict):
        return left is right
    return _equal_within(left, right)


def _equal_within(left: Any, right: Any) -> bool:
    """Of lists and objects, without recursion: how deep they are is the source's affair."""
    waiting = [(left, right)]
    while waiting:
        one, other = waiting.pop()
        if len(one) != len(other):
            return False
        if type(one) is dict:
            if one.keys() != other.keys():
                return False
            pairs = [(value, other[name]) for name, value in one.items()]
        else:
            pairs = list(zip(one, other, strict=True))
        for pair in pairs:
            kind = type(pair[0])
            if (kind is list or kind is dict) and kind is type(pair[1]):
                waiting.append(pair)
            elif not equals(*pair):
                return False
    return True


def less(left: Any, right: Any) -> bool:
    """Of two numbers or two texts; all else is in no order."""
    if type(left) is str:
        return type(right) is str and bool(left < right)
    return type(left) in _NUMBERS and type(right) in _NUMBERS and bool(left < right)


def at_most(left: Any, right: Any) -> bool:
    return less(left, right) or equals(left, right)


# ---------------------------------------------------------------------------------------------------------- functions


def length(value: Any) -> Any:
    return len(value) if type(value) in (str, list, dict) else NOTHING


def sole_node(nodes: list[Any]) -> Any:
    return nodes[0] if len(nodes) == 1 else NOTHING


def matches(text: Any, pattern: Any) -> bool:
    """Whether the whole text is matched; false where either is no text, or the pattern no regular expression."""
    if type(text) is not str or type(pattern) is not str or (found := compiled(pattern)) is None:
        return False
    try:
        return found.fullmatch(text) is not None
    except UnicodeEncodeError:
        return False


def searches(text: Any, pattern: Any) -> bool:
    """Whether a part of the text is matched."""
    if type(text) is not str or type(pattern) is not str or (found := compiled(pattern)) is None:
        return False
    try:
        return found.search(text) is not None
    except UnicodeEncodeError:
        return False


@functools.lru_cache(maxsize=500)
def compiled(pattern: str) -> Any:
    """A regular expression of RFC 9485, None if RE2 refuses it."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(as_re2(pattern), options)
    except (re2.error, UnicodeEncodeError):
        return None


def as_re2(pattern: str) -> str:
    """A regular expression of RFC 9485 for RE2: `.` outside brackets is anything but LF and CR."""
    parts, within, escaped = [], False, False
    for char in pattern:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif within:
            within = char != "]"
        elif char == "[":
            within = True
        elif char == ".":
            parts.append("[^\\n\\r]")
            continue
        parts.append(char)
    return "".join(parts)
