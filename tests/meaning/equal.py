"""Whether two outcomes are the same in every bit that counts: values with their types, codes, fields and paths, no wording."""

from __future__ import annotations

import decimal
from types import SimpleNamespace
from typing import Any

from fieldmap.runtime.values.outcome import Claimed, Dead, Deleted, Duration, Filtered, Money, Outcome, Quantity


def load(source: str) -> Any:
    """A generated module, ready for use."""
    module: dict[str, Any] = {}
    exec(compile(source, "generated", "exec"), module)  # noqa: S102
    return SimpleNamespace(**module)


def exact(value: Any) -> Any:
    """The value with its types, so that 1, 1.0, true and Decimal("1.00") all differ."""
    match value:
        case Money():
            return ("Money", exact(value.amount), value.currency)
        case Duration():
            return ("Duration", value.months, value.days, value.micros)
        case Quantity():
            return ("Quantity", exact(value.amount), value.unit)
        case decimal.Decimal():
            return ("Decimal", value.as_tuple())
        case float():
            return ("float", value.hex())
        case list() | tuple():
            return (type(value).__name__, [exact(item) for item in value])
        case dict():
            return ("dict", [(name, exact(item)) for name, item in value.items()])
        case _:
            return (type(value).__name__, value)


def essence(outcome: Outcome) -> Any:
    match outcome:
        case Claimed():
            held = [(h.claim, h.row, h.field, h.code, h.path, h.invented) for h in outcome.held]
            listed = [(i.claim, i.element, i.field, i.code, i.path, i.lost) for i in outcome.listed]
            return (
                "claimed",
                outcome.record_id,
                exact(outcome.changed),
                exact(outcome.rows),
                held,
                listed,
                outcome.kept,
                outcome.nulls,
            )
        case Filtered() | Deleted():
            return (type(outcome).__name__, outcome.record_id, exact(outcome.changed))
        case Dead():
            return ("dead", outcome.code, outcome.field, outcome.path, outcome.record_id, exact(outcome.changed))
