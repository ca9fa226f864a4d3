"""Steps of a path that may take several: slices, filters, unions and descendants, checked against the shape and lowered.

What no shape states is not checked. In a filter the RFC decides: values are compared as received, whatever a shape declares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label
from fieldmap.runtime.values.query import compiled


@dataclass(frozen=True)
class Taken:
    """node: the shape behind the step, None where it cannot be told; sentinels: of the members taken, if all have the same; unchanged: what is
    sent in place of any of them."""

    choice: ir.Choice
    node: shapes.ShapeNode | None
    sentinels: tuple[ir.Constant, ...]
    unchanged: tuple[ir.Constant, ...] = ()


def take(
    segment: ast.ChoiceSegment,
    node: shapes.ShapeNode | None,
    path: ast.Path,
    report: Report,
    dollar: shapes.ShapeNode | None,
    *,
    patterns: bool = True,
) -> Taken | None:
    """None after a diagnostic."""
    choice = _Choice(path, report, dollar, patterns)
    lowered: list[ir.Selector] = []
    found: list[_Kind] = []
    for selector in segment.selectors:
        one = choice.below(selector, node) if segment.descendant else choice.of(selector, node)
        if one is None:
            return None
        lowered.append(one[0])
        found.extend(one[1])
    shape, sentinels = _together(found)
    marks = tuple(dict.fromkeys(choice.marks))
    return Taken(ir.Choice(selectors=tuple(lowered), descendant=segment.descendant), shape, sentinels, marks)


# A shape with the sentinels of the member that it belongs to.
_Kind = tuple["shapes.ShapeNode | None", tuple[ir.Constant, ...]]


def _together(found: list[_Kind]) -> _Kind:
    """What is known of all that a step may take: the shape that all have."""
    if not found:
        return None, ()
    first, sentinels = found[0]
    for other, others in found[1:]:
        alike = other is first or (
            isinstance(first, shapes.ScalarShape)
            and isinstance(other, shapes.ScalarShape)
            and (first.type, first.how, first.attributes) == (other.type, other.how, other.attributes)
        )
        if not alike:
            return None, ()
        if others != sentinels:
            # Some of them stand for absent here and there: without a type of its own the value is read as it is used.
            return None, ()
    return first, sentinels


class _Choice:
    def __init__(self, path: ast.Path, report: Report, dollar: shapes.ShapeNode | None, patterns: bool) -> None:
        self._path = path
        self._report = report
        self._dollar = dollar
        self._patterns = patterns
        self.marks: list[ir.Constant] = []

    # ---------------------------------------------------------------------------------------------- of one value

    def of(self, selector: ast.Selector, node: shapes.ShapeNode | None) -> tuple[ir.Selector, list[_Kind]] | None:
        """A selector on a value of this shape."""
        if isinstance(selector, ast.MemberSegment):
            member = shapes.member_of(node, selector, self._report) if node is not None else None
            if node is not None and member is None:
                return None
            kinds: list[_Kind] = [self._kind(member) if member is not None else (None, ())]
            return ir.Member(name=selector.name), kinds
        if node is not None and not isinstance(node, shapes.ListShape):
            shapes.no_list(shapes.path_text(self._path), selector.span, node, self._report)
            return None
        element = node.element if isinstance(node, shapes.ListShape) else None
        lowered = self._lowered(selector, element)
        return (lowered, [(element, ())]) if lowered is not None else None

    def _kind(self, member: shapes.MemberShape) -> _Kind:
        self.marks.extend(member.unchanged)
        return member.node, member.sentinels

    def _lowered(self, selector: ast.Selector, element: shapes.ShapeNode | None) -> ir.Selector | None:
        match selector:
            case ast.MemberSegment(name=name):
                return ir.Member(name=name)
            case ast.IndexSegment(index=index):
                return ir.Index(index=index)
            case ast.WildcardSegment():
                return ir.All()
            case ast.Slice(start=start, end=end, step=step):
                return ir.Slice(start=start, end=end, step=step)
            case ast.Filter(condition=condition):
                lowered = self._condition(condition, element)
                return ir.Filter(condition=lowered) if lowered is not None else None

    # -------------------------------------------------------------------------------------- of all that is within

    def below(self, selector: ast.Selector, node: shapes.ShapeNode | None) -> tuple[ir.Selector, list[_Kind]] | None:
        """A selector on a value of this shape and on all within it."""
        within = list(_within(node))
        kinds: list[_Kind] = []
        for one in within:
            match one:
                case shapes.ObjectShape(members=members) if isinstance(selector, ast.MemberSegment):
                    member = members.get(selector.name)
                    kinds += [self._kind(member)] if member is not None else []
                case shapes.ObjectShape(members=members) if isinstance(selector, ast.WildcardSegment | ast.Filter):
                    kinds += [self._kind(member) for member in members.values()]
                case shapes.ListShape(element=element) if not isinstance(selector, ast.MemberSegment):
                    kinds.append((element, ()))
                case None:
                    kinds.append((None, ()))
        if isinstance(selector, ast.MemberSegment) and not kinds:
            names = {name for one in within if isinstance(one, shapes.ObjectShape) for name in one.members}
            self._report.unknown("FM0206", "member", shapes.named(selector), names)
            return None
        lowered = self._lowered(selector, _together(kinds)[0])
        return (lowered, kinds) if lowered is not None else None

    # ------------------------------------------------------------------------------------------------- conditions

    def _condition(self, node: ast.Condition, element: shapes.ShapeNode | None) -> ir.Condition | None:
        match node:
            case ast.TestedLogic(operator=operator, parts=parts):
                lowered = [self._condition(part, element) for part in parts]
                kept = tuple(part for part in lowered if part is not None)
                word = "and" if operator == "&&" else "or"
                return ir.FilterLogic(operator=word, parts=kept) if len(kept) == len(parts) else None
            case ast.TestedNot(value=value):
                inner = self._condition(value, element)
                return ir.FilterNot(value=inner) if inner is not None else None
            case ast.TestedComparison():
                return self._comparison(node, element)
            case ast.TestedPath():
                found = self._query(node, element)
                return found[0] if found is not None else None
            case ast.TestedCall():
                return self._call(node, element)
            case _:
                raise ValueError("a literal is no condition")

    def _comparison(self, node: ast.TestedComparison, element: shapes.ShapeNode | None) -> ir.FilterComparison | None:
        left, right = self._operand(node.left, element), self._operand(node.right, element)
        if left is None or right is None:
            return None
        if not self._comparable(node, left[1], right[1]):
            return None
        return ir.FilterComparison(operator=node.operator, left=left[0], right=right[0])

    def _comparable(
        self, node: ast.TestedComparison, left: shapes.ShapeNode | None, right: shapes.ShapeNode | None
    ) -> bool:
        """A text of the shape and a number or bool of the path can never be equal: as received, "5" is not 5."""
        for side, shape, other in ((node.left, left, node.right), (node.right, right, node.left)):
            if (
                isinstance(shape, shapes.ScalarShape)
                and isinstance(shape.type, ir.TextType)
                and isinstance(other, ast.TestedLiteral)
                and isinstance(other.value, bool | Decimal)
            ):
                written = _literal(other.value)
                self._report.error(
                    "FM0313",
                    f"{_tested_text(side)} is a text, and {written} never equals one",
                    other.span,
                    labels=[Label(shape.span, "a text, says the shape")],
                    help=f'write "{written}"',
                )
                return False
        return True

    def _operand(
        self, node: ast.Condition, element: shapes.ShapeNode | None
    ) -> tuple[ir.Operand, shapes.ShapeNode | None] | None:
        match node:
            case ast.TestedLiteral(value=Decimal() as number):
                whole = number == number.to_integral_value()
                text = str(int(number)) if whole else format(number, "f")
                return ir.FilterNumber(value=text), None
            case ast.TestedLiteral(value=str() | bool() | None as value):
                return ir.FilterConstant(value=value), None
            case ast.TestedPath():
                return self._query(node, element)
            case ast.TestedCall():
                call = self._call(node, element)
                return (call, None) if call is not None else None
            case _:
                raise ValueError("no operand of a comparison")

    def _call(self, node: ast.TestedCall, element: shapes.ShapeNode | None) -> ir.FilterCall | None:
        arguments = [self._operand(argument, element) for argument in node.arguments]
        kept = tuple(argument[0] for argument in arguments if argument is not None)
        if len(kept) < len(arguments):
            return None
        if self._patterns and node.function in ("match", "search"):
            pattern = node.arguments[1]
            if (
                isinstance(pattern, ast.TestedLiteral)
                and isinstance(pattern.value, str)
                and compiled(pattern.value) is None
            ):
                self._report.error(
                    "FM0125",
                    f"{_literal(pattern.value)} is no regular expression, so nothing matches it",
                    pattern.span,
                    help="brackets come in pairs, and \\\\ stands before a sign that is meant as itself",
                )
                return None
        return ir.FilterCall(function=node.function, arguments=kept)

    def _query(
        self, node: ast.TestedPath, element: shapes.ShapeNode | None
    ) -> tuple[ir.FilterQuery, shapes.ShapeNode | None] | None:
        start = element if node.root == "@" else self._dollar
        path = ast.Path(root=node.root, segments=node.segments, span=node.span)
        found = shapes.walk(path, start, self._report, dollar=self._dollar, patterns=self._patterns)
        if found is None:
            return None
        segments = tuple(ir.Member(name=step.name) if isinstance(step, ir.Member) else step for step in found.segments)
        return ir.FilterQuery(root=node.root, segments=segments), found.node if not found.many else None


def _within(node: shapes.ShapeNode | None) -> Iterator[shapes.ShapeNode | None]:
    """A shape and all within it; None for what it does not tell."""
    yield node
    match node:
        case shapes.ObjectShape(members=members):
            for member in members.values():
                yield from _within(member.node)
        case shapes.ListShape(element=element):
            yield from _within(element)
        case shapes.ScalarShape(type=ir.JsonType() | ir.UnknownType()):
            yield None


# ------------------------------------------------------------------------------------------------------------ as text


def steps_text(segments: Sequence[ast.Segment]) -> str:
    """Steps as `explain` shows them."""
    text = ""
    for segment in segments:
        match segment:
            case ast.MemberSegment(name=name):
                text += shapes.member_text(name)
            case ast.ChoiceSegment(selectors=(ast.MemberSegment(name=name),), descendant=True):
                text += (
                    "." + shapes.member_text(name)
                    if shapes.member_text(name).startswith(".")
                    else f"..{shapes.member_text(name)}"
                )
            case ast.ChoiceSegment(selectors=selectors, descendant=descendant):
                text += f"{'..' if descendant else ''}[{', '.join(map(_selector_text, selectors))}]"
            case _:
                text += f"[{_selector_text(segment)}]"
    return text


def _selector_text(selector: ast.Selector) -> str:
    match selector:
        case ast.MemberSegment(name=name):
            return _literal(name)
        case ast.IndexSegment(index=index):
            return str(index)
        case ast.WildcardSegment():
            return "*"
        case ast.Slice(start=start, end=end, step=step):
            bounds = [start, end, *([step] if step is not None else [])]
            return ":".join("" if bound is None else str(bound) for bound in bounds)
        case ast.Filter(condition=condition):
            return f"?{_tested_text(condition)}"


def _tested_text(node: ast.Condition, *, within: str = "") -> str:
    match node:
        case ast.TestedPath(root=root, segments=segments):
            return root + steps_text(segments)
        case ast.TestedLiteral(value=value):
            return _literal(value)
        case ast.TestedCall(function=function, arguments=arguments):
            return f"{function}({', '.join(map(_tested_text, arguments))})"
        case ast.TestedComparison(operator=operator, left=left, right=right):
            text = f"{_tested_text(left)} {operator} {_tested_text(right)}"
            return f"({text})" if within == "!" else text
        case ast.TestedNot(value=value):
            return f"!{_tested_text(value, within='!')}"
        case ast.TestedLogic(operator=operator, parts=parts):
            text = f" {operator} ".join(_tested_text(part, within=operator) for part in parts)
            return f"({text})" if within not in ("", operator) else text


def _literal(value: str | Decimal | bool | None) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False)
