"""Arithmetic, comparison, logic and choice as Python. Owns when Python's own operators are right and when they are not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fieldmap.compiler import ir
from fieldmap.compiler.emit import reads
from fieldmap.compiler.emit.python import HOLE, Atom, Kind, filled, literal, tuple_of
from fieldmap.compiler.interpret.blame import parts

if TYPE_CHECKING:
    from fieldmap.compiler.emit.expressions import Emitter

_OPERATORS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}


def judged(emitter: Emitter, node: Any) -> Atom:
    """Arithmetic, comparison, logic and choice."""
    match node:
        case ir.Arithmetic():
            call = f"{_OPERATORS[node.operator]}({HOLE}, {HOLE}, {emitter.path(node)})"
            left, right = emitter.emit(node.left), emitter.emit(node.right)
            return emitter.all_of([left, right], filled(call, left.code, right.code), "")
        case ir.Negate():
            return emitter.converted(emitter.emit(node.value), f"negate({HOLE})", "")
        case ir.Comparison():
            return _comparison(emitter, node)
        case ir.InList():
            return _in_list(emitter, node)
        case ir.IsAbsent():
            return _is_absent(emitter, node)
        case ir.And():
            return _logic(emitter, node, "False", "True")
        case ir.Or():
            return _logic(emitter, node, "True", "False")
        case ir.Not():
            return emitter.converted(emitter.emit(node.value), f"not {HOLE}", "bool")
        case ir.Otherwise():
            return _otherwise(emitter, node)
        case ir.If():
            return _if(emitter, node)
        case ir.Case():
            return _case(emitter, node)
        case _:
            raise TypeError(f"no expression: {node!r}")


def _comparison(emitter: Emitter, node: ir.Comparison) -> Atom:
    left, right = emitter.emit(node.left), emitter.emit(node.right)
    if node.operator in ("==", "!=") and not _plainly_equal(left.kind, right.kind):
        call = f"{'not ' if node.operator == '!=' else ''}same({left.code}, {right.code}, {emitter.path(node)})"
    else:
        call = f"{left.code} {node.operator} {right.code}"
    if node.operator not in ("==", "!=") and (_durations(node) or "duration" in (left.kind, right.kind)):
        call = f"order({left.code}, {right.code}, {emitter.path(node)}) {node.operator} 0"
    return emitter.all_of([left, right], call, "bool")


def _in_list(emitter: Emitter, node: ir.InList) -> Atom:
    value, items = emitter.emit(node.value), [emitter.emit(item) for item in node.items]
    if not items:
        return emitter.converted(value, str(node.negated), "bool")
    if all(_plainly_equal(value.kind, item.kind) for item in items):
        call = f"{HOLE} {'not ' if node.negated else ''}in {tuple_of([item.code for item in items])}"
        return emitter.converted(emitter.kept(value), call, "bool")
    path, kept = emitter.path(node), emitter.kept(value)
    tests = " or ".join(f"same({kept.code}, {item.code}, {path})" for item in items)
    return emitter.converted(kept, f"not ({tests})" if node.negated else f"({tests})", "bool")


def _is_absent(emitter: Emitter, node: ir.IsAbsent) -> Atom:
    sign = "not " if node.negated else ""
    if node.what == "absent":
        value = emitter.emit(node.value)
        name = emitter.new()
        emitter.body.line(f"{name} = {value.code} is {sign}None" if value.maybe else f"{name} = {node.negated}")
        return Atom(name, "bool", maybe=False, own=True)
    if not isinstance(node.value, ir.Read):
        raise ValueError(f"only a path is {node.what}")
    name = emitter.new()
    state = reads.state(emitter, node.value)
    emitter.body.line(f"{name} = {state} {'!=' if node.negated else '=='} {literal(node.what)}")
    return Atom(name, "bool", maybe=False, own=True)


def _logic(emitter: Emitter, node: ir.And | ir.Or, ends: str, other: str) -> Atom:
    """`ends`: the value of a side that decides alone."""
    left = emitter.owned(emitter.emit(node.left))
    with emitter.body.block(f"if {left.code} is not {ends}:"):
        right = emitter.emit(node.right)
        if right.maybe or left.maybe:
            absent = " or ".join(f"{side.code} is None" for side in (left, right) if side.maybe)
            other = f"None if {absent} else {other}"
        emitter.body.line(f"{left.code} = {ends} if {right.code} is {ends} else {other}")
    return Atom(left.code, "bool", left.maybe or right.maybe, True)


def _otherwise(emitter: Emitter, node: ir.Otherwise) -> Atom:
    value = emitter.emit(node.value)
    if not value.maybe:
        return value
    value = emitter.owned(value)
    with emitter.body.block(f"if {value.code} is None:"):
        fallback = emitter.emit(node.fallback)
        emitter.body.line(f"{value.code} = {fallback.code}")
    return Atom(value.code, _common(value, fallback), fallback.maybe, True, _common_element(value, fallback))


def _if(emitter: Emitter, node: ir.If) -> Atom:
    condition = emitter.emit(node.condition)
    name = emitter.new()
    with emitter.body.block(f"if {condition.code} is True:"):
        then = emitter.emit(node.then)
        emitter.body.line(f"{name} = {then.code}")
    with emitter.body.block("else:"):
        otherwise = emitter.emit(node.otherwise)
        emitter.body.line(f"{name} = {otherwise.code}")
    maybe = then.maybe or otherwise.maybe
    return Atom(name, _common(then, otherwise), maybe, True, _common_element(then, otherwise))


def _case(emitter: Emitter, node: ir.Case) -> Atom:
    value, name = emitter.kept(emitter.emit(node.value)), emitter.new()
    made: list[Atom] = []

    def arm(head: str, expr: ir.Expr) -> None:
        with emitter.body.block(head):
            made.append(emitter.emit(expr))
            emitter.body.line(f"{name} = {made[-1].code}")

    word = "if"
    if value.maybe:
        with emitter.body.block(f"if {value.code} is None:"):
            emitter.body.line(f"{name} = None")
        word = "elif"
    for each in node.arms:
        arm(f"{word} {_named(emitter, value, each.keys, node)}:", each.value)
        word = "elif"
    if node.otherwise is not None:
        arm("else:", node.otherwise)
    else:
        with emitter.body.block("else:"):
            emitter.body.line(f"raise no_arm({value.code}, {emitter.path(node)})")
    kinds: set[Kind] = {atom.kind for atom in made}
    elements: set[Kind] = {atom.element for atom in made}
    return Atom(
        name,
        kinds.pop() if len(kinds) == 1 else "",
        value.maybe or any(atom.maybe for atom in made),
        True,
        elements.pop() if len(elements) == 1 else "",
    )


def _named(emitter: Emitter, value: Atom, keys: tuple[ir.Constant, ...], node: ir.Case) -> str:
    """Whether one of the keys is the value."""
    constants = [emitter.constant(key) for key in keys]
    if all(_plainly_equal(value.kind, constant.kind) for constant in constants):
        if len(constants) == 1:
            return f"{value.code} == {constants[0].code}"
        return f"{value.code} in {tuple_of([constant.code for constant in constants])}"
    return " or ".join(f"same({value.code}, {constant.code}, {emitter.path(node)})" for constant in constants)


def _durations(node: ir.Expr) -> bool:
    """Whether a part of the expression makes durations, which Python cannot order."""
    match node:
        case ir.DurationConstant():
            return True
        case ir.Read(declared=ir.DurationType()) | ir.Implicit(to=ir.DurationType()):
            return True
        case _:
            return any(map(_durations, parts(node)))


def _plainly_equal(left: Kind, right: Kind) -> bool:
    """Whether Python's own == is right: both are known, and no bool can meet a number."""
    return (
        bool(left and right)
        and (left == right or {left, right} <= {"exact", "float"})
        and left not in ("list", "money", "quantity", "duration")
    )


def _common(left: Atom, right: Atom) -> Kind:
    return left.kind if left.kind == right.kind else ""


def _common_element(left: Atom, right: Atom) -> Kind:
    return left.element if left.element == right.element else ""
