"""Conditions that a reader asks for (`fieldmap query --where`): the language's own, as in `must`, over the fields of a row."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from fieldmap.compiler import ir
from fieldmap.compiler.conditions import unjudged
from fieldmap.compiler.emit.conditions import condition_sql
from fieldmap.compiler.evaluate import sentence
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Scope
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl.diagnostics import Diagnostic, Severity
from fieldmap.dsl.standalone import parse_expression
from fieldmap.runtime.errors import UsageError

# A date as an analyst writes it, outside texts: the language wants it in quotes.
_DATES = re.compile(r"""("(?:\\.|[^"\\])*")|(?<![\w"-])(\d{4}-\d{2}-\d{2})(?![\w"-])""")


def filter_sql(entity: ir.Entity, texts: Sequence[str], alias: str) -> str:
    """The conditions, all of which must hold, as SQL over a row under an alias. What an author of the text could smuggle in ends in the
    parser: only names of fields, operators and typed constants come out of it. Raises UsageError in one sentence."""
    return " AND ".join(f"({_condition(entity, text, alias)})" for text in texts) or "true"


def _condition(entity: ir.Entity, text: str, alias: str) -> str:
    tree = parse_expression(_DATES.sub(lambda m: m.group(1) or f'"{m.group(2)}"', text))
    if isinstance(tree, Diagnostic):
        raise UsageError(f"--where {text}: {_said(tree)}")
    entity = _with_keys(entity)
    report, fields = Report(), {field.name: field for field in entity.fields}
    typed = Checker(Scope(Symbols({}), report, {}, dollar=False, row=fields)).check(tree, ir.BoolType())
    mistakes = [item for item in report.diagnostics if item.severity is Severity.ERROR]
    mistakes.sort(key=lambda item: item.span.start)
    if typed is None or mistakes:
        raise UsageError(f"--where {text}: {_said(mistakes[0]) if mistakes else 'it has no meaning'}")
    if not isinstance(typed.type, ir.BoolType):
        raise UsageError(f"--where {text}: {typed.words}; compare it with something, as in {entity.key[0]} == …")
    strange = unjudged(typed.expr, fields)
    if strange:
        raise UsageError(
            f"--where {text}: {strange} cannot be asked of rows; compare fields with each other and with constants"
        )
    place = ir.Place(file="", line=0, column=0, text=text)
    made = condition_sql(entity, ir.RowCondition(kind="must", expr=typed.expr, message="", place=place), alias)
    if "\0" in made:
        # Written as an escape; the statement would end there.
        raise UsageError(f"--where {text}: no text in the database holds a NUL character")
    return made


def _with_keys(entity: ir.Entity) -> ir.Entity:
    """The entity with the key that a reference holds in place of the reference: which row is meant is asked by its key."""

    def held(type_: ir.Type) -> ir.Type:
        if isinstance(type_, ir.ListType):
            return msgspec.structs.replace(type_, element=held(type_.element))
        return type_.key if isinstance(type_, ir.ReferenceType) else type_

    fields = tuple(msgspec.structs.replace(field, type=held(field.type)) for field in entity.fields)
    return msgspec.structs.replace(entity, fields=fields)


def _said(mistake: Diagnostic) -> str:
    return sentence(mistake).partition(": ")[2]
