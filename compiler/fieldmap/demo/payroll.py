"""What the payroll exports: two CSV files with the German columns of about ninety of the HR system's workers.

The first file has them all, the second those that changed in the month after. Both begin with a byte order mark, as a
spreadsheet writes them, pad numbers to eight digits and write decimals with a comma.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone

from fieldmap.demo import workers
from fieldmap.demo.dice import Dice
from fieldmap.demo.names import mail_part

COLUMNS = ("Personalnummer", "Name", "Eintritt", "Weg_km", "E-Mail", "Kostenstelle", "Stand")
SIZE = 90
UNKNOWN = "k.A."
"""Written where a way to work is not known: keine Angabe."""

_CET = timezone(timedelta(hours=1))
_EXPORTED = (datetime(2026, 1, 31, 18, 30, tzinfo=_CET), datetime(2026, 2, 28, 18, 30, tzinfo=_CET))
_WITH = (workers.NUMBERS.start, 21145, 21097, workers.DORMANT[0], workers.DORMANT[3], workers.NO_MAIL[0])
_WITHOUT = (21123, 21203, workers.NO_MAIL[1], *workers.APPLICANTS, *workers.DELETED)
_COST_CENTERS = ("4100", "4110", "4250", "4711", "5300", "6020")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of an export. stand: when the payroll last changed what it says."""

    number: int
    name: str
    hired_on: date
    km: str
    email: str
    cost_center: str
    stand: datetime

    def cells(self) -> tuple[str, ...]:
        hired = self.hired_on.strftime("%d.%m.%Y")
        return f"{self.number:08d}", self.name, hired, self.km, self.email, self.cost_center, self.stand.isoformat()


def numbers() -> tuple[int, ...]:
    """The workers whom the payroll pays."""
    others = sorted(
        set(workers.NUMBERS) - {*_WITH, *_WITHOUT}, key=lambda n: Dice("payroll", n).number(0, 10**9, "pays")
    )
    return tuple(sorted((*_WITH, *others[: SIZE - len(_WITH)])))


def files() -> dict[str, bytes]:
    """The exports by file name."""
    first = [_row(number) for number in numbers()]
    second = [_changed(row) for row in first if Dice("payroll", row.number).chance(14, "changes")]
    return {"payroll_2026-01.csv": _written(first), "payroll_2026-02.csv": _written(second)}


def _row(number: int) -> Row:
    dice = Dice("payroll", number)
    given, family = workers.name_of(number)
    hired = workers.hired_on(number)
    if dice.chance(8, "another day of hiring"):
        hired = hired.replace(day=1)
    return Row(
        number=number,
        name=given if number == workers.NO_LAST_NAME else f"{family}, {given}",
        hired_on=hired,
        km="18,5" if number == workers.NUMBERS.start else _km(number, dice),
        email=_email(number, dice),
        cost_center=dice.pick(_COST_CENTERS, "cost center"),
        stand=_stand(number, dice),
    )


def _km(number: int, dice: Dice) -> str:
    if dice.chance(8, "unknown way"):
        return dice.pick((UNKNOWN, ""), "how unknown")
    km = round(workers.miles(number) * 1.609344, 1)
    if dice.chance(25, "another way"):
        km = km + dice.number(-9, 25, "how far off") / 10
    return f"{max(km, 0.4):.1f}".replace(".", ",")


def _email(number: int, dice: Dice) -> str:
    """Mostly the HR system's work address; some have another, which is the newer or the older of the two."""
    if dice.chance(6, "no mail"):
        return ""
    if dice.chance(20, "another mail"):
        given, family = workers.name_of(number)
        return f"{mail_part(given)[:1]}.{mail_part(family)}@payroll.example.com"
    return workers.work_mail(number)


def _stand(number: int, dice: Dice) -> datetime:
    """Before or after the HR system's last change, but never after the export."""
    if number == workers.NUMBERS.start:
        return datetime(2025, 11, 30, 8, tzinfo=_CET)
    moved = workers.modified(number) + timedelta(days=dice.number(-120, 60, "stand"))
    entered = moved.astimezone(_CET).replace(hour=dice.number(7, 17, "hour"), second=0)
    return min(entered, _EXPORTED[0] - timedelta(days=1))


def _changed(row: Row) -> Row:
    """The same worker a month later: another cost center, and for some another way to work."""
    dice = Dice("payroll", row.number, "february")
    stand = _EXPORTED[1] - timedelta(days=dice.number(1, 26, "days"), hours=dice.number(0, 9, "hours"))
    km = f"{dice.number(8, 620, 'km') / 10:.1f}".replace(".", ",") if dice.chance(50, "moved") else row.km
    center = dice.pick([center for center in _COST_CENTERS if center != row.cost_center], "cost center")
    return replace(row, km=km, cost_center=center, stand=stand)


def _written(rows: list[Row]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows(row.cells() for row in rows)
    return text.getvalue().encode("utf-8-sig")
