"""Date patterns as other tools write them: each known confusion is named, with the pattern that was meant."""

from __future__ import annotations

import re
from typing import NamedTuple

from fieldmap.runtime.values.patterns import Kind, PatternError, fault, tokens

_STRFTIME = {
    "Y": "yyyy", "y": "yy", "m": "MM", "d": "dd", "H": "HH", "I": "hh", "M": "mm", "S": "ss", "f": "SSSSSS", "p": "a",
    "b": "MMM", "B": "MMMM", "a": "EEE", "A": "EEEE", "j": "DDD", "z": "xx", "T": "HH:mm:ss", "F": "yyyy-MM-dd",
}  # fmt: skip
_ORACLE = {"YYYY": "yyyy", "YY": "yy", "MON": "MMM", "MONTH": "MMMM", "MM": "MM", "DD": "dd", "DY": "EEE", "HH24": "HH", "HH12": "hh",
           "HH": "hh", "MI": "mm", "SS": "ss", "FF": "SSS", "AM": "a", "PM": "a"}  # fmt: skip
_ORACLE_WORD = re.compile("|".join(sorted(_ORACLE, key=len, reverse=True)), re.IGNORECASE)


class Habit(NamedTuple):
    """what: a clause about the pattern. meant: the pattern in our letters."""

    what: str
    meant: str


def habit(pattern: str, kind: Kind) -> Habit | None:
    """What the author took a pattern's letters for, if the pattern that is meant by it can be used."""
    for find in (_strftime, _oracle, _letters):
        found = find(pattern)
        if found is not None and found.meant != pattern and _usable(found.meant, kind):
            return found
    return None


def _usable(pattern: str, kind: Kind) -> bool:
    return fault(pattern, kind) is None


def _strftime(pattern: str) -> Habit | None:
    """`%Y-%m-%d`"""
    if "%" not in pattern:
        return None
    meant = re.sub(r"%-?([A-Za-z])", lambda match: _STRFTIME.get(match[1], match[0]), pattern)
    return Habit("has the marks of strftime", meant)


def _oracle(pattern: str) -> Habit | None:
    """`DD-MON-YYYY HH24:MI:SS`"""
    if not re.search("MON|MI|HH24|HH12", pattern):
        return None
    meant = _ORACLE_WORD.sub(lambda match: _ORACLE[match[0].upper()], pattern)
    return Habit("has the letters of SQL's TO_DATE", meant)


def _letters(pattern: str) -> Habit | None:
    """`mm/dd/yyyy`, `DD.MM.YYYY`, `HH:MM:SS`: letters whose case says something else."""
    try:
        found = tokens(pattern)
    except PatternError:
        return None
    letters = [text for form, text in found if form == "letters"]
    hours = any(text[0] in "HhKk" for text in letters)
    weeks = any(text[0] == "w" for text in letters)
    said: list[str] = []
    meant = ""
    after_hour = False
    for form, text in found:
        if form == "literal":
            meant += "''" if text == "'" else f"'{text}'" if any(map(str.isalpha, text)) else text
            continue
        ours, what = _meant(text, after_hour=after_hour, hours=hours, weeks=weeks, letters=letters)
        if ours != text:
            said.append(what)
        after_hour = text[0] in "HhKk" or (after_hour and text[0] in "mMsS")
        meant += ours
    return Habit(said[0], meant) if said else None


def _meant(text: str, *, after_hour: bool, hours: bool, weeks: bool, letters: list[str]) -> tuple[str, str]:
    letter, width = text[0], len(text)
    months = any(other[0] == "M" for other in letters)
    if letter == "Y" and not weeks:
        return "y" * width, f"has {text}, the year that a week belongs to; the year of a day is {'y' * width}"
    if letter == "D" and (months or "mm" in letters or "m" in letters):
        return "d" * width, f"has {text}, the day counted in its year; the day of the month is {'d' * width}"
    if letter == "m" and not after_hour and (not hours or not months):
        return "M" * width, f"has {text}, which are minutes; months are {'M' * width}"
    if letter == "M" and after_hour and width <= 2:
        return "m" * width, f"has {text} behind the hours, which are months; minutes are {'m' * width}"
    if letter == "S" and after_hour and width <= 2 and "ss" not in letters and "s" not in letters:
        return "s" * width, f"has {text}, which are parts of a second; seconds are {'s' * width}"
    return text, ""
