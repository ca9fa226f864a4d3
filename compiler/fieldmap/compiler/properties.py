"""Properties: what its author says of every row of an entity, tried on the rows of examples and of records made up by shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fieldmap.compiler import interpret, ir, types
from fieldmap.compiler.context import MapContext
from fieldmap.compiler.examples import given_record, rows_of
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.invented import records
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Named, Scope, Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.dsl import ast
from fieldmap.dsl.ast.walk import walk
from fieldmap.runtime.values.outcome import Failed

# How many records are made up for each map.
TRIES = 100

Conditions = list[tuple[ast.Expr, ir.Expr]]


def lower(context: MapContext) -> list[tuple[ast.Property, Conditions]]:
    """The conditions of all properties, those with mistakes left out."""
    return [
        (node, found)
        for node in context.symbols.properties.values()
        if (found := _conditions(node, context)) is not None
    ]


def _conditions(node: ast.Property, context: MapContext) -> Conditions | None:
    info = context.entities.get(node.entity.text)
    if info is None:
        context.report.unknown("FM0201", "entity", node.entity, context.entities)
        return None
    scope = Scope(context.symbols, context.report, {}, dollar=False, codes=context.codes, functions=context.functions)
    for name, target in info.fields.items():
        type_ = target.type.key if isinstance(target.type, ir.ReferenceType) else target.type
        absence = Absence.MAYBE if target.optional else Absence.NEVER
        declared = info.declared[name]
        typed = Typed(ir.Use(name=name), type_, absence, declared.name.span, declared.type.span)
        scope.names[name] = Named(typed, f"the field {name}")
    checker, found = Checker(scope), Conditions()
    for written in node.conditions:
        condition = checker.check(written, ir.BoolType())
        if condition is not None and not isinstance(condition.type, ir.BoolType):
            context.report.error(
                "FM0304",
                "a property is true or false of a row",
                written.span,
                note=condition.words,
                help="compare it with something: commute >= 0 km",
            )
        elif condition is not None:
            found.append((written, condition.expr))
    return found


def run(properties: list[tuple[ast.Property, Conditions]], project: ir.Project, context: MapContext) -> None:
    """Reports the properties that some row breaks, each condition once: FM0367."""
    functions = {name: one.function for name, one in context.functions.items()}
    entities = {entity.name: entity for entity in project.entities}
    waiting = {id(written): (node, written, expr) for node, found in properties for written, expr in found}
    for entity, row, origin in _rows(project, context) if waiting else ():
        for key, (node, written, expr) in list(waiting.items()):
            if node.entity.text != entity:
                continue
            values = {field.name: row.get(field.name) for field in entities[entity].fields}
            try:
                holds = interpret.evaluate(expr, context.codes, {}, functions, values)
            except Failed:
                continue  # only what is false breaks a property
            if holds is False:
                _broken(written, entities[entity], values, origin, context.report)
                del waiting[key]


def _rows(project: ir.Project, context: MapContext) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """Entity, row and where it comes from: of the examples first, then of what is made up."""
    names = [entity.name for entity in project.entities]
    for example in context.symbols.examples.values():
        given = given_record(example, context)
        for map_ in project.maps:
            if given is not None and (map_.connector, map_.resource) == given[:2]:
                outcome = interpret.run_record(map_, project.codes, given[2])
                for name in names:
                    for row in rows_of(map_, outcome, name):
                        yield name, row, f'in the example "{example.title.value}"'
    for map_ in project.maps:
        shape = context.shapes.get(f"{map_.connector}.{map_.resource}")
        for record in records(shape, project.codes, TRIES) if shape is not None else ():
            outcome = interpret.run_record(map_, project.codes, record)
            for name in names:
                for row in rows_of(map_, outcome, name):
                    yield name, row, f"in a record of {map_.connector}.{map_.resource} that its shape allows"


def _broken(written: ast.Expr, entity: ir.Entity, row: Mapping[str, Any], origin: str, report: Report) -> None:
    fields = {field.name: field for field in entity.fields}
    named = dict.fromkeys(node.name for node in walk(written) if isinstance(node, ast.Bare) and node.name in fields)
    shown = ", ".join(f"{name} is {_shown(row[name], fields[name].type)}" for name in named)
    report.error(
        "FM0367",
        f"this does not hold {origin}{f': {shown}' if shown else ''}",
        written.span,
        help="mend the map (when, if invalid, absent when in the shape), or the property",
    )


def _shown(value: Any, type_: ir.Type) -> str:
    unit = types.unit_of(type_)
    return f"{interpret.shown(value)}{f' {unit.text}' if unit is not None and value is not None else ''}"
