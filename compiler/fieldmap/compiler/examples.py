"""Examples: the author's own tests, run by the interpreter whenever a project is checked."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from fieldmap.compiler import interpret, ir, types
from fieldmap.compiler.assign import coerce
from fieldmap.compiler.claims import claims_of
from fieldmap.compiler.context import MapContext
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Scope
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label
from fieldmap.runtime.values.outcome import Claimed, Dead, Deleted, Failed, Filtered, Outcome


@dataclass(frozen=True)
class _Given:
    connector: ast.Name
    resource: ast.Name
    record: dict[str, Any]


def run(project: ir.Project, context: MapContext) -> int:
    """Runs all examples of a project that checks; reports those that do not hold. Returns how many ran."""
    ran = 0
    for example in context.symbols.examples.values():
        given = _given(example, context, [])
        if given is None:
            continue
        maps = [
            item
            for item in project.maps
            if (item.connector, item.resource) == (given.connector.text, given.resource.text)
        ]
        if not maps:
            context.report.error(
                "FM0702", "nothing maps this resource, so there is nothing to expect", example.given.span
            )
            continue
        outcomes = [(item, interpret.run_record(item, project.codes, given.record)) for item in maps]
        for expectation in example.expectations:
            _Check(project, context, expectation).hold(outcomes)
        ran += 1
    return ran


def _given(example: ast.Example, context: MapContext, seen: list[str]) -> _Given | None:
    """The record that an example is about; `given like` takes another's and replaces members."""
    given, report = example.given, context.report
    try:
        record = json.loads(given.json.value, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        report.error("FM0702", f"this is not JSON: {error}", given.json.span)
        return None
    if given.like is None:
        if given.connector is None or given.resource is None:
            return None
        if context.symbols.resource(given.connector, given.resource, report) is None:
            return None
        return _Given(given.connector, given.resource, record)
    other = context.symbols.examples.get(given.like.value)
    if other is None or given.like.value in seen:
        what = "there is no such example" if other is None else "examples are like each other in a circle"
        titles = [title for title in context.symbols.examples if title not in (given.like.value, *seen)]
        near = difflib.get_close_matches(given.like.value, titles, n=1, cutoff=0.5)
        help_ = (
            f'did you mean "{near[0]}"?' if near and other is None else "name the example whose record this one changes"
        )
        report.error("FM0702", f'{what}: "{given.like.value}"', given.like.span, help=help_)
        return None
    base = _given(other, context, [*seen, given.like.value])
    return base and _Given(base.connector, base.resource, {**base.record, **record})


class _Check:
    def __init__(self, project: ir.Project, context: MapContext, expectation: ast.Expectation) -> None:
        self._project = project
        self._context = context
        self._report: Report = context.report
        self._expectation = expectation

    def hold(self, outcomes: list[tuple[ir.Map, Outcome]]) -> None:
        match self._expectation:
            case ast.ExpectOutcome() as expected:
                self._outcome(expected, [outcome for _, outcome in outcomes])
            case ast.ExpectEntity() as expected:
                self._entity(expected, outcomes)

    def _outcome(self, expected: ast.ExpectOutcome, outcomes: list[Outcome]) -> None:
        field = expected.field.text if expected.field is not None else ""
        if expected.kind == "hold" and not field:
            self._report.error("FM0702", "hold is said of a field", expected.span, help="write: expect hold hired_on")
            return
        for outcome in outcomes:
            match outcome:
                case Dead() if expected.kind == "reject" and (not field or outcome.field in self._held_by(field)):
                    return
                case Claimed() if expected.kind == "hold" and any(
                    held.field in self._held_by(field) for held in outcome.held
                ):
                    return
                case Filtered() if expected.kind == "filtered":
                    return
                case Deleted() if expected.kind == "deleted":
                    return
                case _:
                    continue
        wanted = f"{expected.kind} {field}".strip()
        self._report.error(
            "FM0701", f"expected {wanted}, but {'; '.join(_words(outcome) for outcome in outcomes)}", expected.span
        )

    def _held_by(self, field: str) -> set[str]:
        """The field, or those that hold it where it is a reference to an entity with a key of several."""
        return {field} | {
            name
            for entity in self._project.entities
            for one in entity.composites
            if one.name == field
            for name in one.fields
        }

    def _entity(self, expected: ast.ExpectEntity, outcomes: list[tuple[ir.Map, Outcome]]) -> None:
        entity = next((item for item in self._project.entities if item.name == expected.entity.text), None)
        if entity is None:
            self._report.unknown("FM0201", "entity", expected.entity, [item.name for item in self._project.entities])
            return
        rows = [row for map_, outcome in outcomes for row in _rows(map_, outcome, entity.name)]
        if not rows:
            self._report.error(
                "FM0701",
                f"expected {entity.name}, but {'; '.join(_words(outcome) for _, outcome in outcomes)}",
                expected.entity.span,
            )
            return
        fields = self._in_parts(expected.fields, entity)
        wanted = [pair for field in fields if (pair := self._wanted(field, entity)) is not None]
        if len(wanted) < len(fields):
            return
        misses = [
            [
                (field, row.get(field.field.text))
                for field, value in wanted
                if not _equal(row.get(field.field.text), value)
            ]
            for row in rows
        ]
        if all(misses):
            for field, found in min(misses, key=len):
                self._miss(field, found, entity)

    def _in_parts(self, fields: tuple[ast.ExpectedField, ...], entity: ir.Entity) -> list[ast.ExpectedField]:
        """What is expected, of a reference that several fields hold for each of them."""
        held = {one.name: one for one in entity.composites}
        made: list[ast.ExpectedField] = []
        for field in fields:
            one = held.get(field.field.text)
            row = field.value
            if one is None or not (row is None or (isinstance(row, ast.Row) and len(row.parts) == len(one.fields))):
                made.append(field)
                continue
            values = row.parts if row is not None else [None] * len(one.fields)
            made.extend(
                replace(field, field=ast.Name(text=name, span=field.field.span), value=value)
                for name, value in zip(one.fields, values, strict=True)
            )
        return made

    def _wanted(self, field: ast.ExpectedField, entity: ir.Entity) -> tuple[ast.ExpectedField, Any] | None:
        """The value that is expected, as the field's type would hold it."""
        target = next((item for item in entity.fields if item.name == field.field.text), None)
        if target is None:
            self._report.unknown(
                "FM0202", f"field of {entity.name} called", field.field, [item.name for item in entity.fields]
            )
            return None
        if field.value is None:
            return field, None
        context = self._context
        functions = {name: one.function for name, one in context.functions.items()}
        scope = Scope(context.symbols, self._report, {}, dollar=False, codes=context.codes, functions=context.functions)
        checker = Checker(scope)
        typed = checker.check(field.value, target.type)
        expr = (
            coerce(typed, target.type, self._context.entities[entity.name].declared[target.name], self._report)
            if typed is not None
            else None
        )
        if expr is None:
            return None
        assignment = ir.Assignment(
            field=target.name, target=target.type, value=expr, outcome="reject", place=target.place
        )
        try:
            return field, interpret.fitted(assignment, self._project.codes, functions)
        except Failed as failed:
            self._report.error("FM0702", f"{target.name} cannot hold this: {failed.reason}", field.value.span)
            return None

    def _miss(self, field: ast.ExpectedField, found: Any, entity: ir.Entity) -> None:
        target = next(item for item in entity.fields if item.name == field.field.text)
        unit = types.unit_of(target.type)
        shown = (
            "absent" if found is None or found == [] else f"{interpret.shown(found)}{f' {unit.text}' if unit else ''}"
        )
        declared = self._context.entities[entity.name].declared[target.name]
        self._report.error(
            "FM0701",
            f"{target.name} is {shown}",
            field.span,
            note="expected this",
            labels=[Label(declared.span, "declared here")] if found is None else [],
        )


def _rows(map_: ir.Map, outcome: Outcome, entity: str) -> list[dict[str, Any]]:
    if not isinstance(outcome, Claimed):
        return []
    found: list[dict[str, Any]] = []
    for claim in claims_of(map_):
        if claim.entity == entity:
            names = [item.field for item in claim.assignments]
            found.extend(dict(zip(names, row, strict=True)) for row in outcome.rows[claim.number])
    return found


def _equal(found: Any, wanted: Any) -> bool:
    if wanted is None:
        return found is None or found == []
    return bool(found == wanted)


def _words(outcome: Outcome) -> str:
    match outcome:
        case Claimed(held=held):
            return "the record is claimed" + (f", with {', '.join(item.field for item in held)} held" if held else "")
        case Filtered():
            return "the record is filtered by when"
        case Deleted():
            return "the record is deleted"
        case Dead(field=field, reason=reason):
            return f"the record is rejected{f' for {field}' if field else ''}: {reason}"


def given_record(example: ast.Example, context: MapContext) -> tuple[str, str, dict[str, Any]] | None:
    """Connector, resource and record of an example; None where it has a mistake, which is reported with the example."""
    silent = Report()
    given = _given(example, replace(context, report=silent), [])
    return None if given is None else (given.connector.text, given.resource.text, given.record)


def rows_of(map_: ir.Map, outcome: Outcome, entity: str) -> list[dict[str, Any]]:
    """What a map claims of an entity."""
    return _rows(map_, outcome, entity)
