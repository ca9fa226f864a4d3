"""Values of several named parts: how a field whose type is a record is filled, by `{ amount: $.pay }` or from an object."""

from __future__ import annotations

from collections.abc import Callable

from fieldmap.compiler import ir, shapes, types
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.shapes import Absence, ObjectShape
from fieldmap.dsl import ast
from fieldmap.dsl.source import Span

Check = Callable[[ast.Expr, ir.Type], Typed | None]
Fit = Callable[[Typed, ir.Type, str], ir.Expr | None]


def written(node: ast.Record, expected: ir.Type | None, check: Check, fit: Fit, report: Report) -> Typed | None:
    """`{ amount: $.pay, currency: $.cur }` where a record is wanted. check: checks the value of a part; fit: makes it one of the
    part's type, whose name messages say."""
    expected = expected.element if isinstance(expected, ir.ListType) else expected
    if not isinstance(expected, ir.RecordType):
        report.error(
            "FM0304",
            "parts in braces are the value of a field whose type names the same parts",
            node.span,
            help="give the field such a type, as in pay : { amount: decimal(12, 2), currency: text }; or write one value here",
        )
        return None
    given: dict[str, Typed] = {}
    values: dict[str, ir.Expr] = {}
    members = {member.name: member for member in expected.members}
    twice: dict[str, Span] = {}
    failed = False
    for part in node.parts:
        name = part.name.text
        if name in twice:
            report.twice(f"part {name}", part.name.span, twice[name])
            continue
        twice[name] = part.name.span
        if name not in members:
            report.unknown("FM0202", "part of this record called", part.name, members)
            failed = True
            continue
        typed = check(part.value, members[name].type)
        value = fit(typed, members[name].type, name) if typed is not None else None
        if typed is None or value is None:
            failed = True
            continue
        given[name], values[name] = typed, value
    lacking = [name for name, member in members.items() if not member.optional and name not in twice]
    if lacking:
        named = " and ".join(lacking)
        report.error("FM0302", f"this record lacks {named}", node.span, help=f"write {lacking[0]}: … in the braces")
        return None
    if failed or not _answered(expected, given, report):
        return None
    absence = Absence.NEVER if any(t.absence is Absence.NEVER for t in given.values()) else Absence.MAYBE
    return Typed(_made(expected, values), expected, absence, node.span)


def from_object(typed: Typed, target: ir.RecordType, name: str, fit: Fit, report: Report) -> ir.Expr | None:
    """A record of an object whose members a shape states. name: of the field, for messages."""
    shape = typed.shape
    if not isinstance(shape, ObjectShape):
        raise LookupError("only of an object that has a shape")
    given: dict[str, Typed] = {}
    values: dict[str, ir.Expr] = {}
    for member in target.members:
        if member.name not in shape.members:
            if not member.optional:
                report.error(
                    "FM0304",
                    f"{name} needs {member.name}, and this object has no member of that name",
                    typed.span,
                    note=f"has {', '.join(shape.members)}",
                    help=f"say where each part comes from: {{ {member.name}: …, … }}",
                )
                return None
            continue
        one = _member(typed, member.name)
        value = fit(one, member.type, f"{name}.{member.name}") if one is not None else None
        if one is None or value is None:
            return None
        given[member.name], values[member.name] = one, value
    return _made(target, values) if _answered(target, given, report) else None


def unspoken(target: ir.RecordType) -> str:
    """The part that cannot be read from an object by itself, since nothing says in which unit or currency it is; "" if there is none."""

    def needs_word(type_: ir.Type) -> bool:
        if isinstance(type_, ir.ListType):
            return needs_word(type_.element)
        if isinstance(type_, ir.RecordType):
            return bool(unspoken(type_))
        return isinstance(type_, ir.MoneyType | ir.QuantityType) or types.unit_of(type_) is not None

    return next((member.name for member in target.members if needs_word(member.type)), "")


def _member(value: Typed, name: str) -> Typed | None:
    segment = ast.MemberSegment(name=name, span=value.span)
    found = shapes.walk(ast.Path(root="$", segments=(segment,), span=value.span), value.shape, Report())
    if found is None:
        return None
    if isinstance(value.expr, ir.Read) and isinstance(value.type, ir.ObjectType):
        read = value.expr
        made: ir.Expr = ir.Read(
            root=read.root,
            segments=(*read.segments, *found.segments),
            text=read.text + shapes.member_text(name),
            declared=found.declared,
            how=found.how,
            beside=found.beside,
            sentinels=found.sentinels,
            unchanged=found.unchanged,
        )
    else:
        path = ir.Read(
            root=ir.PICKED,
            segments=found.segments,
            text=f"…{shapes.member_text(name)}",
            declared=found.declared,
            how=found.how,
            beside=found.beside,
            sentinels=found.sentinels,
            unchanged=found.unchanged,
        )
        made = ir.Pick(value=value.expr, path=path)
    return Typed(made, found.type, found.absence, value.span, found.origin, found.node)


def _answered(target: ir.RecordType, given: dict[str, Typed], report: Report) -> bool:
    """Whether no required part can be absent while another part is there, so that the record could never be made."""
    always = next((name for name, typed in given.items() if typed.absence is Absence.NEVER), None)
    answered = True
    for member in target.members:
        typed = given.get(member.name)
        if always is None or member.optional or typed is None or typed.absence is not Absence.MAYBE:
            continue
        report.error(
            "FM0307",
            f"{member.name} may be absent here, and the record is nothing without it",
            typed.span,
            note=typed.words,
            help=f"say what then: … otherwise …; or make the part optional in the entity: {member.name}: …?",
        )
        answered = False
    return answered


def _made(target: ir.RecordType, values: dict[str, ir.Expr]) -> ir.MakeRecord:
    return ir.MakeRecord(
        parts=tuple(
            ir.RecordPart(name=member.name, value=values[member.name], required=not member.optional)
            for member in target.members
            if member.name in values
        )
    )
