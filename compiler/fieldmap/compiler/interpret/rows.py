"""The reference meaning of conditions over merged rows: `must` and `warn` of an entity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonpath_ng.jsonpath import DatumInContext

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.evaluation import Evaluation
from fieldmap.runtime.values.outcome import Failed

# The root under which a row's fields are found; no name of the language is empty.
ROW = ""


def judge(condition: ir.RowCondition, row: Mapping[str, Any]) -> bool | None:
    """true, false, or None where absence leaves it open; a calculation that fails (a division by zero) is open too."""
    try:
        answer: bool | None = Evaluation({}).value(condition.expr, {ROW: DatumInContext.wrap(dict(row))})
    except Failed:
        return None
    return answer
