"""Checks an expression and lowers it in the same walk: each form says its type as it is turned into IR.

`Checker.check` dispatches; arithmetic and logic are in `operators.py`, `as`, `in` and `via` in `conversions.py`. None means that a
diagnostic was reported, and whoever gets it says no more. The dispatch has two lines for each form, so it is as long as there are forms.
"""

from __future__ import annotations

import difflib
from datetime import date
from typing import assert_never

from fieldmap.compiler import assign, calls, cases, compound, conversions, ir, operators, presence, shapes, types
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Named, Scope, Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.compiler.surroundings import parent_of, surrounding
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Edit, Label
from fieldmap.dsl.source import Span
from fieldmap.runtime.values.checked import NEEDED, canonical
from fieldmap.runtime.values.dates import iso_clock, iso_stamp
from fieldmap.runtime.values.durations import parse


class Checker:
    """Checks the expressions of one place (a map, an `each`, a resource, an example) against its scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.report = scope.report

    def within(self, scope: Scope) -> Checker:
        """The checker of a place in which more is known."""
        return self if scope is self.scope else Checker(scope)

    def check(self, node: ast.Expr, expected: ir.Type | None = None) -> Typed | None:
        """expected: the type wanted, which tells what a bare name or a literal means; it is not enforced here."""
        match node:
            case ast.Path():
                return self._path(node)
            case ast.Bare():
                return self._bare(node, expected)
            case ast.Number():
                return self._number(node)
            case ast.Bool(value=value):
                return self._constant(node, ir.BoolConstant(value=value), ir.BoolType())
            case ast.Text(value=value):
                return self._text(node, value, expected)
            case ast.Absent():
                return Typed(ir.AbsentConstant(), expected or ir.UnknownType(), Absence.MAYBE, node.span)
            case ast.Template():
                return self._template(node, expected)
            case ast.Call():
                return calls.call(self, node, expected)
            case ast.Access():
                return calls.access(self, node)
            case ast.Brackets(value=value):
                return self.check(value, expected)
            case ast.Conversion():
                return conversions.convert(self, node, expected)
            case ast.LocalTime():
                return conversions.local_time(self, node)
            case ast.InUnit():
                return conversions.in_unit(self, node, expected)
            case ast.InUnitOf():
                return conversions.in_unit_of(self, node)
            case ast.Via():
                return conversions.via(self, node)
            case ast.Negate() | ast.Arithmetic():
                return operators.arithmetic(self, node)
            case ast.Comparison() | ast.InList() | ast.IsAbsent():
                return operators.comparison(self, node)
            case ast.Logic() | ast.Not():
                return operators.logic(self, node)
            case ast.Case():
                return cases.case(self, node, expected)
            case ast.Otherwise() | ast.If():
                return operators.choice(self, node, expected)
            case ast.ListOf():
                return self._list(node, expected)
            case ast.Record():
                return compound.written(node, expected, self.check, self._part, self.report)
            case ast.Row():
                self._row(node, expected)
                return None
            case ast.Environment():
                self.report.error(
                    "FM0312",
                    f"{node.kind}.{node.name} belongs to a connector, not to a value",
                    node.span,
                    help="a map sees only the record",
                )
                return None
            case _:
                assert_never(node)

    def _part(self, typed: Typed, target: ir.Type, name: str) -> ir.Expr | None:
        return assign.coerce_part(typed, target, name, self.report)

    def _row(self, node: ast.Row, expected: ir.Type | None) -> None:
        target = self.scope.symbols.entities.get(expected.entity) if isinstance(expected, ir.ReferenceType) else None
        if target is not None and self.report.broken(target.span):
            return  # a part of its key may stand in what does not read
        self.report.error(
            "FM0304",
            "several values in brackets are a reference to an entity whose key has several fields",
            node.span,
            help='write one value here; texts are put together in a text: "{$.a}-{$.b}"',
        )

    def condition(self, node: ast.Expr, word: str) -> ir.Expr | None:
        """A bool that is never absent, as `when`, `if` and `deleted when` demand."""
        typed = self.check(node, ir.BoolType())
        if typed is None:
            return None
        if isinstance(typed.type, ir.UnknownType):
            typed = Typed(ir.Implicit(value=typed.expr, to=ir.BoolType()), ir.BoolType(), Absence.MAYBE, typed.span)
        if not isinstance(typed.type, ir.BoolType):
            self.report.error(
                "FM0304",
                f"what follows {word} is answered with true or false",
                node.span,
                note=typed.words,
                help='compare it with something, as in $.status == "A", or ask: … is absent',
            )
            return None
        if typed.absence is not Absence.NEVER:
            self.report.error(
                "FM0307",
                f"{word} needs an answer also where this is absent",
                node.span,
                help="say what then holds: … otherwise true, or … otherwise false",
                edit=Edit(Span(node.span.path, node.span.end, node.span.end), " otherwise false"),
            )
            return None
        return typed.expr

    # ------------------------------------------------------------------------------------------------ forms

    def _constant(self, node: ast.Expr, expr: ir.Expr, type_: ir.Type) -> Typed:
        return Typed(expr, type_, Absence.NEVER, node.span)

    def _path(self, node: ast.Path) -> Typed | None:
        scope = self.scope
        start: shapes.ShapeNode | None = None
        if node.root == "@parent" and (above := parent_of(self)) is not None:
            start = shapes.build(above[1].shape, Report(), above[0].sentinels) if above[1].shape is not None else None
        elif node.root.startswith("@"):
            return surrounding(self, node)
        if node.root in scope.names:
            value = self._named(ast.Bare(name=node.root, span=node.span), scope.names[node.root], None)
            return value and calls.behind(self, value, node.root, node.segments, node.span)
        if self._refused(node):
            return None
        start = scope.roots.get(node.root, start)
        found = shapes.walk(node, start, self.report, dollar=scope.roots.get("$"))
        if found is None:
            return None
        text = shapes.path_text(node)
        scope.reads.append(scope.prefixes.get(node.root, node.root) + text[len(node.root) :])
        read = ir.Read(
            root=node.root,
            segments=found.segments,
            text=text,
            declared=found.declared,
            how=found.how,
            beside=found.beside,
            sentinels=found.sentinels,
            unchanged=found.unchanged,
        )
        scope.marks[read.root, text] = found.whole
        absence = found.absence
        if absence is not Absence.NEVER and scope.present and presence.is_present(node, scope):
            absence = Absence.NEVER
        return Typed(read, found.type, absence, node.span, found.origin, found.node)

    def _refused(self, node: ast.Path) -> bool:
        """Whether a path begins with what is not known here, which is then said."""
        scope = self.scope
        if node.root == "$" and not scope.roots:
            known = [*scope.names, *scope.row]
            name = shapes.path_text(node)
            self.report.error(
                "FM0208",
                "no record of a source is at hand here, so no path can read one",
                node.span,
                help=f"write its name: {name}"
                if name in known
                else f"what has a name here: {', '.join(known)}"
                if known
                else "write a constant",
                edit=Edit(node.span, name) if name in known else None,
            )
            return True
        if node.root not in scope.roots and node.root != "@parent":
            known = [name for name in scope.roots if name != "$"]
            if scope.dollar and not difflib.get_close_matches(node.root, known, n=1):
                whole = f"$.{shapes.path_text(node)}"
                self.report.error(
                    "FM0208",
                    f"nothing here is called {node.root}",
                    node.span,
                    help=f"a field of the source is written {whole}",
                    edit=Edit(Span(node.span.path, node.span.start, node.span.start), "$."),
                )
                return True
            self.report.unknown(
                "FM0208", "name", ast.Name(text=node.root, span=node.span), [*known, *(["$"] if scope.dollar else [])]
            )
            return True
        if node.root == "$" and not scope.dollar:
            names = " or ".join(name for name in scope.roots if name != "$")
            if len(scope.roots) == 2:
                names += "; to reach the record, give it a name too: map … as order to …"
            self.report.error(
                "FM0505",
                "inside each, $ could mean the record or the element",
                node.span,
                help=f"begin the path with {names}",
            )
            return True
        return False

    def _bare(self, node: ast.Bare, expected: ir.Type | None) -> Typed | None:
        if node.name in self.scope.roots:
            return self._path(ast.Path(root=node.name, segments=(), span=node.span))
        named = self.scope.names.get(node.name)
        if named is not None:
            return self._named(node, named, expected)
        if node.name in self.scope.row:
            return self._field(node, expected)
        if isinstance(expected, ir.EnumType):
            if node.name in expected.values:
                return self._constant(node, ir.TextConstant(value=node.name), ir.EnumType(values=(node.name,)))
            self.report.unknown("FM0208", "value", ast.Name(text=node.name, span=node.span), expected.values)
            return None
        if node.name == "position" and self.scope.element:
            return self._constant(node, ir.Position(alias=self.scope.element), ir.IntType())
        if self.scope.row:
            self.report.unknown("FM0202", "field called", ast.Name(text=node.name, span=node.span), self.scope.row)
            return None
        near = difflib.get_close_matches(node.name, self.scope.names, n=1, cutoff=0.6)
        if near:
            name = ast.Name(text=node.name, span=node.span)
            self.report.unknown("FM0208", "name", name, self.scope.names)
            return None
        if not self.scope.roots:
            known = ", ".join(self.scope.names)
            self.report.error(
                "FM0208",
                f"nothing here is called {node.name}",
                node.span,
                help=f"what has a name here: {known}" if known else f'a text is written "{node.name}"',
            )
            return None
        self.report.error(
            "FM0208",
            f"nothing here is called {node.name}",
            node.span,
            help=f'a field of the source is written $.{node.name}, a text "{node.name}"',
            edit=Edit(node.span, f"$.{node.name}"),
        )
        return None

    def _named(self, node: ast.Bare, named: Named, expected: ir.Type | None) -> Typed | None:
        if isinstance(expected, ir.EnumType) and node.name in expected.values:
            self.report.error(
                "FM0214",
                f"{node.name} could be {named.what}, or the value of an enum",
                node.span,
                labels=[Label(named.typed.span, "this has the same name")],
                help="give the other one another name",
            )
            return None
        named.used = True
        self.scope.reads.extend(named.reads)
        self.scope.assumed.extend(named.assumed)
        found = named.typed
        return Typed(found.expr, found.type, found.absence, node.span, found.origin, found.shape)

    def _field(self, node: ast.Bare, expected: ir.Type | None) -> Typed | None:
        """A field of the row that a condition judges."""
        item = self.scope.row[node.name]
        if isinstance(expected, ir.EnumType) and node.name in expected.values:
            self.report.error(
                "FM0208",
                f"{node.name} is both a field and a value of the enum",
                node.span,
                help="rename one of them; a condition could mean either",
            )
            return None
        absence = Absence.MAYBE if item.optional and not isinstance(item.type, ir.ListType) else Absence.NEVER
        return Typed(ir.RowField(name=item.name), item.type, absence, node.span)

    def _number(self, node: ast.Number) -> Typed | None:
        text = format(node.value, "f")
        plain: ir.Type = ir.IntType() if "." not in text else ir.DecimalType()
        if node.unit is None:
            return self._constant(node, ir.NumberConstant(value=text), plain)
        if types.is_currency(node.unit.text):
            constant = ir.MoneyConstant(amount=text, currency=node.unit.text)
            return self._constant(node, constant, ir.MoneyType(currency=node.unit.text))
        unit = types.lower_unit(node.unit, self.report)
        return (
            self._constant(node, ir.NumberConstant(value=text), ir.DecimalType(unit=unit)) if unit is not None else None
        )

    def _text(self, node: ast.Expr, value: str, expected: ir.Type | None) -> Typed | None:
        if isinstance(expected, ir.DateType):
            try:
                date.fromisoformat(value)
            except ValueError:
                self.report.error("FM0304", "a date is written as in 2026-03-01", node.span, note="text")
                return None
            return self._constant(node, ir.DateConstant(value=value), ir.DateType())
        if isinstance(expected, ir.DatetimeType):
            if read_instant(value) is None:
                self.report.error("FM0304", "an instant is written as in 2026-03-01T12:30:00Z", node.span, note="text")
                return None
            return self._constant(node, ir.Implicit(value=ir.TextConstant(value=value), to=expected), expected)
        if isinstance(expected, ir.TimeType):
            clock = iso_clock(value)
            if clock is None:
                self.report.error("FM0304", "a time of day is written as in 14:30", node.span, note="text")
                return None
            return self._constant(node, ir.TimeConstant(value=clock.isoformat()), expected)
        if isinstance(expected, ir.DurationType):
            duration = parse(value)
            if duration is None:
                self.report.error("FM0304", "a duration is written as in P1DT12H", node.span, note="text")
                return None
            return self._constant(node, ir.DurationConstant(value=duration.iso()), expected)
        if isinstance(expected, ir.TextType) and expected.checked is not None:
            return self._checked(node, value, expected.checked)
        if isinstance(expected, ir.EnumType) and value in expected.values:
            self.report.error(
                "FM0304",
                f"{value} is a value of an enum, not a text",
                node.span,
                help="leave the quotes out",
                edit=Edit(node.span, value),
            )
            return None
        return self._constant(node, ir.TextConstant(value=value), ir.TextType())

    def _checked(self, node: ast.Expr, value: str, kind: str) -> Typed | None:
        """A literal where a checked text is wanted, in the spelling that values have."""
        found = canonical(value, kind)
        if found is None:
            self.report.error("FM0304", f'"{value}" is not {NEEDED[kind]}', node.span, note="text")
            return None
        return self._constant(node, ir.TextConstant(value=found), ir.TextType(checked=kind))

    def _template(self, node: ast.Template, expected: ir.Type | None) -> Typed | None:
        if not any(isinstance(part, ast.Hole) for part in node.parts):
            return self._text(node, "".join(part.value for part in node.parts if isinstance(part, ast.Text)), expected)
        parts: list[str | ir.Hole] = []
        absence = Absence.NEVER
        failed = False
        for part in node.parts:
            if isinstance(part, ast.Text):
                parts.append(part.value)
                continue
            hole = self._hole(part)
            if hole is None:
                failed = True
                continue
            parts.append(ir.Hole(value=hole.expr, absence=part.absence))
            if part.absence == "!":
                absence = absence | hole.absence
        return None if failed else Typed(ir.Template(parts=tuple(parts)), ir.TextType(), absence, node.span)

    def _hole(self, part: ast.Hole) -> Typed | None:
        typed = self.check(part.value)
        if typed is None:
            return None
        if isinstance(typed.type, ir.UnknownType):
            typed = Typed(ir.Implicit(value=typed.expr, to=ir.TextType()), ir.TextType(), typed.absence, typed.span)
        if not isinstance(typed.type, ir.TextType | ir.EnumType) and not (
            isinstance(typed.type, ir.IntType) and typed.type.unit is None
        ):
            self.report.error(
                "FM0304",
                "a text is put together from texts",
                part.span,
                note=typed.words,
                help="give the amount and the currency a field each"
                if isinstance(typed.type, ir.MoneyType)
                else "turn it into a text first: text(…)",
            )
            return None
        if typed.absence is not Absence.NEVER and part.absence == "":
            self.report.error(
                "FM0307",
                "this part of the text may be absent",
                part.span,
                note=typed.words,
                help="write {…?} to leave it out, or {…!} to have no text at all then",
            )
            return None
        return typed

    def _list(self, node: ast.ListOf, expected: ir.Type | None) -> Typed | None:
        element = expected.element if isinstance(expected, ir.ListType) else None
        items = [self.check(item, element) for item in node.items]
        checked = [item for item in items if item is not None]
        if len(checked) < len(items):
            return None
        type_ = element or (checked[0].type if checked else ir.UnknownType())
        return self._constant(
            node, ir.ListConstant(items=tuple(item.expr for item in checked)), ir.ListType(element=type_)
        )


def read_instant(text: str) -> object:
    """The instant that a literal names, or None."""
    stamp = iso_stamp(text)
    return stamp if stamp is not None and stamp.offset is not None else None
