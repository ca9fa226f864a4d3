"""Shapes: what the author says a response looks like, and what a path through it finds."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum

from fieldmap.compiler import choices, formats, ir, types
from fieldmap.compiler.report import Report
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label
from fieldmap.dsl.source import Span
from fieldmap.runtime.values.dates import iso_clock, iso_date
from fieldmap.runtime.values.durations import parse


class Absence(Enum):
    """Whether a value can be absent. UNSAID: no shape says; only where an answer is demanded does it count as MAYBE."""

    NEVER = "never"
    MAYBE = "maybe"
    UNSAID = "unsaid"

    def __or__(self, other: Absence) -> Absence:
        if Absence.MAYBE in (self, other):
            return Absence.MAYBE
        return Absence.UNSAID if Absence.UNSAID in (self, other) else Absence.NEVER


@dataclass(frozen=True)
class ObjectShape:
    members: dict[str, MemberShape]
    span: Span


@dataclass(frozen=True)
class ListShape:
    element: ShapeNode
    span: Span


@dataclass(frozen=True)
class ScalarShape:
    """how: the format that the shape states. attributes: what stands beside a text."""

    type: ir.Type
    span: Span
    how: ir.How | None = None
    attributes: ObjectShape | None = None


ShapeNode = ObjectShape | ListShape | ScalarShape


@dataclass(frozen=True)
class MemberShape:
    name: str
    node: ShapeNode
    optional: bool
    sentinels: tuple[ir.Constant, ...]
    span: Span
    advice: str | None = None
    unchanged: tuple[ir.Constant, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a path leads to. type is that of the whole result, a list where `many`; node is the shape behind the last step,
    None where no shape says; origin is where the type was stated. how: the stated format of the value or its elements.
    beside: whether the value may be a text with attributes beside it. unchanged: what the source sends in place of the value (of an
    element, where `many`) if it is as it was; whole: in place of the list that the first [*] goes through, or of the value."""

    segments: tuple[ir.Segment, ...]
    type: ir.Type
    declared: ir.Type | None
    sentinels: tuple[ir.Constant, ...]
    absence: Absence
    many: bool
    node: ShapeNode | None
    origin: Span | None
    how: ir.How | None = None
    beside: bool = False
    unchanged: tuple[ir.Constant, ...] = ()
    whole: tuple[ir.Constant, ...] = ()


def build(shape: ast.Shape, report: Report, sentinels: tuple[ast.Sentinels, ...] = ()) -> ObjectShape:
    """The shape as a tree; members that are said twice are reported. sentinels: those of the connector, for every shape."""
    common: dict[str, tuple[ir.Constant, ...]] = {}
    # The connector's own are checked with each of its shapes; a mistake in them is told once.
    silent = Report()
    for lines, told in ((sentinels, silent), (shape.sentinels, report)):
        for line in lines:
            common[line.type.text] = common.get(line.type.text, ()) + _constants(line.values, told)
    built = _object(shape.members, common, shape.span, report)
    marks = _constants(shape.unchanged, report)
    return _marked(built, marks) if marks else built


def _marked(node: ObjectShape, marks: tuple[ir.Constant, ...]) -> ObjectShape:
    """The shape with the marks of its line `unchanged when` on every member."""

    def below(node: ShapeNode) -> ShapeNode:
        match node:
            case ObjectShape():
                return _marked(node, marks)
            case ListShape():
                return replace(node, element=below(node.element))
            case ScalarShape():
                return node

    members = {
        name: replace(member, node=below(member.node), unchanged=(*member.unchanged, *marks))
        for name, member in node.members.items()
    }
    return replace(node, members=members)


def _object(
    members: tuple[ast.Member, ...], common: dict[str, tuple[ir.Constant, ...]], span: Span, report: Report
) -> ObjectShape:
    built: dict[str, MemberShape] = {}
    for member in members:
        if member.name.text in built:
            report.twice(f"member {member.name.text}", member.name.span, built[member.name.text].span)
            continue
        own = _constants(member.sentinels, report)
        if own and not member.optional:
            report.error(
                "FM0303",
                f"{member.name.text} can be absent, so its type carries a ?",
                member.type.span,
                help=f"write {member.name.text} : …? absent when …",
            )
        if member.optional and isinstance(member.type, ast.ScalarType):
            own += common.get(member.type.name.text, ())
        node = _node(member.type, common, report)
        if member.attributes is not None and isinstance(node, ScalarShape):
            node = replace(node, attributes=_object(member.attributes, common, member.type.span, report))
        _refuse_entity_tags(member, report)
        built[member.name.text] = MemberShape(
            member.name.text,
            node,
            member.optional,
            tuple(_as_type(sentinel, node) for sentinel in own),
            member.type.span,
            next((tag.advice.value for tag in member.tags if tag.advice is not None), None),
            _constants(member.unchanged, report),
        )
    return ObjectShape(built, span)


