"""What has an order, or can be told apart: the elements that min, max and distinct take where no shape types them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.runtime.values.failures import wrong
from fieldmap.runtime.values.outcome import Failed


def kind(item: Any) -> str:
    """FM2101 for a list, an object, and what else is no plain value."""
    match item:
        case bool():
            return "bool"
        case str():
            return "text"
        case int() | Decimal() | Fraction() | float():
            return "number"
        case datetime():
            return "datetime"
        case date():
            return "date"
        case _:
            raise wrong(item, "a text, a number or a date", "")


def extreme(items: list[Any], better: Callable[[Any, Any], Any]) -> Any:
    """The element that no other is better than; None of none. FM2101 for elements without an order in common."""
    answer = None
    for item in items:
        if kind(item) == "bool":
            raise wrong(item, "a text, a number or a date", "")
        if kind(item) != kind(items[0]):
            raise Failed("FM2101", f"a {kind(items[0])} and a {kind(item)} have no order")
        if answer is None or better(item, answer):
            answer = item
    return answer
