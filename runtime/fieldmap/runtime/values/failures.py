"""The registry of what can be wrong with a value, and how a failure quotes the value that caused it.

Codes are FM21xx and never change their meaning; every `Failed` carries one of them. Reasons are clauses in the words of an
analyst; they quote what the source sent, shortened and free of control characters, so that they are safe to print.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.runtime.values.outcome import Duration, Failed, Money

TITLES: dict[str, str] = {
    "FM2101": "a value of another kind than the one needed",
    "FM2102": "a member that the resource promises is missing or null",
    "FM2103": "a text or number that is not a date as it should be written",
    "FM2104": "a text or number that is not a number as it should be written",
    "FM2105": "a text that is neither of the two words of a bool",
    "FM2106": "a number that does not fit the field",
    "FM2107": "a local time that names no instant: without offset or zone, skipped or repeated by the zone",
    "FM2108": "a count of days or seconds that leads outside the years 1900 to 2100",
    "FM2110": "a code or text that the list does not name",
    "FM2111": "a currency that is absent, unknown, or not the one of the field",
    "FM2112": "several values where only one may be",
    "FM2113": "a text with a NUL character or an unpaired surrogate, which no database holds",
    "FM2114": "a key that is absent",
    "FM2115": "a division by zero",
    "FM2116": "a text that is too long",
    "FM2120": "a page, line or row that cannot be read",
    "FM2121": "the records path finds nothing, or something that is no list of records",
    "FM2122": "a record that is neither an object nor a list",
    "FM2124": "a record without a usable identity",
    "FM2125": "something that is no list where `each` needs one",
    "FM2131": "a record that is not what the map expects of it",
    "FM2134": "an element that stands more than once where the shape says one",
    "FM2132": "a record that the map warns of",
    "FM2135": "a value that the source says is unchanged, and no earlier version of the record has it",
    "FM2136": "a value that the source does not send because it is unchanged, where it is needed",
    "FM2137": "a record that lacks a part which it must have",
    "FM2126": "a name that stands twice in one object, so that nobody knows which is meant",
    "FM2165": "a case without an arm for the value",
    "FM2166": "a key that a table does not have",
    "FM2167": "a text that is not written in the form to be taken apart",
    "FM2168": "an argument outside what a function takes",
    "FM2155": "a text that is no e-mail address, country, phone number … as its registry has them",
    "FM2156": "a text that does not match the pattern of the field",
    "FM2157": "a text that is not a time of day or a duration as it should be written",
    "FM2158": "two durations whose order depends on the months that are meant",
    "FM2140": "a unit code that the system does not know",
    "FM2141": "a unit code of another dimension than the one needed",
    "FM2142": "an amount whose unit is absent",
    "FM2143": "a unit code that stands for no exact size",
    "FM2145": "a text that is no quantity",
    "FM2146": "a quantity without a unit, or an amount without a currency",
    "FM2147": "a quantity in a unit of another dimension",
    "FM2148": "a range or a hedge where one quantity is needed",
    "FM2149": "several quantities or dimensions in one text",
    "FM2150": "a unit that is not known, or could be two",
    "FM2151": "values that do not agree",
    "FM2152": "no exchange rate for a pair of currencies and a day",
    "FM2153": "a period of pay that is absent, or that nothing converts",
    "FM2180": "sources that have to agree on a field do not",
    "FM2181": "amounts in several currencies, of which none is the smallest or the greatest",
    "FM2182": "a value stands because that of another source could not be read",
    "FM2183": "a row that breaks a must of its entity",
    "FM2184": "two claims of one source with one key, where the merge rejects duplicates",
    "FM2185": "a reference that must exist and finds no row",
}

QUOTED = 60


class Unreadable:
    """Stands in a decoded body for a value that could not be made of its text; it fails with `code` where it is read.

    So one number of a million digits harms the records that need it and no other.
    """

    __slots__ = ("code", "reason")

    def __init__(self, code: str, reason: str) -> None:
        self.code = code
        self.reason = reason

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unreadable) and (self.code, self.reason) == (other.code, other.reason)

    def __hash__(self) -> int:
        return hash((self.code, self.reason))

    def __repr__(self) -> str:
        return f"Unreadable({self.code!r}, {self.reason!r})"


def shorten(text: str) -> str:
    """At most 60 characters of a text, with what cannot be printed escaped."""
    if len(text) > QUOTED:
        text = text[: QUOTED - 1] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def quote(value: Any) -> str:
    """The value as a reason shows it: texts in quotes, numbers plain, lists and objects by name only."""
    if isinstance(value, str):
        return f'"{shorten(value)}"'
    if isinstance(value, Money):
        return f"{quote(value.amount)} {value.currency}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        # Beyond this many bits Python refuses to write an int in digits.
        return shorten(str(value)) if value.bit_length() < 10_000 else "a number of thousands of digits"
    if isinstance(value, (Decimal, float)):
        return shorten(str(value))
    if isinstance(value, Fraction):
        if value.denominator == 1 and abs(value) < 10**QUOTED:
            return shorten(str(value.numerator))
        return shorten(f"{float(value):.12g}") if abs(value) < 10**300 else "a number of hundreds of digits"
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, Duration):
        return value.iso()
    return describe(value)


def describe(value: Any) -> str:
    """The value with its kind, as in `the source sent the number 12`."""
    match value:
        case None:
            return "null"
        case bool():
            return f"the bool {quote(value)}"
        case str():
            return f"the text {quote(value)}"
        case int() | float() | Decimal() | Fraction():
            return f"the number {quote(value)}"
        case datetime():
            return f"the timestamp {quote(value)}"
        case date():
            return f"the date {quote(value)}"
        case time():
            return f"the time {quote(value)}"
        case Duration():
            return f"the duration {quote(value)}"
        case Money():
            return f"the amount {quote(value)}"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "something unreadable"


def wrong(value: Any, needed: str, path: str) -> Failed:
    """The failure of a value of the wrong kind; `needed` as in "a text"."""
    if isinstance(value, Unreadable):
        return Failed(value.code, value.reason, path)
    return Failed("FM2101", f"{needed} is needed, and the source sent {describe(value)}", path)
