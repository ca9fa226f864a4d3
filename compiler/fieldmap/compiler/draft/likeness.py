"""How much two names say the same: by their words, a small table of synonyms, and the likeness of letters."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

from fieldmap.compiler.infer.words import phrases, words_of

# Phrases that mean one thing, a line each; the words are those of `_WORDS` already.
_SYNONYMS = """
hire date, hire, start date, original hire date, employment start, employment start date, join date, entry date
left date, termination date, terminated date, end date, leave date, exit date, last day, last work date
worker id, worker, id
legal name, full name, name, display name, worker name, formatted name
first name, given name, forename, prefer first name
last name, family name, surname
middle name, second name
job title, title, business title, position title, position, job
born date, birth date, date of birth, dob, birthday
manager, manager id, manager worker id, manager e id, report to, manager number
employment, employment type, worker type, employment status, employment history status, contract type
country, country code, location country, nation, address country, land, location address country
postcode, zip, zip code, postal code
street, street name, street address, address line 1, street line
city, town, city name, place
region, state, province, county
create date, creation date, create date time, date create
change date, last change date, modify date, last modify date, last modify date time, last modify, update date, last update, system modstamp
valid from, start date, validity start date, effective start date, effective from, from date, begin date
valid to, end date, validity end date, effective end date, effective to, to date
start date, begin date, from date
end date, to date, finish date
email, work email, email address, primary email, email work
phone, work phone, phone number, telephone, mobile, mobile phone
pay rate, rate, base pay, pay, comp amount, base pay amount, compensation amount
pay period, paid per, pay frequency, rate period
status, state, active status
blocked, is blocked, central block
natural person, is natural person
search term, search term 1
supplier id, supplier
customer id, customer
party id, business partner, partner id, partner
category, kind, type, business partner category, group
house id, house
po box, p o box
care of, care of name
found date, organization foundation date, foundation date
department, cost center, department name, org unit, organization
team, team name, squad
location, office, location name, work location, site
user id, user
record id, id
position, order position, order pos, sequence
commute, commute distance, distance
quantity, pieces, qty, amount
description, text, comment
skills, skill, competency
"""
# Spellings of one word.
_WORDS = {
    word: group.split()[0]
    for group in (
        "id no number nr num key code ident", "worker employee staff person personnel associate", "email mail emails mails", "date on at day",
        "hire hired hiring", "left leave leaving", "terminated termination", "change changed changes", "create created", "modify modified modification",
        "update updated", "manager mgr supervisor boss", "department dept division", "location loc", "org organization organisation",
        "phone tel telephone", "quantity qty", "address addr", "pay salary wage", "report reports", "start starts begin begins started",
        "end ends ended", "valid validity", "born birth", "skill skills", "amount amt value", "description desc", "prefer preferred", "comp compensation",
    )
    for word in group.split()
}  # fmt: skip
# Words that say how a thing is measured or written, and not what it is.
UNITS = {
    "lb": "lb", "lbs": "lb", "pounds": "lb", "kg": "kg", "kilograms": "kg", "kilos": "kg", "g": "g", "grams": "g", "km": "km", "kilometers": "km",
    "kilometres": "km", "mi": "mi", "miles": "mi", "mm": "mm", "cm": "cm", "meters": "m", "metres": "m", "ft": "ft", "feet": "ft", "inches": "inch", "inch": "inch",
    "hours": "h", "hrs": "h", "minutes": "min", "mins": "min", "seconds": "s", "secs": "s", "liters": "liter", "litres": "liter", "tonnes": "metric_ton",
}  # fmt: skip
_GENERIC = {("value",), ("id",), ("amount",), ("text",), ("data",), ("descriptor",), ("display", "value")}
_NOISE = frozenset(("the", "of", "a", "an", "is", "field", "value", "sys"))


@lru_cache(maxsize=8192)
def said(name: str) -> tuple[str, ...]:
    """The words of a name in their one spelling, without those that measure."""
    found = [_WORDS.get(word, word) for word in words_of(name) if word not in UNITS or len(words_of(name)) == 1]
    # "date time" is "date": both say that a moment is meant.
    return tuple(
        word
        for word, following in pairwise((*found, ""))
        if not (word == "time" and following == "" and "date" in found)
    ) or tuple(found)


def _groups() -> dict[tuple[str, ...], set[int]]:
    table: dict[tuple[str, ...], set[int]] = {}
    for number, line in enumerate(_SYNONYMS.strip().splitlines()):
        for phrase in phrases(line):
            words = tuple(_WORDS.get(word, word) for word in phrase.split())
            table.setdefault(words, set()).add(number)
    return table


_GROUPS = _groups()


@lru_cache(maxsize=65536)
def likeness(field: str, member: str, within: str = "") -> tuple[float, str]:
    """From 0 to 1, and in which way they are alike. within: the object that the member stands in."""
    alike, reason = max(_alike(said(field), words) for words in _readings(member, within))
    own, above = _spelled(member), _spelled(within)
    if alike == 1.0 and _spelled(field) not in (own, above + own, above):
        # Of `number` and `ID`, which say the same, the first is the better one for a field called `number`.
        return 0.995, "names that mean the same"
    return alike, reason


def _spelled(name: str) -> tuple[str, ...]:
    return tuple(word for word in words_of(name) if word not in UNITS) or tuple(words_of(name))


def _readings(member: str, within: str) -> list[tuple[str, ...]]:
    """The member's words alone, behind those of its object, and without a repetition of them."""
    own = said(member)
    if not within:
        return [own]
    # `manager.value` is a manager; `name.first` is read with its object alone.
    return [own, (*said(within), *own), *([said(within)] if own in _GENERIC else [])]


def _alike(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[float, str]:
    if not one or not other:
        return 0.0, ""
    if one == other:
        return 1.0, "the same name"
    if sorted(one) == sorted(other):
        return 0.97, "the same words"
    if _GROUPS.get(one, set()) & _GROUPS.get(other, set()):
        return 0.92, "names that mean the same"
    mine, theirs = frozenset(one) - _NOISE, frozenset(other) - _NOISE
    if mine and mine == theirs:
        return 0.95, "the same words"
    from rapidfuzz import fuzz

    letters = fuzz.ratio(" ".join(one), " ".join(other)) / 100
    if mine and theirs and (mine < theirs or theirs < mine):
        # `startDate` within `effectiveStartDate`; the more is beside it, the less is said.
        return max(
            0.6 + 0.3 * min(len(mine), len(theirs)) / max(len(mine), len(theirs)), letters * 0.9
        ), "a part of the name"
    shared = len(mine & theirs) / max(len(mine | theirs), 1)
    # Short words are soon alike: team and stream share four letters of six.
    return max(letters * 0.85 if letters > 0.84 else 0.0, 0.75 * shared), "like names"


_FIRST = {
    ("first", "name"),
    ("give", "name"),
    ("given", "name"),
    ("forename",),
    ("firstname",),
    ("name", "first"),
    ("name", "given"),
}
_LAST = {("last", "name"), ("family", "name"), ("surname",), ("lastname",), ("name", "last"), ("name", "family")}
_MIDDLE = {("middle", "name"), ("second", "name"), ("name", "middle")}


def part_of_name(member: str, within: str) -> str:
    """`first`, `middle` or `last`, for a member that holds that part of a person's name; "" for any other."""
    for words in _readings(member, within):
        for role, known in (("first", _FIRST), ("middle", _MIDDLE), ("last", _LAST)):
            if words in known:
                return role
    return ""


def is_full_name(field: str) -> bool:
    """Whether a field is for the whole name of somebody."""
    return likeness(field, "full_name")[0] > 0.9
