"""Whether a value may be assigned to a field, and what makes it fit: the implicit conversions, and no others."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from fieldmap.compiler import compound, ir, money, quantities, several, types, units
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Typed
from fieldmap.compiler.shapes import Absence, ListShape, ObjectShape
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Edit, Label
from fieldmap.dsl.source import Span


def coerce(typed: Typed, target: ir.Type, field: ast.EntityField, report: Report) -> ir.Expr | None:
    """The expression as a value of the field's type (fitting comes after), or None after a diagnostic."""
    if isinstance(typed.expr, ir.AbsentConstant):
        return typed.expr
    return _Coercion(field.name.text, field.type.span, report).to(typed, target)


def coerce_part(typed: Typed, target: ir.Type, name: str, report: Report) -> ir.Expr | None:
    """As `coerce`, for a part of a record. name: as messages call it."""
    if isinstance(typed.expr, ir.AbsentConstant):
        return typed.expr
    return _Coercion(name, None, report).to(typed, target)


class _Coercion:
    """name, declared: of the field, for messages; declared: where its type stands, if that is known."""

    def __init__(self, name: str, declared: Span | None, report: Report) -> None:
        self._name = name
        self._declared = declared
        self._report = report
        self._what = ""

    def to(self, typed: Typed, target: ir.Type) -> ir.Expr | None:
        found = typed.type
        if isinstance(target, ir.ReferenceType):
            return self._referring(target).to(typed, target.key)
        if isinstance(found, ir.ReferenceType):
            return self.to(Typed(typed.expr, found.key, typed.absence, typed.span), target)
        if isinstance(target, ir.UnknownType):
            return None
        if isinstance(target, ir.JsonType):
            return ir.Implicit(value=typed.expr, to=target)
        if isinstance(target, ir.ListType):
            return self._list(typed, target)
        if isinstance(found, ir.ListType):
            self._mismatch(typed, target, "only(…) takes the one element, first(…) the first")
            return None
        if isinstance(target, ir.RecordType):
            return self._record(typed, target)
        if isinstance(target, ir.QuantityType):
            return several.made(typed, target, self._name, self._report, self._need())
        if types.is_number(target):
            return self._number(typed, target)
        if isinstance(found, ir.UnknownType):
            return self._unknown(typed, target)
        return self._like(typed, target)

    def _referring(self, target: ir.ReferenceType) -> _Coercion:
        made = _Coercion(self._name, self._declared, self._report)
        made._what = f"a reference to {target.entity}, whose key is {types.describe(target.key)}"
        return made

    def _unknown(self, typed: Typed, target: ir.Type) -> ir.Expr | None:
        if isinstance(target, ir.MoneyType):
            self._report.error(
                "FM0306",
                f"{self._name} is money, and nothing says in which currency this is",
                typed.span,
                help="add: in USD, or in $.currency",
                labels=self._need(),
            )
            return None
        return ir.Implicit(value=typed.expr, to=target)

    def _like(self, typed: Typed, target: ir.Type) -> ir.Expr | None:
        found = typed.type
        match target:
            case ir.EnumType():
                if isinstance(found, ir.EnumType):
                    return self._enum(typed, found, target)
                help_text = (
                    'say what its codes mean: declare codes … { "A" -> … } and add: via that list'
                    if isinstance(found, ir.TextType)
                    else ""
                )
                self._mismatch(typed, target, help_text)
                return None
            case ir.TextType():
                if isinstance(found, ir.TextType | ir.EnumType):
                    return typed.expr
                self._mismatch(
                    typed,
                    target,
                    "turn it into a text: text(…)" if types.is_number(found) and not types.unit_of(found) else "",
                )
                return None
            case ir.MoneyType():
                return self._money(typed, target)
            case ir.DateType() | ir.DatetimeType() | ir.BoolType() | ir.TimeType() | ir.DurationType():
                if type(found) is type(target):
                    return typed.expr
                self._mismatch(typed, target, self._reading(found, target), edit=self._edit(typed, found, target))
                return None
            case _:
                self._mismatch(typed, target, "")
                return None

    def _reading(self, found: ir.Type, target: ir.Type) -> str:
        if isinstance(target, ir.DateType):
            if isinstance(found, ir.DatetimeType):
                return 'an instant is another day in another zone: say … as date at "Europe/Berlin"'
            return 'say how the text is written: as date("MM/dd/yyyy"), as date("dd.MM.yyyy") …; as date alone reads 2026-03-01'
        if isinstance(target, ir.TimeType):
            if isinstance(found, ir.DatetimeType):
                return 'an instant is another time of day in another zone: say … as time at "Europe/Berlin"'
            return 'say how the text is written: as time("hh:mm a"); as time alone reads 14:30'
        if isinstance(target, ir.DurationType):
            return "say how the text is written: as duration reads P1DT12H"
        if isinstance(target, ir.DatetimeType):
            return 'say how the text is written: … as datetime("dd.MM.yyyy HH:mm") at "Europe/Berlin"; as datetime alone reads ISO 8601 with an offset'
        return 'say which texts mean true and false: … as bool("Y", "N")'

    def _edit(self, typed: Typed, found: ir.Type, target: ir.Type) -> Edit | None:
        if not isinstance(found, ir.TextType):
            return None
        word = {
            "DateType": ' as date("MM/dd/yyyy")',
            "DatetimeType": " as datetime",
            "TimeType": " as time",
            "DurationType": " as duration",
            "BoolType": ' as bool("Y", "N")',
        }[type(target).__name__]
        return Edit(Span(typed.span.path, typed.span.end, typed.span.end), word)

    def _enum(self, typed: Typed, found: ir.EnumType, target: ir.EnumType) -> ir.Expr | None:
        strange = [value for value in found.values if value not in target.values]
        if not strange:
            return typed.expr
        self._report.error(
            "FM0310",
            f"{self._name} has no value {', '.join(strange)}",
            typed.span,
            labels=self._need([Label(typed.origin, "it is answered here")] if typed.origin else []),
            help=f"its values are {', '.join(target.values)}",
        )
        return None

    def _list(self, typed: Typed, target: ir.ListType) -> ir.Expr | None:
        found = typed.type
        if isinstance(found, ir.UnknownType):
            return ir.Implicit(value=typed.expr, to=target)
        if not isinstance(found, ir.ListType):
            self._mismatch(typed, target, "a path with [*] gives a list")
            return None
        if isinstance(typed.expr, ir.ListConstant) or found.element == target.element:
            return typed.expr
        shape = typed.shape.element if isinstance(typed.shape, ListShape) else typed.shape
        item = Typed(ir.Item(), found.element, Absence.NEVER, typed.span, typed.origin, shape)
        element = self.to(item, target.element)
        return None if element is None else ir.Mapped(value=typed.expr, body=element)

    def _record(self, typed: Typed, target: ir.RecordType) -> ir.Expr | None:
        if typed.type == target:
            return typed.expr
        if isinstance(typed.type, ir.ObjectType) and isinstance(typed.shape, ObjectShape):

            def fit(part: Typed, type_: ir.Type, name: str) -> ir.Expr | None:
                return _Coercion(name, self._declared, self._report).to(part, type_)

            return compound.from_object(typed, target, self._name, fit, self._report)
        if not isinstance(typed.type, ir.ObjectType | ir.JsonType | ir.UnknownType):
            parts = ", ".join(f"{member.name}: …" for member in target.members)
            self._mismatch(typed, target, f"say where each part comes from: {{ {parts} }}")
            return None
        unspoken = compound.unspoken(target)
        if unspoken:
            self._report.error(
                "FM0306",
                f"nothing says in which unit or currency {self._name}.{unspoken} is",
                typed.span,
                labels=self._need(),
                help=f"say where each part comes from, and in what it is: {{ {unspoken}: $.… in …, … }}",
            )
            return None
        return ir.Implicit(value=typed.expr, to=target)

    def _money(self, typed: Typed, target: ir.MoneyType) -> ir.Expr | None:
        found = typed.type
        if not isinstance(found, ir.MoneyType):
            self._mismatch(typed, target, "add its currency: in USD, or in $.currency")
            return None
        # A written amount has no period of its own: it is one of the field's.
        if found.period != target.period and not isinstance(typed.expr, ir.MoneyConstant):
            converted = money.per_unit(typed.expr, found.period, target.period)
            if converted is not None:
                typed = replace(typed, expr=converted, type=msgspec.structs.replace(found, period=target.period))
                return self._money(typed, target)
            self._report.error(
                "FM0305",
                f"{self._name} is {_per(target.period)}, and this is {_per(found.period)}",
                typed.span,
                labels=self._need(),
                help=f"add: per {target.period}"
                if found.period is None
                else f"say how much it is per {target.period}, or give the field the other unit: per {found.period}"
                if {found.period, target.period} - set(types.PERIODS)
                else "money is never converted between periods by itself: say how, as in using 2080 h per year",
            )
            return None
        if target.currency and found.currency and target.currency != found.currency:
            self._report.error(
                "FM0305",
                f"{self._name} is in {target.currency}, and this is in {found.currency}",
                typed.span,
                labels=self._need(),
                help="say by which rates: using fx on $.day",
            )
            return None
        return typed.expr

    def _number(self, typed: Typed, target: ir.Type) -> ir.Expr | None:
        wanted = types.unit_of(target)
        found = typed.type
        if isinstance(found, ir.UnknownType) and wanted is None:
            return ir.Implicit(value=typed.expr, to=self._loose(target))
        if not types.is_number(found) and not isinstance(found, ir.UnknownType):
            help_text = (
                'say how the number is written: … as decimal, or as decimal("1.234,56")'
                if isinstance(found, ir.TextType)
                else ""
            )
            self._mismatch(
                typed,
                target,
                help_text,
                edit=Edit(Span(typed.span.path, typed.span.end, typed.span.end), " as decimal") if help_text else None,
            )
            return None
        if isinstance(found, ir.FloatType) and not isinstance(target, ir.FloatType):
            self._mismatch(typed, target, "floating point is not exact; declare the source's member as number")
            return None
        if wanted is not None and quantities.is_named(typed):
            return quantities.settle(self._report, typed, wanted).expr
        if wanted is None and quantities.refuse_named(self._report, typed):
            return None
        given = types.unit_of(found)
        if wanted is None or given is None:
            return self._bare(typed, wanted, given)
        if given.dimension != wanted.dimension:
            self._report.error(
                "FM0305",
                f"{self._name} is {units.describe(wanted)}, and {given.text} is {units.describe(given)}",
                typed.span,
                labels=self._need(),
                note=given.text,
                help=f"say a unit that measures what {wanted.text} measures",
            )
            return None
        factor, offset = units.conversion(given, wanted)
        if (factor, offset) == ("1", "0"):
            return typed.expr
        return ir.Scale(value=typed.expr, factor=factor, offset=offset, from_unit=given.text, to_unit=wanted.text)

    def _bare(self, typed: Typed, wanted: ir.Unit | None, given: ir.Unit | None) -> ir.Expr | None:
        if self._report.broken(typed.span):
            return None
        if wanted is None and given is None:
            return typed.expr
        if wanted is not None:
            message = f"{self._name} is in {wanted.text}, and nothing says in what unit this is"
            # No edit: the unit of the field is only a guess at the unit of the source, and a wrong one would be silent.
            help_text = f"add the unit that the source uses, be it {wanted.text} or another: in {wanted.text}"
        else:
            message = f"{self._name} has no unit, and this is in {given.text if given else ''}"
            help_text = f"give the field its unit: … in {given.text if given else ''}"
        self._report.error("FM0306", message, typed.span, labels=self._need(), help=help_text)
        return None

    @staticmethod
    def _loose(target: ir.Type) -> ir.Type:
        """The type to read before fitting: fitting rounds and checks the range."""
        match target:
            case ir.IntType():
                return ir.IntType()
            case ir.FloatType():
                return ir.FloatType()
            case _:
                return ir.DecimalType()

    def _need(self, more: list[Label] | None = None) -> list[Label]:
        needed = [Label(self._declared, "this is what is needed")] if self._declared is not None else []
        return [*needed, *(more or [])]

    def _mismatch(self, typed: Typed, target: ir.Type, help_text: str, edit: Edit | None = None) -> None:
        self._report.error(
            "FM0304",
            f"{self._name} is {self._what or types.describe(target)}, and this gives {types.describe(typed.type)}",
            typed.span,
            note=typed.words,
            labels=self._need(),
            help=help_text,
            edit=edit,
        )


def _per(period: str | None) -> str:
    return f"money per {period}" if period else "money without a period"
