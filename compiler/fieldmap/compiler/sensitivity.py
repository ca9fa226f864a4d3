"""Where sensitive values flow: what a shape calls `pii` or `restricted` may only reach fields that say the same.

Values flow, and what is asked about them does not: a condition, or whether something is absent, makes nothing sensitive.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fieldmap.compiler.report import Report
from fieldmap.compiler.steps import EACH, Roots, Steps, paths_in, steps_of
from fieldmap.compiler.symbols import Symbols
from fieldmap.dsl import ast
from fieldmap.dsl.ast.walk import children
from fieldmap.dsl.diagnostics import Edit, Label
from fieldmap.dsl.source import Span

# What flows into the lets that can be named.
Lets = Mapping[str, frozenset[Steps]]

_KINDS = ("pii", "restricted")


def check(symbols: Symbols, report: Report) -> None:
    """FM0314 for every value that would lose its tag on the way into its field."""
    for item in symbols.maps:
        connector = symbols.connectors.get(item.connector.text)
        resource = next(
            (one for one in connector.resources if one.name.text == item.resource.text) if connector else iter(()), None
        )
        if resource is None or resource.shape is None or not _tagged(resource.shape.members):
            continue
        roots: dict[str, Steps] = {"$": ()}
        if item.alias is not None:
            roots[item.alias.text] = ()
        _lines(item.items, item.entity, roots, {}, resource.shape, symbols, report)


def _tagged(members: Iterable[ast.Member]) -> bool:
    return any(member.tags or _tagged(_members(member.type)) for member in members)


def tagged_members(members: Iterable[ast.Member]) -> tuple[tuple[str, str], ...]:
    """The members of a shape that are personal or restricted, or hold something that is, each with the tag."""
    found = []
    for member in members:
        kinds = [tag.kind for tag in member.tags if tag.kind in _KINDS]
        within = [kind for _, kind in tagged_members(_members(member.type))]
        if kinds or within:
            found.append((member.name.text, (kinds or within)[0]))
    return tuple(found)


def tag_of_ids(resource: ast.Resource) -> str:
    """The tag of what a resource tells its records apart by, as its shape has it; "" of none."""
    members = resource.shape.members if resource.shape is not None else ()
    paths = [steps for node in resource.ids for _, steps in _flowing(node, {"$": ()}, {})]
    return next((kind for steps in paths for kind in _KINDS if _stated(members, steps, kind) is not None), "")


def _members(type_: ast.TypeExpr) -> tuple[ast.Member, ...]:
    """The members of an object, or of the objects that a list holds."""
    while isinstance(type_, ast.ListType):
        type_ = type_.element
    return type_.members if isinstance(type_, ast.ObjectType) else ()


def _lines(
    items: Iterable[ast.MapItem],
    entity: ast.Name | None,
    roots: Roots,
    outer: Lets,
    shape: ast.Shape,
    symbols: Symbols,
    report: Report,
) -> None:
    declared = symbols.entities.get(entity.text) if entity is not None else None
    fields = {field.name.text: field for field in declared.fields} if declared is not None else {}
    if entity is not None:
        fields |= {name: held.field for name, held in symbols.composites.get(entity.text, {}).items()}
    items = tuple(items)
    lets = dict(outer)
    for item in items:
        if isinstance(item, ast.Let):
            lets[item.name.text] = frozenset(steps for _, steps in _flowing(item.value, roots, lets))
    for item in items:
        match item:
            case ast.Assignment(field=name) if name.text in fields:
                _assignment(item, fields[name.text], roots, lets, shape, report)
            case ast.Each():
                inner = {**roots, item.alias.text: steps_of(item.path, roots)}
                _lines(item.items, item.entity, inner, lets, shape, symbols, report)
            case ast.Also():
                _lines(item.items, item.entity, roots, {}, shape, symbols, report)


def _assignment(
    item: ast.Assignment, field: ast.EntityField, roots: Roots, lets: Lets, shape: ast.Shape, report: Report
) -> None:
    held = {tag.kind for tag in field.tags}
    for kind in _KINDS:
        if kind in held:
            continue
        for place, steps in _flowing(item.value, roots, lets):
            stated = _stated(shape.members, steps, kind)
            if stated is None:
                continue
            end = field.doc.span.start if field.doc is not None else field.span.end
            report.error(
                "FM0314",
                f"{item.field.text} is not {kind}, and what flows into it is",
                place.span,
                note=kind,
                labels=[Label(stated, f"here it is called {kind}"), Label(field.name.span, "and here it would not be")],
                help=f"write {kind} behind the type of {item.field.text}, or leave the value out",
                edit=Edit(Span(field.span.path, end, end), f"{kind} " if field.doc is not None else f" {kind}"),
            )
            break


def _flowing(node: ast.Expr, roots: Roots, lets: Lets) -> Iterator[tuple[ast.Node, Steps]]:
    """What the value is made of, without what only decides about it."""
    match node:
        case ast.IsAbsent():
            return
        case ast.If():
            yield from _flowing(node.then, roots, lets)
            yield from _flowing(node.otherwise, roots, lets)
        case ast.Case():
            for arm in node.arms:
                yield from _flowing(arm.value, roots, lets)
        case ast.Bare(name=name) | ast.Path(root=name) if name in lets:
            yield from ((node, steps) for steps in sorted(lets[name]))
        case ast.Path() | ast.Bare():
            yield from paths_in(node, roots)
        case _:
            for child in children(node):
                yield from _flowing(child, roots, lets)  # type: ignore[arg-type]


def _stated(members: Iterable[ast.Member], steps: Steps, kind: str) -> Span | None:
    """Where the shape calls what the steps lead to (or anything within it) by this tag."""
    for index, step in enumerate(steps):
        if step == EACH:
            continue
        found = next((member for member in members if member.name.text == step), None)
        if found is None:
            return None
        if (tag := next((tag for tag in found.tags if tag.kind == kind), None)) is not None:
            return tag.span
        members = _members(found.type)
        if index == len(steps) - 1 or set(steps[index + 1 :]) == {EACH}:
            return _within(members, kind)
    return None


def _within(members: Iterable[ast.Member], kind: str) -> Span | None:
    for member in members:
        for tag in member.tags:
            if tag.kind == kind:
                return tag.span
        if (span := _within(_members(member.type), kind)) is not None:
            return span
    return None
