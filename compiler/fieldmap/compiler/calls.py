"""Calls of functions: which function it is, whether its arguments fit, and what a call that names none was meant to be."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from fieldmap.compiler import ir, lookups, shapes, types
from fieldmap.compiler.functions import FUNCTIONS, Function
from fieldmap.compiler.functions.foreign import OTHERWISE, SAME
from fieldmap.compiler.functions.literals import parts
from fieldmap.compiler.functions.signature import element_result
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.shapes import Absence, ListShape, MemberShape, ObjectShape, ScalarShape, ShapeNode
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Edit
from fieldmap.dsl.source import Span

if TYPE_CHECKING:
    from fieldmap.compiler.expressions import Checker

# Functions whose result is the list that they were given, or one of its elements.
_PASSING = frozenset({"agreed", "first", "last", "only", "nth", "reverse"})


def call(checker: Checker, node: ast.Call, expected: ir.Type | None = None) -> Typed | None:
    if node.function.text == "lookup":
        checker.report.error(
            "FM0309",
            "lookup finds a row, and a value is one of its columns",
            node.span,
            help="write the column behind it: lookup(cost_centers, code: $.cc).name",
        )
        return None
    own = checker.scope.functions.get(node.function.text)
    if own is not None:
        from fieldmap.compiler import authored

        return authored.apply(checker, node, own)
    if node.function.text in checker.scope.symbols.functions:
        return None  # it has a mistake of its own
    function = FUNCTIONS.get(node.function.text)
    if function is None:
        if node.function.text == "datetime":
            checker.report.error(
                "FM0308",
                "a date and a time of day are an instant only in a zone",
                node.span,
                help='write datetime($.date, $.time) at "Europe/Berlin"',
            )
        else:
            unknown(checker, node.function)
        return None
    for argument in node.named:
        checker.report.error(
            "FM0309",
            f"the arguments of {function.signature} have no names",
            argument.span,
            help="give them in their order",
        )
        return None
    # What gives an element of its list is read as the place needs the element: agreed($.widths[*] as quantity).
    wanted = ir.ListType(element=expected) if expected is not None and function.result is element_result else None
    arguments = [checker.check(argument, wanted) for argument in node.arguments]
    checked = [argument for argument in arguments if argument is not None]
    if len(checked) < len(arguments):
        return None
    given = [_taken(function, position, argument) for position, argument in enumerate(checked)]
    result = function.result_type([argument.type for argument in given])
    if isinstance(result, str):
        found = ", ".join(argument.words for argument in checked) or "nothing"
        message = result.rstrip(".")
        message = message if message.startswith(function.name) else message[:1].lower() + message[1:]
        checker.report.error("FM0309", message, node.span, note=found, help=_advice(function, checked))
        return None
    if not _literals(checker, node, function, given):
        return None
    made = ir.Call(function=node.function.text, arguments=tuple(argument.expr for argument in given))
    return Typed(made, result, _absence(function, checked), node.span, shape=_shape(function, given))


def access(checker: Checker, node: ast.Access) -> Typed | None:
    """A path behind a call."""
    if node.value.function.text == "lookup":
        return lookups.lookup(checker, node)
    value = call(checker, node.value)
    return None if value is None else behind(checker, value, f"{node.value.function.text}(…)", node.segments, node.span)


def behind(checker: Checker, value: Typed, name: str, segments: tuple[ast.Segment, ...], span: Span) -> Typed | None:
    """What a path finds in a value. name: as messages call the value."""
    if value.shape is None and not isinstance(value.type, ir.UnknownType | ir.ObjectType | ir.ListType | ir.JsonType):
        checker.report.error(
            "FM0206",
            f"{name} gives {types.describe(value.type)}, which has no parts",
            segments[0].span,
        )
        return None
    start = value.shape
    if isinstance(value.type, ir.ListType) and start is not None:
        start = ListShape(start, value.span)
    path = ast.Path(root=name, segments=segments, span=span)
    found = shapes.walk(path, start, checker.report, dollar=checker.scope.roots.get("$"))
    if found is None:
        return None
    read = ir.Read(
        root=ir.PICKED,
        segments=found.segments,
        text=shapes.path_text(path),
        declared=found.declared,
        sentinels=found.sentinels,
    )
    made = ir.Pick(value=value.expr, path=read)
    return Typed(made, found.type, value.absence | found.absence, span, found.origin, found.node)


def unknown(checker: Checker, name: ast.Name) -> None:
    """There is no such function: the nearest, or what other languages call so."""
    lowered = name.text.lower()
    meant = SAME.get(lowered, lowered if lowered in FUNCTIONS else "")
    advice = OTHERWISE.get(lowered, "")
    if not meant and not advice:
        own = difflib.get_close_matches(name.text, checker.scope.symbols.functions, n=1, cutoff=0.6)
        near = own or difflib.get_close_matches(lowered, FUNCTIONS, n=1, cutoff=0.65)
        meant = near[0] if near else ""
    if meant in FUNCTIONS:
        # What a function does, without what only somebody asks who computes the same elsewhere.
        said = FUNCTIONS[meant].doc.rstrip(".").partition(", by Python")[0]
        advice = f"did you mean {FUNCTIONS[meant].signature}? {said}"
    checker.report.error(
        "FM0207",
        f"there is no function {name.text}",
        name.span,
        help=advice or "the manual has a table of all functions: docs/language.md",
        edit=Edit(name.span, meant) if meant else None,
    )


def _advice(function: Function, arguments: list[Typed]) -> str:
    if function.name == "concat" and any(isinstance(argument.type, ir.TextType) for argument in arguments):
        return OTHERWISE["concatenate"]
    wanted = [parameter.kind for parameter in function.parameters]
    for kind, argument in zip(wanted, arguments, strict=False):
        textual = isinstance(argument.type, ir.TextType)
        if kind == "date" and isinstance(argument.type, ir.DatetimeType):
            return 'an instant is another day in another zone: … as date at "Europe/Berlin"'
        if kind == "date" and textual:
            return 'read the text as a date first: … as date("dd.MM.yyyy")'
        if kind in ("exact", "plain number", "number") and textual:
            return "read the text as a number first: … as decimal"
        if kind == "text" and isinstance(argument.type, ir.IntType | ir.DecimalType):
            return f"turn the number into a text first: {function.name}(text(…))"
    return function.doc


def _literals(checker: Checker, node: ast.Call, function: Function, given: list[Typed]) -> bool:
    """Whether the arguments that must be written out are, and are in order."""
    fine = True
    for position, argument in enumerate(given):
        parameter = function.parameter(position)
        if parameter is None or parameter.literal is None:
            continue
        if not isinstance(argument.expr, ir.TextConstant):
            template = isinstance(argument.expr, ir.Template)
            checker.report.error(
                "FM0363",
                f"the {parameter.name} of {function.name} is written out, so that it can be checked before any data is read",
                node.arguments[position].span,
                note=argument.words,
                help="put it in '…', where braces have no meaning" if template else "write a text in '…'",
            )
            fine = False
        elif mistake := parameter.literal(argument.expr.value):
            checker.report.error("FM0364", mistake, node.arguments[position].span)
            fine = False
    return fine


def _shape(function: Function, given: list[Typed]) -> ShapeNode | None:
    """What a path behind the call goes through: the parts of `parse`, or the elements of the list that was given."""
    if function.name == "parse" and isinstance(given[1].expr, ir.TextConstant):
        span = given[1].span
        names = parts(given[1].expr.value)
        text = ScalarShape(ir.TextType(), span)
        return ObjectShape({name: MemberShape(name, text, False, (), span) for name in names}, span)
    return given[0].shape if function.name in _PASSING else None


def _taken(function: Function, position: int, argument: Typed) -> Typed:
    """An argument as the function takes it: what no shape states is read as the parameter's type."""
    if isinstance(argument.expr, ir.AbsentConstant):
        return argument
    expr, type_ = function.take(position, argument.expr, argument.type)
    return Typed(expr, type_, argument.absence, argument.span, argument.origin, argument.shape)


def _absence(function: Function, arguments: list[Typed]) -> Absence:
    absences = [argument.absence for argument in arguments]
    if function.takes_absent:
        return Absence.NEVER if Absence.NEVER in absences else Absence.MAYBE
    together = Absence.MAYBE if function.may_be_absent else Absence.NEVER
    for absence in absences:
        together = together | absence
    return together
