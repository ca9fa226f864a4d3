"""format(date, pattern)"""

from __future__ import annotations

from datetime import date

from fieldmap.compiler.functions import literals
from fieldmap.compiler.functions.signature import Example, Function, Parameter, text_result
from fieldmap.runtime.values.patterns import pieces


def evaluate(day: date, pattern: str) -> str:
    names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    months = ["January", "February", "March", "April", "May", "June", "July"]
    months += ["August", "September", "October", "November", "December"]
    name, (week_year, week, _) = names[day.weekday()], day.isocalendar()
    counted = day.toordinal() - date(day.year, 1, 1).toordinal() + 1
    values = {
        **dict.fromkeys(("yyyy", "y", "uuuu", "u"), f"{day.year:04}"),
        **dict.fromkeys(("YYYY", "Y"), f"{week_year:04}"),
        **dict.fromkeys(("E", "EE", "EEE"), name[:3]),
        "EEEE": name,
        "MMMM": months[day.month - 1],
        "DDD": f"{counted:03}",
        "D": f"{counted}",
        "ww": f"{week:02}",
        "w": f"{week}",
        "e": f"{names.index(name) + 1}",
        "yy": f"{day.year:04}"[2:],
        "MMM": months[day.month - 1][:3],
        "MM": f"{day.month:02}",
        "M": f"{day.month}",
        "dd": f"{day.day:02}",
        "d": f"{day.day}",
    }
    return "".join(values[piece] if letters else piece for piece, letters in pieces(pattern))


FUNCTION = Function(
    name="format",
    doc='A date as a text, by a pattern such as "dd.MM.yyyy".',
    parameters=(
        Parameter("date", "date"),
        Parameter("pattern", "text", literal=literals.day_pattern),
    ),
    result=text_result,
    evaluate=evaluate,
    runtime="written",
    examples=(
        Example(
            'format($.day as date, "dd.MM.yyyy")',
            (date(2026, 3, 1), "dd.MM.yyyy"),
            "01.03.2026",
            given='{"day": "2026-03-01"}',
        ),
        Example(
            'format($.day as date, "d MMM yy")',
            (date(2026, 3, 1), "d MMM yy"),
            "1 Mar 26",
            given='{"day": "2026-03-01"}',
        ),
    ),
)
