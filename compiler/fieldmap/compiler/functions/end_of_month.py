"""end_of_month(date)"""

from __future__ import annotations

from datetime import date

from fieldmap.compiler.functions.months import days_of
from fieldmap.compiler.functions.signature import Example, Function, Parameter, date_result


def evaluate(day: date) -> date:
    for number in (31, 30, 29):
        if number <= days_of(day.year, day.month):
            return day.replace(day=number)
    return day.replace(day=28)


FUNCTION = Function(
    name="end_of_month",
    doc="The last day of the month that a date is in.",
    parameters=(Parameter("date", "date"),),
    result=date_result,
    evaluate=evaluate,
    runtime="end_of_month",
    examples=(
        Example("end_of_month($.day as date)", (date(2024, 2, 5),), date(2024, 2, 29), given='{"day": "2024-02-05"}'),
        Example("end_of_month($.day as date)", (date(2026, 3, 1),), date(2026, 3, 31), given='{"day": "2026-03-01"}'),
    ),
)