def _refuse_entity_tags(member: ast.Member, report: Report) -> None:
    for tag in member.tags:
        if tag.kind == "must exist":
            report.error(
                "FM0303",
                "must exist belongs to a reference of an entity: a source has no references yet",
                tag.span,
                help="write it behind the type of the entity's field",
            )
        if tag.kind == "rounded half even":
            report.error(
                "FM0303",
                "rounded half even belongs to the entity's field: a source's number is read as it is",
                tag.span,
                help="leave it out here",
            )


def _as_type(sentinel: ir.Constant, node: ShapeNode) -> ir.Constant:
    """A text as the value of the member's type that it names; where it names none, it is compared as it is written."""
    if not isinstance(sentinel, ir.TextConstant) or not isinstance(node, ScalarShape):
        return sentinel
    match node:
        case ScalarShape(type=ir.DateType(), how=None) if (day := iso_date(sentinel.value)) is not None:
            return ir.DateConstant(value=day.isoformat())
        case ScalarShape(type=ir.TimeType(), how=None) if (clock := iso_clock(sentinel.value)) is not None:
            return ir.TimeConstant(value=clock.isoformat())
        case ScalarShape(type=ir.DurationType()) if (duration := parse(sentinel.value)) is not None:
            return ir.DurationConstant(value=duration.iso())
        case _:
            return sentinel


def _node(type_: ast.TypeExpr, common: dict[str, tuple[ir.Constant, ...]], report: Report) -> ShapeNode:
    match type_:
        case ast.ObjectType():
            return _object(type_.members, common, type_.span, report)
        case ast.ListType():
            return ListShape(_node(type_.element, common, report), type_.span)
        case ast.ReferenceType():
            report.error(
                "FM0303",
                "a shape says what the source sends; a reference belongs to an entity",
                type_.span,
                help="write text or int",
            )
            return ScalarShape(ir.UnknownType(), type_.span)
        case ast.ScalarType():
            return _scalar(type_, common, report)
        case _:
            return ScalarShape(types.lower_type(type_, report, shape=True, key_of=lambda _: None), type_.span)


def _scalar(type_: ast.ScalarType, common: dict[str, tuple[ir.Constant, ...]], report: Report) -> ScalarShape:
    lowered = types.lower_type(type_, report, shape=True, key_of=lambda _: None)
    how: ir.How | None = None
    if type_.base64:
        if type_.name.text == "decimal" and len(type_.numbers) == 2:
            how = ir.Base64(scale=type_.numbers[1])
        else:
            report.error(
                "FM0303",
                "base64 holds a decimal, with its digits in all and behind the point",
                type_.span,
                help="write base64 decimal(9, 3)",
            )
    elif type_.patterns or type_.words or type_.zone is not None:
        how = formats.how(formats.of_type(type_), report)
        if isinstance(how, ir.CountryBy) and isinstance(lowered, ir.TextType):
            lowered = ir.TextType(checked="country")
    return ScalarShape(lowered, type_.span, how)


def _constants(values: tuple[ast.Expr, ...], report: Report) -> tuple[ir.Constant, ...]:
    constants: list[ir.Constant] = []
    for value in values:
        match value:
            case ast.Text():
                constants.append(ir.TextConstant(value=value.value))
            case ast.Template(parts=()):
                constants.append(ir.TextConstant(value=""))
            case ast.Template(parts=(ast.Text() as text,)):
                constants.append(ir.TextConstant(value=text.value))
            case ast.Number(unit=None):
                constants.append(ir.NumberConstant(value=format(value.value, "f")))
            case ast.Bool():
                constants.append(ir.BoolConstant(value=value.value))
            case _:
                report.error(
                    "FM0303",
                    "what a source sends in place of a value is a plain text, number, true or false",
                    value.span,
                    help='write it as the source sends it, as in "n/a" or -1',
                )
    return tuple(constants)


