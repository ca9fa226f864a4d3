"""Types as the checker handles them: from what was written to ir.Type, and in words for messages."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence

from fieldmap.compiler import ir, units
from fieldmap.compiler.report import Report
from fieldmap.compiler.units import kinds
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Edit, Label
from fieldmap.dsl.source import Span
from fieldmap.runtime.values.checked import KINDS as CHECKED
from fieldmap.runtime.values.checked import ExpressionError, expression
from fieldmap.runtime.values.currencies import CURRENCIES

_PLAIN: dict[str, ir.Type] = {
    "text": ir.TextType(),
    "bool": ir.BoolType(),
    "int": ir.IntType(),
    "float": ir.FloatType(),
    "date": ir.DateType(),
    "datetime": ir.DatetimeType(),
    "time": ir.TimeType(),
    "duration": ir.DurationType(),
    "json": ir.JsonType(),
    **{kind: ir.TextType(checked=kind) for kind in CHECKED},
}
PERIODS = frozenset({"hour", "day", "week", "month", "year", "each"})


def lower_type(
    node: ast.TypeExpr, report: Report, *, shape: bool, key_of: Callable[[ast.Name], ir.Type | None]
) -> ir.Type:
    """The type that was written; UnknownType, after a diagnostic, where it has no meaning.

    shape: whether it stands in a shape, where `number`, `[ T ]` and `{ … }` are allowed and decimals are unbounded.
    key_of: gives the key type of an entity, or None after it has reported why there is none.
    """
    match node:
        case ast.ScalarType():
            return _scalar(node, report, shape=shape)
        case ast.EnumType():
            _refuse_twice(node, report)
            return ir.EnumType(values=tuple(value.text for value in node.values))
        case ast.MoneyType():
            if shape:
                report.error(
                    "FM0303",
                    "a source sends amount and currency, not money",
                    node.span,
                    help="write number, and where it is mapped: in USD, in $.currency",
                )
                return ir.UnknownType()
            return _money(node, report)
        case ast.QuantityType():
            return _quantity(node, report, shape=shape)
        case ast.ListType():
            element = lower_type(node.element, report, shape=shape, key_of=key_of)
            if not shape and node.bracketed:
                said = f"list of {describe(element, article=False)}"
                report.error(
                    "FM0303",
                    "square brackets round a type belong to the shape of a source",
                    node.span,
                    help=f"write {said}",
                    edit=Edit(node.span, said) if isinstance(node.element, ast.ScalarType) else None,
                )
            return ir.ListType(element=element)
        case ast.ReferenceType():
            key = key_of(node.entity)
            return ir.ReferenceType(entity=node.entity.text, key=key) if key is not None else ir.UnknownType()
        case ast.ObjectType():
            return ir.ObjectType() if shape else _record(node, report, key_of)


_PART = re.compile(r"[a-z_][a-z0-9_]*")


def _record(node: ast.ObjectType, report: Report, key_of: Callable[[ast.Name], ir.Type | None]) -> ir.Type:
    """`{ amount: decimal(12, 2), currency: text? }` as the type of a field."""
    members: list[ir.RecordMember] = []
    named: dict[str, ast.Name] = {}
    if not node.members:
        report.error("FM0303", "this record has no parts", node.span, help="name them: { amount: int, currency: text }")
        return ir.UnknownType()
    for member in node.members:
        name = member.name
        if name.text in named:
            report.twice(f"part {name.text}", name.span, named[name.text].span)
            continue
        named[name.text] = name
        type_ = lower_type(member.type, report, shape=False, key_of=key_of)
        fault = _unfit_part(member, type_)
        if fault is not None:
            report.error("FM0303", fault[0], fault[1], help=fault[2])
            type_ = ir.UnknownType()
        members.append(ir.RecordMember(name=name.text, type=type_, optional=member.optional))
    if any(isinstance(member.type, ir.UnknownType) for member in members):
        return ir.UnknownType()
    return ir.RecordType(members=tuple(members))


def _unfit_part(member: ast.Member, type_: ir.Type) -> tuple[str, Span, str] | None:
    """Why this cannot be a part of a record, where, and what to do instead; None if it can."""
    name = member.name.text
    if not _PART.fullmatch(name):
        said = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "amount"
        return (f"a part is named like a field, and {name} is no such name", member.name.span, f"write it as in {said}")
    if isinstance(type_, ir.ReferenceType) or (
        isinstance(type_, ir.ListType) and isinstance(type_.element, ir.ReferenceType)
    ):
        return (
            f"{name} is a reference, and a reference is followed only from a field of its own",
            member.type.span,
            "make it a field of the entity, beside the record",
        )
    if member.sentinels or member.unchanged or member.attributes is not None:
        where = (*member.sentinels, *member.unchanged)
        what = "what is absent or unchanged" if where else "with { … }"
        span = where[0].span if where else member.span
        return (f"{what} is said in the shape of a source", span, "leave it out here")
    if member.tags:
        return (
            f"a tag of {name} would be lost: what is said of a record is said of all its parts",
            member.tags[0].span,
            f"write {member.tags[0].kind} behind the record",
        )
    return None


def _scalar(node: ast.ScalarType, report: Report, *, shape: bool) -> ir.Type:
    name = node.name.text
    if not shape and not _stands_in_entity(node, report):
        return ir.UnknownType()
    if name == "number" and not shape:
        report.error(
            "FM0303",
            "number is a word of shapes; a field says how exact it is",
            node.span,
            help="write decimal(12, 2), int or float",
        )
        return ir.UnknownType()
    if name in ("decimal", "number"):
        return _decimal(node, report, shape=shape)
    plain = _PLAIN.get(name)
    if plain is None:
        report.unknown("FM0212", "type", node.name, [*_PLAIN, "decimal", "money", "list of …", "enum { … }"])
        return ir.UnknownType()
    if node.numbers:
        report.error("FM0303", f"{name} takes no numbers in brackets", node.span)
    if node.unit is not None:
        unit = lower_unit(node.unit, report)
        if isinstance(plain, ir.IntType):
            return ir.IntType(unit=unit)
        if isinstance(plain, ir.FloatType):
            return ir.FloatType(unit=unit)
        report.error("FM0306", f"{name} is no number, so it has no unit", node.unit.span)
    if isinstance(plain, ir.TextType) and plain.checked is None:
        return _text(node, report, shape=shape)
    if node.pattern is not None or node.max_length is not None:
        report.error("FM0303", f"{name} says by itself what it takes", node.span, help=f"write {name}")
    return plain


def _text(node: ast.ScalarType, report: Report, *, shape: bool) -> ir.Type:
    if shape and (node.max_length is not None or node.pattern is not None):
        what = "a limit of length" if node.pattern is None else "a pattern"
        report.error("FM0303", f"{what} belongs to the entity's field", node.span, help="write text here")
        return ir.TextType()
    if node.pattern is not None:
        try:
            expression(node.pattern.value)
        except ExpressionError as error:
            report.error(
                "FM0345",
                f"RE2 does not take this pattern: {error}",
                node.pattern.span,
                help="patterns are regular expressions of RE2, without lookahead and back references;"
                " they stand for the whole text",
            )
            return ir.TextType(max_length=node.max_length)
    return ir.TextType(max_length=node.max_length, pattern=node.pattern.value if node.pattern is not None else None)


def _stands_in_entity(node: ast.ScalarType, report: Report) -> bool:
    """Whether a field's type has nothing that only a source can be: how its texts are written."""
    what = ""
    if node.base64:
        what = "base64"
    elif node.patterns or node.words:
        what = "how a text is written"
    elif node.zone is not None:
        what = "a zone"
    if what:
        report.error(
            "FM0303",
            f"{what} belongs to the shape of a source, or to a conversion in the map",
            node.span,
            help=f"write {node.name.text}",
        )
    return not what


