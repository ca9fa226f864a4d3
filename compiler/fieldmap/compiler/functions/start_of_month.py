"""start_of_month(date)"""

from __future__ import annotations

from datetime import date

from fieldmap.compiler.functions.signature import Example, Function, Parameter, date_result


def evaluate(day: date) -> date:
    return date(day.year, day.month, 1)


FUNCTION = Function(
    name="start_of_month",
    doc="The first day of the month that a date is in.",
    parameters=(Parameter("date", "date"),),
    result=date_result,
    evaluate=evaluate,
    runtime="start_of_month",
    examples=(
        Example("start_of_month($.day as date)", (date(2026, 2, 23),), date(2026, 2, 1), given='{"day": "2026-02-23"}'),
        Example("start_of_month($.day as date)", (date(2026, 3, 1),), date(2026, 3, 1), given='{"day": "2026-03-01"}'),
    ),
)
