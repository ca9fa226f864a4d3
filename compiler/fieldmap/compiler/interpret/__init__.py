"""The reference meaning of the intermediate representation: what examples, `explain` and the tests of the emitters trust.

A small tree walk with an arithmetic (Fractions) and a path walk (jsonpath-ng) of its own. With the runtime it shares the
vocabulary of outcomes, the parsers of texts (which text is a date, which a number), the zones and the wording of reasons, nothing else.

evaluation.py   expressions, over paths.py, conversions.py, templates.py and the functions
fitting.py      a value into its column
records.py      a record into its outcome, and the trace of one field
blame.py        the path that a failure names
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jsonpath_ng.jsonpath import DatumInContext, Root

from fieldmap.compiler import ir
from fieldmap.compiler.interpret.evaluation import Codes, Evaluation
from fieldmap.compiler.interpret.records import envelope, fitted_value, places, records, run, run_record, trace
from fieldmap.compiler.interpret.tracing import Step, Trace, shown

__all__ = [
    "Step",
    "Trace",
    "envelope",
    "evaluate",
    "fitted",
    "places",
    "records",
    "run",
    "run_record",
    "shown",
    "trace",
]


def evaluate(
    node: ir.Expr,
    codes: Codes | None = None,
    roots: dict[str, Any] | None = None,
    functions: Mapping[str, ir.Function] | None = None,
    names: Mapping[str, Any] | None = None,
) -> Any:
    """The value of an expression, None if absent; `roots`: "$" and the other names that paths begin with; functions: the
    author's own; names: values with a name. Raises Failed."""
    data = {name: DatumInContext(value, Root()) for name, value in (roots or {"$": {}}).items()}
    evaluation = Evaluation(codes or {}, functions=functions)
    evaluation.give(names or {})
    return evaluation.value(node, data)


def fitted(assignment: ir.Assignment, codes: Codes, functions: Mapping[str, ir.Function] | None = None) -> Any:
    """The value of an assignment that reads no record, as its column would hold it. Raises Failed."""
    return fitted_value(assignment, Evaluation(codes, functions=functions), {"$": DatumInContext({}, Root())})