def _decimal(node: ast.ScalarType, report: Report, *, shape: bool) -> ir.Type:
    unit = lower_unit(node.unit, report) if node.unit is not None else None
    if shape and node.base64 and len(node.numbers) == 2:
        return ir.DecimalType(unit=unit)
    if shape and not node.numbers:
        return ir.DecimalType(unit=unit)
    numbers = _precision(node.numbers, node, report, "decimal(12, 2)")
    return ir.DecimalType(precision=numbers[0], scale=numbers[1], unit=unit) if numbers else ir.UnknownType()


def _precision(numbers: tuple[int, ...], node: ast.Node, report: Report, sample: str) -> tuple[int, int] | None:
    if len(numbers) != 2:
        report.error("FM0303", f"say how many digits in all, and how many behind the point: {sample}", node.span)
        return None
    precision, scale = numbers
    if not (1 <= precision <= 1000 and 0 <= scale <= precision):
        report.error(
            "FM0303",
            f"({precision}, {scale}) cannot be: 1 to 1000 digits in all, and no more than that behind the point",
            node.span,
        )
        return None
    return precision, scale


def _money(node: ast.MoneyType, report: Report) -> ir.Type:
    numbers = _precision(node.numbers, node, report, "money(12, 2)")
    currency = node.currency.text if node.currency is not None else None
    if node.currency is not None and not is_currency(node.currency.text):
        report.error(
            "FM0303",
            f"{currency} is no currency code",
            node.currency.span,
            help="write the three capitals of ISO 4217, such as USD",
        )
    period = lower_period(node.period, report) if node.period is not None else None
    if numbers is None:
        return ir.UnknownType()
    return ir.MoneyType(precision=numbers[0], scale=numbers[1], currency=currency, period=period)