def walk(
    path: ast.Path,
    start: ShapeNode | None,
    report: Report,
    *,
    dollar: ShapeNode | None = None,
    patterns: bool = True,
) -> Found | None:
    """Follows a path from a shape node (None: no shape is stated). None after a diagnostic: the path is not in the shape.

    dollar: the shape of what `$` is in filters. patterns: refuse one that is no regular expression (the RFC lets it match
    nothing)."""
    node = start
    segments: list[ir.Segment] = []
    sentinels: tuple[ir.Constant, ...] = ()
    unchanged: tuple[ir.Constant, ...] = ()
    whole: tuple[ir.Constant, ...] = ()
    absence = Absence.NEVER if start is not None or not path.segments else Absence.UNSAID
    before_all: Absence | None = None
    as_rfc = False
    for segment in path.segments:
        match segment:
            case ast.ChoiceSegment():
                if before_all is None:
                    before_all, whole = absence, unchanged
                taken = choices.take(segment, node, path, report, dollar, patterns=patterns)
                if taken is None:
                    return None
                node, sentinels, unchanged = taken.node, taken.sentinels, taken.unchanged
                as_rfc = as_rfc or segment.descendant
                segments.append(taken.choice)
            case ast.MemberSegment():
                member = None
                if node is not None:
                    member = member_of(node, segment, report)
                    if member is None:
                        return None
                    if member.advice is not None:
                        report.warn(
                            "FM0346", f"{member.name} is deprecated: {member.advice}", segment.span, help=member.advice
                        )
                    node, sentinels, unchanged = member.node, member.sentinels, member.unchanged
                    absence = absence | (Absence.MAYBE if member.optional else Absence.NEVER)
                segments.append(
                    ir.Member(name=segment.name, required=member is not None and not member.optional and not as_rfc)
                )
            case ast.IndexSegment() | ast.WildcardSegment():
                if isinstance(segment, ast.WildcardSegment):
                    if before_all is None:
                        before_all, whole = absence, unchanged
                    segments.append(ir.All())
                else:
                    segments.append(ir.Index(index=segment.index))
                    absence = Absence.MAYBE if node is not None else Absence.UNSAID
                sentinels = unchanged = ()
                if isinstance(node, ListShape):
                    node = node.element
                elif node is not None:
                    no_list(path_text(path), segment.span, node, report)
                    return None
    many = before_all is not None
    found = _found(tuple(segments), node, sentinels, absence if before_all is None else before_all, many)
    return replace(found, unchanged=unchanged, whole=whole if many else unchanged)


def no_list(path: str, span: Span, node: ShapeNode, report: Report) -> None:
    report.error(
        "FM0206",
        f"{path} takes an element of something that is no list",
        span,
        labels=[_label(node)],
        help="leave the brackets out, or write [ … ] round its type in the shape",
    )


def _found(
    segments: tuple[ir.Segment, ...],
    node: ShapeNode | None,
    sentinels: tuple[ir.Constant, ...],
    absence: Absence,
    many: bool,
) -> Found:
    type_ = type_of(node)
    declared = (
        None if node is None or isinstance(type_, ir.ObjectType | ir.UnknownType) or _holds_objects(type_) else type_
    )
    if sentinels:
        absence = absence | Absence.MAYBE if not many else absence
    whole: ir.Type = ir.ListType(element=type_) if many else type_
    how, beside = _format(node)
    origin = node.span if node is not None else None
    return Found(segments, whole, declared, sentinels, absence, many, node, origin, how, beside)


def _format(node: ShapeNode | None) -> tuple[ir.How | None, bool]:
    """The stated format of a value, or of the elements of a list, and whether attributes may stand beside it."""
    while isinstance(node, ListShape):
        node = node.element
    return (node.how, node.attributes is not None) if isinstance(node, ScalarShape) else (None, False)


def _holds_objects(type_: ir.Type) -> bool:
    return isinstance(type_, ir.ListType) and (
        isinstance(type_.element, ir.ObjectType | ir.UnknownType) or _holds_objects(type_.element)
    )


def type_of(node: ShapeNode | None) -> ir.Type:
    match node:
        case None:
            return ir.UnknownType()
        case ScalarShape(type=type_):
            return type_
        case ListShape(element=element):
            return ir.ListType(element=type_of(element))
        case ObjectShape():
            return ir.ObjectType()


def member_of(node: ShapeNode, segment: ast.MemberSegment, report: Report) -> MemberShape | None:
    if isinstance(node, ScalarShape) and node.attributes is not None:
        node = node.attributes
    if isinstance(node, ObjectShape):
        found = node.members.get(segment.name)
        if found is None and not report.broken(node.span):
            report.unknown("FM0206", "member", named(segment), node.members)
        return found
    what = (
        "a list: say which element with [0], or [*] for all"
        if isinstance(node, ListShape)
        else "no object, so it has no members"
    )
    report.error("FM0206", f"what stands before .{segment.name} is {what}", segment.span, labels=[_label(node)])
    return None


def named(segment: ast.MemberSegment) -> ast.Name:
    return ast.Name(text=segment.name, span=_name_span(segment))


def _name_span(segment: ast.MemberSegment) -> Span:
    """The member's name without the point before it; a quoted one with its brackets."""
    span = segment.span
    dotted = span.end - span.start == len(segment.name) + 1
    return Span(span.path, span.start + 1, span.end) if dotted else span


def _label(node: ShapeNode) -> Label:
    return Label(node.span, "so says the shape")


def path_text(path: ast.Path) -> str:
    """The path as `explain` shows it: `$.name.first`, `$["Email_-_Work"]`, `order.items[?@.open == true]`, `@header("Link")`."""
    if path.header is not None:
        return f'@header("{path.header.value}")'
    return path.root + choices.steps_text(path.segments)


def member_text(name: str) -> str:
    """The step to a member as a path writes it: `.first`, `["Email_-_Work"]`."""
    plain = name != "" and name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()
    return f".{name}" if plain else f"[{json.dumps(name, ensure_ascii=False)}]"
