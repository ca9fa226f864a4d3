"""start_of_week(date)"""

from __future__ import annotations

from datetime import date

from fieldmap.compiler.functions.signature import Example, Function, Parameter, date_result


def evaluate(day: date) -> date:
    first = day.toordinal() - (day.toordinal() - 1) % 7
    return date.fromordinal(first)


FUNCTION = Function(
    name="start_of_week",
    doc="The Monday of the week that a date is in.",
    parameters=(Parameter("date", "date"),),
    result=date_result,
    evaluate=evaluate,
    runtime="start_of_week",
    fails=True,
    examples=(
        Example("start_of_week($.day as date)", (date(2026, 3, 1),), date(2026, 2, 23), given='{"day": "2026-03-01"}'),
        Example("start_of_week($.day as date)", (date(2026, 2, 23),), date(2026, 2, 23), given='{"day": "2026-02-23"}'),
    ),
)