def lower_period(name: ast.Name, report: Report) -> str | None:
    """The period or unit behind `per`, or None after a diagnostic: a word of PERIODS, or a unit of anything but time."""
    if name.text in PERIODS:
        return name.text
    try:
        unit = units.parse(name.text)
    except units.UnknownUnitError:
        unit = None
    if unit is None or unit.dimension == "second":
        periods = ", ".join(sorted(PERIODS))
        report.error("FM0303", f"money is paid per {periods} or per a unit such as kg, not per {name.text}", name.span)
        return None
    return name.text


def _quantity(node: ast.QuantityType, report: Report, *, shape: bool) -> ir.Type:
    if shape:
        report.error(
            "FM0303",
            "a source sends an amount and a unit, not a quantity",
            node.span,
            help="write number, and where it is mapped: in kg",
        )
        return ir.UnknownType()
    if not node.units:
        report.error(
            "FM0303",
            "say in which units this quantity may be",
            node.span,
            help="write quantity in each or kg; where all values are in one unit: decimal(12, 3) in kg",
        )
        return ir.UnknownType()
    found: list[ir.Unit] = []
    for name in node.units:
        unit = lower_unit(name, report)
        if unit is None:
            return ir.UnknownType()
        twice = next((i for i, other in enumerate(found) if same_unit(unit, other)), None)
        if twice is not None:
            same = found[twice].text
            message = (
                f"{name.text} is named twice" if same == name.text else f"{name.text} and {same} are the same unit"
            )
            report.error(
                "FM0303", message, name.span, labels=[Label(node.units[twice].span, "named here")], help="name it once"
            )
            return ir.UnknownType()
        if any({unit.dimension, other.dimension} == {kinds.TEMPERATURE, kinds.DIFFERENCE} for other in found):
            report.error(
                "FM0303",
                "a temperature and a difference of temperatures are easily taken for each other",
                name.span,
                help="give each a field of its own",
            )
            return ir.UnknownType()
        found.append(unit)
    if len(found) == 1:
        report.error(
            "FM0303",
            "a quantity is in one of several units, and this names one",
            node.span,
            help=f"name the others too, or write decimal(12, 3) in {found[0].text}",
        )
        return ir.UnknownType()
    numbers = _precision(node.numbers, node, report, "quantity(12, 3)") if node.numbers else (None, None)
    if numbers is None:
        return ir.UnknownType()
    return ir.QuantityType(precision=numbers[0], scale=numbers[1], units=tuple(found))


def same_unit(one: ir.Unit, other: ir.Unit) -> bool:
    """Whether two names mean one unit."""
    return (one.dimension, one.factor, one.offset) == (other.dimension, other.factor, other.offset)


def either(found: Sequence[ir.Unit]) -> str:
    """`each, kg or m`"""
    texts = [unit.text for unit in found]
    return " or ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def _refuse_twice(node: ast.EnumType, report: Report) -> None:
    seen: set[str] = set()
    for value in node.values:
        if value.text in seen:
            report.error("FM0205", f"{value.text} is named twice", value.span)
        seen.add(value.text)


def lower_unit(name: ast.Name, report: Report) -> ir.Unit | None:
    """The unit that a token names, or None after a diagnostic."""
    if is_currency(name.text):
        report.error(
            "FM0306",
            f"{name.text} is a currency; a field that holds money is written money(12, 2) in {name.text}",
            name.span,
        )
        return None
    return lower_unit_or_money(name, report)


