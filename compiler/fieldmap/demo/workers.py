"""What the HR system holds: 240 workers with the quirks of a system that has grown for years.

A worker is a JSON object as the HR system sends it. The numbers of those with a quirk are named here, since the
story, the tests and the payroll speak of them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from fieldmap.demo.dice import Dice
from fieldmap.demo.names import COUNTRIES, Country, Town, mail_part

Json = dict[str, Any]

NUMBERS = range(21001, 21241)

APPLICANTS = (21012, 21031, 21058, 21083, 21099, 21131, 21164, 21207, 21238)
DELETED = (21026, 21071, 21119, 21173, 21215)
DORMANT = (21002, 21019, 21044, 21077, 21108, 21150, 21181, 21226)
"""A status that the map's code list does not know."""

NO_LAST_NAME = 21057
"""Has one name only, so the member `name.last` is missing."""

BAD_DATE = {21123: "Bad Date", 21145: "31.04.2019"}
"""Hire dates that are none. The payroll knows the second one's."""

NO_HIRE_DATE = (21097, 21203)
"""Hired, but without a date. The payroll knows the first one's."""

HOME_MAIL_ONLY = (21015, 21036, 21049, 21072, 21088, 21104, 21127, 21160, 21189, 21221)
NO_MAIL = (21063, 21178)
LOST_MANAGER = (21035, 21142)
"""Their manager left, and the number with them."""

_ADA: Json = {
    "status": "Sabbatical",
    "commuteMiles": 12,
    "skills": [{"name": "Analytical engines"}, {"name": "Translation"}],
    "lastModified": "2026-01-01T00:00:00Z",
}
"""What is said of worker 21001, Ada Byron, throughout the manual."""

_NONE = "00/00/0000"
_MANAGERS = (21003, 21014, 21027, 21042, 21060, 21085, 21110, 21140, 21170, 21199)
_LEFT_MANAGER = "20417"
_SKILLS = (
    "SQL",
    "Accounting",
    "Welding",
    "Python",
    "Logistics",
    "Procurement",
    "CAD",
    "Forklift",
    "Negotiation",
    "Payroll",
    "SAP FI",
    "First aid",
)
_SECOND_NAMES = ("Jo", "Mae", "Lee", "Max", "Ann", "Sky")


def country_of(number: int) -> Country:
    return COUNTRIES[(number - NUMBERS.start) % len(COUNTRIES)]


