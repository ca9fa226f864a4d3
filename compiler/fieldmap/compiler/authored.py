"""The author's own functions: checked once, in an order in which each comes after those that it calls, and never in a circle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fieldmap.compiler import interpret, ir, lets, types
from fieldmap.compiler.assign import coerce
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.functions import FUNCTIONS
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Authored, Named, Scope, Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.compiler.symbols import Symbols
from fieldmap.compiler.tagged import tagged
from fieldmap.dsl import ast
from fieldmap.dsl.ast.walk import walk
from fieldmap.dsl.diagnostics import Label
from fieldmap.runtime.values.outcome import Failed

# Functions that call others twice, which call others twice, would soon not end within a lifetime.
MOST_CALLS = 10_000
# How many functions may call each other, one the next.
DEEPEST = 50

# Names that calls have besides the standard functions.
_KEPT = frozenset({"lookup", "unit", "period", "agreed"})


def lower(symbols: Symbols, codes: dict[str, ir.Table], report: Report) -> dict[str, Authored]:
    """All functions that check, by name."""
    done: dict[str, Authored] = {}
    calls: dict[str, int] = {}
    depths: dict[str, int] = {}
    for node in _ordered(symbols, report):
        name = node.name
        calls[name.text] = 1 + sum(calls.get(called.text, 0) for called in _called(node))
        if calls[name.text] > MOST_CALLS:
            report.error(
                "FM0216",
                f"one call of {name.text} makes more than {MOST_CALLS:,} calls in all",
                name.span,
                help="give what is called twice a name: let once = …",
            )
            calls[name.text] = 0
            continue
        depths[name.text] = 1 + max((depths.get(called.text, 0) for called in _called(node)), default=0)
        if depths[name.text] > DEEPEST:
            _too_deep(name, report)
            depths[name.text] = 0
            continue
        if name.text in FUNCTIONS or name.text in _KEPT:
            report.error(
                "FM0205",
                f"{name.text} is a function of the language",
                name.span,
                help="choose another name: the same call means the same everywhere",
            )
            continue
        made = _function(node, Scope(symbols, report, {}, dollar=False, codes=codes, functions=done), report)
        if made is not None:
            done[name.text] = made
    for text, own in list(done.items()):
        done[text] = replace(own, expectations=_expectations(own, symbols, codes, done, report))
    return done


def _ordered(symbols: Symbols, report: Report) -> Iterator[ast.Function]:
    """Each after those that it calls; those in a circle are reported and left out."""
    done: set[str] = set()
    open_: list[str] = []

    def visit(name: str) -> Iterator[ast.Function]:
        if name in done:
            return
        node = symbols.functions[name]
        open_.append(name)
        for called in _called(node):
            if called.text in open_:
                circle = [*open_[open_.index(called.text) :], called.text]
                itself = len(circle) == 2
                report.error(
                    "FM0216",
                    f"{name} calls itself"
                    if itself
                    else f"functions call each other in a circle: {' → '.join(circle)}",
                    called.span,
                    labels=[Label(symbols.functions[called.text].name.span, "this is where the circle begins")]
                    if not itself
                    else [],
                    help="a function comes to an end because it calls only what stands before it; go through lists with [*]",
                )
                done.update(open_)
            elif called.text in symbols.functions and called.text not in done:
                if len(open_) > DEEPEST:
                    _too_deep(node.name, report)
                    done.update(open_)
                    break
                yield from visit(called.text)
        open_.pop()
        if name not in done:
            done.add(name)
            yield node

    for name in symbols.functions:
        yield from visit(name)


def _too_deep(name: ast.Name, report: Report) -> None:
    report.error(
        "FM0216",
        f"{name.text} is the last of more than {DEEPEST} functions that call each other, one the next",
        name.span,
        help="put some of them together",
    )


def _called(node: ast.Function) -> list[ast.Name]:
    inner: list[ast.Node] = [node.gives, *node.lets]
    return [one.function for part in inner for one in walk(part) if isinstance(one, ast.Call)]


def _function(node: ast.Function, scope: Scope, report: Report) -> Authored | None:
    kinds: list[ir.Type] = []
    fine = True
    for parameter in node.parameters:
        type_ = _type(parameter.type, report)
        if parameter.name.text in scope.names:
            fine = False
            report.twice(
                f"the parameter {parameter.name.text}", parameter.name.span, scope.names[parameter.name.text].typed.span
            )
        absence = Absence.MAYBE if parameter.optional else Absence.NEVER
        typed = Typed(ir.Use(name=parameter.name.text), type_, absence, parameter.name.span, parameter.type.span)
        scope.names[parameter.name.text] = Named(typed, f"the parameter {parameter.name.text}")
        kinds.append(type_)
    result = _type(node.type, report)
    checker = Checker(scope)
    bound = lets.lower(node.lets, checker)
    typed_body = checker.check(node.gives, result)
    if (
        typed_body is None
        or not fine
        or isinstance(result, ir.UnknownType)
        or any(isinstance(kind, ir.UnknownType) for kind in kinds)
    ):
        return None
    body = coerce(typed_body, result, _as_field(node.name, node.type, node.optional), report)
    if body is None:
        return None
    if typed_body.absence is Absence.MAYBE and not node.optional:
        report.error(
            "FM0307",
            f"{node.name.text} always has a value, and this may be absent",
            node.gives.span,
            note=typed_body.words,
            labels=[Label(node.type.span, "no ? stands here")],
            help="write ? behind the type, or say with otherwise what then",
        )
        return None
    function = ir.Function(
        name=node.name.text,
        parameters=tuple(parameter.name.text for parameter in node.parameters),
        optional=tuple(parameter.optional for parameter in node.parameters),
        lets=bound,
        body=body,
    )
    return Authored(node, function, tuple(kinds), result, node.optional)


def _type(node: ast.TypeExpr, report: Report) -> ir.Type:
    """A type of a parameter or a result: sizes belong to fields, which round and check them."""
    if isinstance(node, ast.ScalarType) and (node.numbers or node.max_length):
        report.error(
            "FM0303",
            "a function takes and gives values of any size: the field that gets the result rounds it and checks its size",
            node.span,
            help=f"write {node.name.text}",
        )
        return ir.UnknownType()
    if isinstance(node, ast.ReferenceType | ast.ObjectType):
        report.error(
            "FM0303",
            "a function takes and gives texts, numbers, dates and lists of them",
            node.span,
            help="give it the fields that it needs, one parameter for each",
        )
        return ir.UnknownType()
    return types.lower_type(node, report, shape=True, key_of=lambda _: None)


def _as_field(name: ast.Name, type_: ast.TypeExpr, optional: bool) -> ast.EntityField:
    """What messages about a value that does not fit need to know."""
    return ast.EntityField(name=name, type=type_, optional=optional, is_key=False, span=name.span.to(type_.span))


def apply(checker: Checker, node: ast.Call, authored: Authored) -> Typed | None:
    """A call of an author's function."""
    placed = _placed(checker, node, authored)
    if placed is None:
        return None
    arguments: list[ir.Expr] = []
    absence = Absence.MAYBE if authored.optional else Absence.NEVER
    for value, parameter, type_ in zip(placed, authored.node.parameters, authored.types, strict=True):
        typed = checker.check(value, type_)
        if typed is None:
            return None
        field = _as_field(parameter.name, parameter.type, parameter.optional)
        coerced = coerce(typed, type_, field, checker.report)
        if coerced is None:
            return None
        arguments.append(coerced)
        if not parameter.optional:
            absence = absence | typed.absence
    expr = ir.Apply(function=authored.function.name, arguments=tuple(arguments))
    return Typed(expr, authored.result, absence, node.span, authored.node.type.span)


