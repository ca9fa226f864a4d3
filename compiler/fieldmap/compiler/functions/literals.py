"""Arguments that must be written out in the file, since they are judged when it is checked: what is wrong with one, "" if nothing is."""

from __future__ import annotations

import re
from uuid import UUID

from fieldmap.runtime.values import patterns

_HOLE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_NAMESPACES = ("dns", "url", "oid", "x500")


def _compiled(pattern: str) -> tuple[int, str]:
    """The number of groups of a regular expression, and RE2's word against it."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options).groups, ""
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        return 0, reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    except UnicodeEncodeError:
        return 0, "half of a surrogate pair"


def expression(pattern: str) -> str:
    _, mistake = _compiled(pattern)
    return f"this regular expression does not read: {mistake}" if mistake else ""


def extracting(pattern: str) -> str:
    groups, mistake = _compiled(pattern)
    if mistake:
        return f"this regular expression does not read: {mistake}"
    return (
        f"one group says which part is taken, and there are {groups}; write (?:…) for the others" if groups > 1 else ""
    )


def form(written: str) -> str:
    """`'{city}, {region} {postcode}'`"""
    names = _HOLE.findall(written)
    between = _HOLE.split(written)[2:-1:2]
    if "{" in _HOLE.sub("", written) or "}" in _HOLE.sub("", written):
        return "a part is a name in braces, of small letters, digits and _, such as {city}"
    if not names:
        return "this form names no part, such as {city}"
    if len(set(names)) < len(names):
        return "this form names one part twice"
    if "" in between:
        return "two parts with nothing between them cannot be told apart"
    return ""


def parts(written: str) -> list[str]:
    """The names in a form that is in order."""
    return _HOLE.findall(written)


def day_pattern(pattern: str) -> str:
    """A pattern that writes a day, or a part of it: `MM/yyyy`."""
    try:
        named = patterns.compile_pattern(pattern).parts
    except patterns.PatternError as error:
        return f"the pattern {error}"
    if "week_year" in named and "week" not in named:
        return "the pattern has YYYY, the year that a week belongs to; the year of a day is yyyy"
    times = named & {
        "hour", "hour_to_24", "half_hour", "half_hour_from_0", "half", "minute", "second", "fraction", "offset"
    }  # fmt: skip
    return "the pattern names a time of day, which a date does not have" if times else ""


def namespace(written: str) -> str:
    try:
        return "" if written in _NAMESPACES or str(UUID(written)) else "no uuid"
    except ValueError:
        return f"a namespace is one of {', '.join(_NAMESPACES)}, or a uuid"