def name_of(number: int) -> tuple[str, str]:
    """Given and family name; no two workers have the same."""
    country = country_of(number)
    nth = (number - NUMBERS.start) // len(COUNTRIES)
    return country.given[nth % 10], country.family[(nth + nth // 10) % 10]


def work_mail(number: int) -> str:
    return f"{mail_part(' '.join(name_of(number)))}@example.com"


def hired_on(number: int) -> date:
    """The true day of hiring, whatever the HR system says."""
    return date(2021, 3, 1) if number == NUMBERS.start else date(2009, 1, 5) + timedelta(_days(number, "hired", 5800))


def miles(number: int) -> int | float:
    """The way to work, as a person would say it."""
    if number == NUMBERS.start:
        return 12
    dice = Dice("worker", number)
    whole = dice.number(1, 44, "miles")
    return whole + 0.5 if dice.chance(12, "half a mile") else whole


def modified(number: int) -> datetime:
    """When the HR system's record was last changed."""
    return datetime(2025, 7, 1, 6, tzinfo=UTC) + timedelta(
        minutes=Dice("worker", number).number(0, 300_000, "modified")
    )


def workers() -> list[Json]:
    """All records of the HR system, in the order of their numbers."""
    return [worker(number) for number in NUMBERS]


def worker(number: int) -> Json:
    """One record as the HR system sends it."""
    dice = Dice("worker", number)
    country = country_of(number)
    town = dice.pick(country.towns, "town")
    record: Json = {
        "employeeID": str(number),
        "name": _name(number, dice),
        "email": _mail(number, dice),
        "hireDate": _hire_date(number),
        "terminationDate": _NONE,
        "status": _status(number, dice),
        "comp": _pay(country, dice),
        "commuteMiles": _commute(number, dice),
        "managerID": _manager(number, dice),
        "address": _address(town, dice),
        "skills": [{"name": name} for name in _skills(dice)],
        "lastModified": modified(number).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "internal": {"badge": f"B{dice.number(10_000, 99_999, 'badge')}", "floor": dice.number(0, 9, "floor")},
        "photoUrl": f"/photos/{number}.jpg",
    }
    if record["status"] == "Terminated":
        left = min(hired_on(number) + timedelta(dice.number(90, 2200, "left")), date(2025, 6, 30))
        record["terminationDate"] = left.strftime("%m/%d/%Y")
    if dice.chance(4, "no commute"):
        del record["commuteMiles"]
    return record | (_ADA if number == NUMBERS.start else {})


def _name(number: int, dice: Dice) -> Json:
    given, family = name_of(number)
    if number == NO_LAST_NAME:
        return {"first": given, "middle": None}
    if number == NUMBERS.start:
        return {"first": given, "middle": None, "last": family}
    middle = dice.pick((None, None, None, "", "N/A", dice.pick(_SECOND_NAMES, "second name")), "middle")
    return {"first": given, "middle": middle, "last": family}


def _mail(number: int, dice: Dice) -> Json | None:
    if number in NO_MAIL:
        return None
    work = work_mail(number)
    home = f"{mail_part(name_of(number)[0])}{dice.number(10, 99, 'home')}@home.example.org"
    if number in HOME_MAIL_ONLY:
        return {"work": dice.pick(("", "N/A", None), "no work mail"), "home": home}
    if dice.chance(10, "capitals"):
        work = work.title().replace("Example.Com", "EXAMPLE.COM")
    return {"work": work, "home": home if dice.chance(30, "has home mail") else ""}


def _hire_date(number: int) -> str:
    if number in BAD_DATE:
        return BAD_DATE[number]
    if number in NO_HIRE_DATE or number in APPLICANTS:
        return _NONE
    return hired_on(number).strftime("%m/%d/%Y")


def _status(number: int, dice: Dice) -> str:
    for numbers, status in ((APPLICANTS, "Applicant"), (DELETED, "Deleted"), (DORMANT, "Dormant")):
        if number in numbers:
            return status
    if number in (NUMBERS.start, *_MANAGERS, *BAD_DATE, *NO_HIRE_DATE, NO_LAST_NAME):
        return "Active"
    rolled = dice.number(1, 100, "status")
    return "Active" if rolled <= 84 else "On Leave" if rolled <= 89 else "Sabbatical" if rolled <= 92 else "Terminated"


def _pay(country: Country, dice: Dice) -> Json | None:
    if dice.chance(5, "contractor"):
        return None
    low, high = country.salary
    amount: int | float = dice.number(low // 100, high // 100, "salary") * 100
    if dice.chance(15, "cents"):
        amount = round(amount + dice.number(1, 99, "how many cents") / 100, 2)
    return {"amount": amount, "currency": country.currency}


def _commute(number: int, dice: Dice) -> int | float | None:
    if dice.chance(9, "unknown commute"):
        return -1
    return None if dice.chance(2, "null commute") else miles(number)


def _manager(number: int, dice: Dice) -> str | None:
    if number in LOST_MANAGER:
        return _LEFT_MANAGER
    if number == _MANAGERS[0]:
        return "N/A"
    return str(_MANAGERS[0] if number in _MANAGERS else dice.pick(_MANAGERS, "manager"))


def _address(town: Town, dice: Dice) -> Json | None:
    if dice.chance(4, "no address"):
        return None
    return {
        "line1": f"{dice.number(1, 240, 'house')} {town.street}",
        "city": town.name,
        "zip": "" if dice.chance(3, "no postcode") else town.postcode,
    }


def _skills(dice: Dice) -> list[str]:
    chosen = [dice.pick(_SKILLS, f"skill {n}") for n in range(dice.number(0, 4, "skills"))]
    return list(dict.fromkeys(chosen))


def _days(number: int, purpose: str, most: int) -> int:
    return Dice("worker", number).number(0, most, purpose)
