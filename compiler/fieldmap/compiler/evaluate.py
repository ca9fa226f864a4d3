"""One expression against one document, outside any project: what `fieldmap eval` and `fieldmap repl` show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fieldmap.compiler import interpret, ir, quantities, types
from fieldmap.compiler.explain.jsontext import json_text
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.functions.arithmetic import plain_digits
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Scope
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl.diagnostics import Diagnostic, Severity
from fieldmap.dsl.standalone import parse_expression
from fieldmap.runtime.errors import FindingsError
from fieldmap.runtime.values.outcome import Duration, Failed, Money


@dataclass(frozen=True)
class Evaluated:
    """value: as the language has it, None if absent. type: in the author's words, "decimal in km". unit: as written, or ""."""

    value: Any
    type: str
    unit: str

    @property
    def shown(self) -> str:
        """The value with its unit, for people."""
        if self.value is None:
            return "absent"
        if isinstance(self.value, str) and not self.unit:
            return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in json_text(self.value))
        if self.type in ("object", "list"):
            return json_text(as_json(self.value))  # of a document as received: null is null there
        return f"{interpret.shown(self.value)}{f' {self.unit}' if self.unit else ''}"


def evaluate(text: str, document: Any) -> Evaluated:
    """The value of an expression, with `$` the document. Raises FindingsError, in one sentence, for a mistake or a failure."""
    tree = parse_expression(text)
    if isinstance(tree, Diagnostic):
        raise FindingsError(sentence(tree))
    report = Report()
    scope = Scope(Symbols({}), report, {"$": None})
    typed = Checker(scope).check(tree)
    if typed is not None:
        quantities.refuse_open(report, typed.expr)
    mistakes = [item for item in report.diagnostics if item.severity is Severity.ERROR]
    if typed is None or mistakes:
        raise FindingsError(sentence(mistakes[0]) if mistakes else "This expression has no meaning")
    try:
        value = interpret.evaluate(typed.expr, {**scope.codes, **report.unit_tables}, {"$": document})
    except Failed as failed:
        where = f" ({failed.path})" if failed.path and failed.path not in failed.reason else ""
        raise FindingsError(f"{failed.code}: {failed.reason}{where}") from None
    unit = types.unit_of(typed.type)
    return Evaluated(value, _type(typed.type, value), unit.text if unit is not None else "")


def sentence(mistake: Diagnostic) -> str:
    """A mistake and what to do, in one sentence."""
    return f"{mistake.code}: {mistake.message}{f' ({mistake.help})' if mistake.help else ''}"


_KINDS: Mapping[type, str] = {
    bool: "bool", int: "number", Decimal: "number", Fraction: "number", float: "number", str: "text", list: "list", dict: "object",
}  # fmt: skip


def _type(type_: ir.Type, value: Any) -> str:
    """The stated type; of what no shape states, the kind of value that was found."""
    unstated = isinstance(type_, ir.UnknownType) or (
        isinstance(type_, ir.ListType) and isinstance(type_.element, ir.UnknownType)
    )
    if not unstated:
        return types.describe(type_, article=False)
    return "absent" if value is None else _KINDS.get(type(value), "json")


def as_json(value: Any) -> Any:
    """The value as JSON has it: a number exactly, a date and money as text, a fraction without end as text."""
    match value:
        case Fraction():
            try:
                return Decimal(plain_digits(value))
            except Failed:
                return str(value)
        case Money():
            return {"amount": as_json(value.amount), "currency": value.currency}
        case Duration():
            return value.iso()
        case date() | time():
            return value.isoformat()
        case list():
            return [as_json(item) for item in value]
        case dict():
            return {name: as_json(item) for name, item in value.items()}
        case _:
            return value
