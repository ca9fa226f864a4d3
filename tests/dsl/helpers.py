"""What the tests of the language share: parsing a piece of text, and trees without their places."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Diagnostic
from fieldmap.dsl.parser import parse
from fieldmap.dsl.source import Source, Span

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.map"))


def good(text: str) -> ast.File:
    """The tree of a text without mistakes."""
    file, diagnostics = parse(Source("x.map", text))
    assert [f"{one.code} {one.message}" for one in diagnostics] == []
    return file


def mistakes(text: str) -> list[Diagnostic]:
    return parse(Source("x.map", text))[1]


def item(text: str) -> Any:
    (only,) = good(text).items
    return only


def value(expression: str) -> ast.Expr:
    """The tree of one expression of a map."""
    (assignment,) = item(f"map a.b as order to C {{\n  x = {expression}\n}}").items
    assert isinstance(assignment, ast.Assignment)
    return assignment.value


def plain(node: Any) -> Any:
    """A tree as nested tuples, without places, to compare what is written and not where."""
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        fields = [(f.name, plain(getattr(node, f.name))) for f in dataclasses.fields(node) if f.name != "span"]
        return type(node).__name__, *(
            pair for pair in fields if pair[1] != () and pair[1] is not None and pair[1] is not False
        )
    if isinstance(node, tuple):
        return tuple(plain(part) for part in node)
    return node


def spans(node: Any) -> list[tuple[str, Span]]:
    """Every node of a tree with its place."""
    found: list[tuple[str, Span]] = []
    if isinstance(node, ast.Node):
        found.append((type(node).__name__, node.span))
    if dataclasses.is_dataclass(node) and not isinstance(node, type):
        for field in dataclasses.fields(node):
            found.extend(spans(getattr(node, field.name)))
    elif isinstance(node, tuple):
        for part in node:
            found.extend(spans(part))
    return found


def per(period: ast.Name | ast.DataPeriod | None) -> str:
    if isinstance(period, ast.DataPeriod):
        return f" per period({says(period.code)}, {period.codes.text})"
    return f" per {period.text}" if period else ""


def says(expression: ast.Expr) -> str:
    """An expression fully bracketed, to show how it binds."""
    match expression:
        case ast.Path(root=root, segments=segments):
            return root + "".join(f".{s.name}" if isinstance(s, ast.MemberSegment) else "[]" for s in segments)
        case ast.Number(value=number, unit=unit):
            return f"{number}{unit.text if unit else ''}"
        case ast.Bare(name=name):
            return name
        case ast.Bool(value=flag):
            return str(flag).lower()
        case ast.Absent():
            return "absent"
        case ast.Text(value=text):
            return repr(text)
        case ast.Template():
            return "template"
        case ast.Row(parts=parts):
            return f"({', '.join(map(says, parts))})"
        case ast.Environment(kind=kind, name=name):
            return f"{kind}.{name}"
        case ast.Call(function=function, arguments=arguments):
            return f"{function.text}({', '.join(map(says, arguments))})"
        case ast.Access(value=called, segments=segments):
            return says(called) + "".join(f".{s.name}" if isinstance(s, ast.MemberSegment) else "[]" for s in segments)
        case ast.Case(value=inner, arms=arms):
            shown = "; ".join(f"{', '.join(map(says, arm.keys)) or 'else'} -> {says(arm.value)}" for arm in arms)
            return f"(case {says(inner)} {{ {shown} }})"
        case ast.Conversion(value=inner, type=kind, zone=zone, period=period):
            return f"({says(inner)} as {kind.text}{' at ' + zone.value if zone else ''}{per(period)})"
        case ast.LocalTime(date=day, time=clock, zone=zone):
            return f"(datetime({says(day)}, {says(clock)}) at {zone.value})"
        case ast.InUnitOf(value=inner, code=code, system=system):
            return f"({says(inner)} in unit {says(code)} {system.text if system else ''})"
        case ast.InUnit(value=inner, unit=unit, named_by=named, period=period):
            named_as = unit.text if unit else says(named) if named else ""
            return f"({says(inner)} in {named_as}{per(period)})"
        case ast.Via(value=inner, codes=codes):
            return f"({says(inner)} via {codes.text})"
        case ast.Negate(value=inner):
            return f"(-{says(inner)})"
        case ast.Not(value=inner):
            return f"(not {says(inner)})"
        case ast.Brackets(value=inner):
            return f"[{says(inner)}]"
        case ast.Arithmetic() | ast.Comparison() | ast.Logic():
            return f"({says(expression.left)} {expression.operator} {says(expression.right)})"
        case ast.InList(value=inner, items=items, negated=negated):
            return f"({says(inner)} {'not ' if negated else ''}in {'|'.join(map(says, items))})"
        case ast.IsAbsent(value=inner, what=what, negated=negated):
            return f"({says(inner)} is {'not ' if negated else ''}{what})"
        case ast.Otherwise(value=inner, fallback=fallback):
            return f"({says(inner)} otherwise {says(fallback)})"
        case ast.If(condition=condition, then=then, otherwise=otherwise):
            return f"(if {says(condition)} then {says(then)} else {says(otherwise)})"
        case ast.Record(parts=parts):
            return f"{{{', '.join(f'{part.name.text}: {says(part.value)}' for part in parts)}}}"
        case ast.ListOf(items=items):
            return f"<{'|'.join(map(says, items))}>"