def lower_unit_or_money(name: ast.Name, report: Report) -> ir.Unit | None:
    """The unit that a token names, where a currency is one too; None after a diagnostic."""
    try:
        return units.parse(name.text, report.units)
    except units.UnknownUnitError as error:
        if error.reason:
            report.error("FM0320", f"{name.text} cannot be converted exactly: {error.reason}", name.span, help=_INSTEAD)
            return None
        if (code := _currency_meant(name.text)) is not None:
            report.error(
                "FM0211",
                f"there is no unit {name.text}; money is in a currency, which has a code",
                name.span,
                help=f"write {code}, or another code of ISO 4217",
                edit=Edit(name.span, code),
            )
            return None
        near = [*difflib.get_close_matches(name.text, report.units, n=2, cutoff=0.6), *error.suggestions][:3]
        help_text = (
            f"did you mean {' or '.join(near)}?"
            if near
            else "units are written as in kg, km/h, lbf*ft; find one: fieldmap units --search torque"
        )
        report.error("FM0211", f"there is no unit {name.text}", name.span, help=help_text)
        return None


_CURRENCY_WORDS = {
    "dollar": "USD",
    "euro": "EUR",
    "yen": "JPY",
    "franc": "CHF",
    "rupee": "INR",
    "yuan": "CNY",
    "peso": "MXN",
}


def _currency_meant(text: str) -> str | None:
    """The code of a currency that was written in words or in small letters: `Dollar`, `usd`."""
    if text.upper() in CURRENCIES:
        return text.upper()
    return _CURRENCY_WORDS.get(text.lower().removesuffix("s"))


_INSTEAD = "give the size that you reckon with a name of its own: unit NAME = 1.5 kg"


def is_currency(text: str) -> bool:
    """A code of ISO 4217: always a currency, never a unit."""
    return text in CURRENCIES


def describe(type_: ir.Type, *, article: bool = True) -> str:
    """The type in the author's words: "a text", "a decimal(8, 1) in km", "a list of texts"."""
    text = _describe(type_)
    if not article:
        return text
    return f"{'an' if text[0] in 'aeio' else 'a'} {text}"


def _describe(type_: ir.Type) -> str:
    match type_:
        case ir.TextType(checked=str() as kind):
            return kind
        case ir.TextType(max_length=length, pattern=pattern):
            return (f"text(max {length})" if length else "text") + (f" matching '{pattern}'" if pattern else "")
        case ir.BoolType():
            return "bool"
        case ir.IntType(unit=unit):
            return "int" + _unit_words(unit)
        case ir.DecimalType(precision=None, unit=unit):
            return "number" + _unit_words(unit)
        case ir.DecimalType(precision=precision, scale=scale, unit=unit):
            return f"decimal({precision}, {scale})" + _unit_words(unit)
        case ir.FloatType(unit=unit):
            return "float" + _unit_words(unit)
        case ir.DateType():
            return "date"
        case ir.DatetimeType():
            return "datetime"
        case ir.TimeType():
            return "time"
        case ir.DurationType():
            return "duration"
        case ir.JsonType():
            return "json"
        case ir.EnumType(values=values):
            return f"enum {{ {', '.join(values[:4])}{', …' if len(values) > 4 else ''} }}"
        case ir.MoneyType():
            return (
                "money amount"
                + (f" in {type_.currency}" if type_.currency else "")
                + (f" per {type_.period}" if type_.period else "")
            )
        case ir.QuantityType(units=found):
            return f"quantity in {either(found)}"
        case ir.ListType(element=element):
            return f"list of {_describe(element)}"
        case ir.ReferenceType(entity=entity):
            return f"reference to {entity}"
        case ir.RecordType(members=members):
            return f"record {{ {', '.join(map(_part_words, members))} }}"
        case ir.ObjectType():
            return "object"
        case ir.UnknownType():
            return "value of a type that no shape states"


def _part_words(part: ir.RecordMember) -> str:
    return f"{part.name}: {_describe(part.type)}{'?' if part.optional else ''}"


def _unit_words(unit: ir.Unit | None) -> str:
    return f" in {unit.text}" if unit else ""


def is_number(type_: ir.Type) -> bool:
    return isinstance(type_, ir.IntType | ir.DecimalType | ir.FloatType)


def unit_of(type_: ir.Type) -> ir.Unit | None:
    return type_.unit if isinstance(type_, ir.IntType | ir.DecimalType | ir.FloatType) else None