def _placed(checker: Checker, node: ast.Call, authored: Authored) -> list[ast.Expr] | None:
    """The arguments in the order of the parameters."""
    names = [parameter.name.text for parameter in authored.node.parameters]
    signature = f"{node.function.text}({', '.join(names)})"
    given: dict[str, ast.Expr] = dict(zip(names, node.arguments, strict=False))
    for argument in node.named:
        if argument.name.text not in names:
            checker.report.unknown("FM0208", f"parameter of {node.function.text} called", argument.name, names)
            return None
        if argument.name.text in given:
            checker.report.error(
                "FM0309", f"{argument.name.text} is given twice", argument.span, help="keep one of the two"
            )
            return None
        given[argument.name.text] = argument.value
    if len(given) < len(names) or len(node.arguments) > len(names):
        count = len(node.arguments) + len(node.named)
        number = "no argument" if not names else "one argument" if len(names) == 1 else f"{len(names)} arguments"
        checker.report.error(
            "FM0309",
            f"{signature} takes {number}, and {count or 'none'} {'stands' if count == 1 else 'stand'} here",
            node.span,
            labels=[Label(authored.node.name.span, "declared here")],
        )
        return None
    return [given[name] for name in names]


# ------------------------------------------------------------------------------------------------------- expectations


def _expectations(
    made: Authored, symbols: Symbols, codes: dict[str, ir.Table], done: dict[str, Authored], report: Report
) -> tuple[tuple[ast.Expr, ir.Expr], ...]:
    node = made.node
    checker = Checker(Scope(symbols, report, {}, dollar=False, codes=codes, functions=done))
    found: list[tuple[ast.Expr, ir.Expr]] = []
    for expected in node.expectations:
        typed = checker.check(expected, ir.BoolType())
        if typed is not None and not isinstance(typed.type, ir.BoolType):
            report.error(
                "FM0304",
                "what is expected is true or false",
                expected.span,
                note=typed.words,
                help="write: expect … == …",
            )
        elif typed is not None:
            found.append((expected, typed.expr))
    return tuple(found)


def run(authored: dict[str, Authored], codes: dict[str, ir.Table], report: Report) -> None:
    """Runs what authors expect of their functions, and reports what does not hold."""
    functions = {name: one.function for name, one in authored.items()}
    for one in authored.values():
        for written, expr in one.expectations:
            try:
                holds = interpret.evaluate(expr, codes, {}, functions)
            except Failed as failed:
                report.error("FM0701", f"this fails: {failed.reason}", written.span)
                continue
            if holds is not True:
                report.error("FM0701", _what_came(expr, codes, functions, holds), written.span, note="expected this")


def _what_came(expr: ir.Expr, codes: dict[str, ir.Table], functions: dict[str, ir.Function], holds: object) -> str:
    if isinstance(expr, ir.Comparison | ir.IsAbsent):
        side = expr.left if isinstance(expr, ir.Comparison) else expr.value
        try:
            return f"the function gives {interpret.shown(interpret.evaluate(side, codes, {}, functions))}"
        except Failed as failed:
            return f"this fails: {failed.reason}"
    return "this is absent" if holds is None else "this is false"


def used(map_: ir.Map, authored: dict[str, Authored]) -> tuple[ir.Function, ...]:
    """The functions that a map calls, and those that these call."""
    if not authored:
        return ()
    found: dict[str, ir.Function] = {}
    waiting = tagged(map_, "Apply", "function")
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = authored[name].function
            waiting |= tagged(found[name], "Apply", "function")
    return tuple(found[name] for name in sorted(found))
