"""`as quantity` and `as money`: what the author says of texts that hold a number and its unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fieldmap.compiler import ir, money, several, spellings, types, units
from fieldmap.compiler.scope import Typed
from fieldmap.dsl import ast
from fieldmap.dsl.source import Span

if TYPE_CHECKING:
    from fieldmap.compiler.expressions import Checker

Reader = Callable[[Typed], Typed | None]
ENDS = ("lower", "upper", "both")
_SAMPLE = "as quantity(bare in inch, range lower)"


def lower_reading(checker: Checker, node: ast.Conversion, expected: ir.Type | None) -> Reader | None:
    """How one text is read, or None after a diagnostic. expected: the type of the field, which tells what is measured."""
    for part in (*node.patterns, *([node.zone] if node.zone is not None else [])):
        checker.report.error(
            "FM0331", f"as {node.type.text} takes no pattern and no zone", part.span, help=f"write {_SAMPLE}"
        )
        return None
    if isinstance(expected, ir.QuantityType) and node.type.text == "quantity" and not _said_in(node):
        return several_readings(checker, node, expected)
    if node.type.text == "money" or isinstance(expected, ir.MoneyType):
        return _money(checker, node, expected)
    for behind in ([node.period] if node.period is not None else []) + list(node.using):
        checker.report.error(
            "FM0331", "only money takes this", behind.span, help="leave it out: units are converted exactly"
        )
        return None
    return _quantity(checker, node, expected)


def _readable(checker: Checker, node: ast.Conversion, value: Typed) -> bool:
    if isinstance(value.type, ir.TextType | ir.UnknownType) or (
        types.is_number(value.type) and types.unit_of(value.type) is None and not isinstance(value.type, ir.FloatType)
    ):
        return True
    checker.report.error("FM0304", f"as {node.type.text} reads a text", node.value.span, note=value.words)
    return False


# ------------------------------------------------------------------------------------------------------ quantities


def _quantity(checker: Checker, node: ast.Conversion, expected: ir.Type | None) -> Reader | None:
    ends = _ends(checker, node)
    named = {"bare": None, "in": None} | {_what(reading): reading for reading in node.readings}
    if ends == "" or _strange(checker, node, ("bare", "in")):
        return None
    lowered: dict[str, ir.Unit | None] = {}
    for what, reading in named.items():
        lowered[what] = types.lower_unit(reading.unit, checker.report) if reading is not None else None
        if reading is not None and lowered[what] is None:
            return None
    wanted = types.unit_of(expected) if expected is not None else None
    bare = lowered["bare"]
    # A unit of the wrong dimension is left to the assignment, which shows what the field needs.
    unit = (
        lowered["in"] or (wanted if bare is None or (wanted and wanted.dimension == bare.dimension) else None) or bare
    )
    if unit is None:
        _unsaid(checker, node, expected)
        return None
    if bare is not None and bare.dimension != unit.dimension:
        checker.report.error(
            "FM0305",
            f"{unit.text} is {units.describe(unit)}, {bare.text} is {units.describe(bare)}",
            node.span,
            help="bare numbers get a unit of what is measured",
        )
        return None
    table = spellings.table(unit)
    checker.scope.codes.setdefault(table.name, table)
    number = ir.DecimalType(unit=unit)
    type_: ir.Type = ir.ListType(element=number) if ends == "both" else number

    def read(value: Typed) -> Typed | None:
        if not _readable(checker, node, value):
            return None
        expr = ir.ReadQuantity(value=value.expr, spellings=table.name, unit=unit, bare=bare, ends=ends)
        return Typed(expr, type_, value.absence, node.span, value.origin)

    return read


def _said_in(node: ast.Conversion) -> bool:
    return any(reading.what is None for reading in node.readings)


def several_readings(checker: Checker, node: ast.Conversion, target: ir.QuantityType) -> Reader | None:
    """How a text is read for a field in several units: in each of them, and one must do."""
    ends = _ends(checker, node)
    if ends == "" or _strange(checker, node, ("bare",)):
        return None
    if ends == "both":
        checker.report.error(
            "FM0331",
            "the field holds one quantity, and range both gives two",
            node.words[0].span.to(node.words[-1].span),
            help="say which end counts: range lower, or range upper",
        )
        return None
    for behind in ([node.period] if node.period is not None else []) + list(node.using):
        checker.report.error(
            "FM0331", "only money takes this", behind.span, help="leave it out: units are converted exactly"
        )
        return None
    unclear = several.readable(target)
    if unclear is not None:
        alike = [unit for unit in target.units if unit.dimension == unclear.dimension]
        checker.report.error(
            "FM0336",
            f"the field may be in {types.either(alike)}, which measure the same, so a text in {unclear.text} could become either",
            Span(node.span.path, node.type.span.start, node.span.end),
            help=f"say which: as quantity(in {unclear.text})",
        )
        return None
    bare: ir.Unit | None = None
    if node.readings:
        bare = types.lower_unit(node.readings[0].unit, checker.report)
        if bare is None:
            return None
        if all(unit.dimension != bare.dimension for unit in target.units):
            checker.report.error(
                "FM0305",
                f"{bare.text} is {units.describe(bare)}, and the field is in {types.either(target.units)}",
                node.readings[0].span,
                help="bare numbers get a unit of what is measured",
            )
            return None
    readings: list[ir.ReadQuantity] = []
    for unit in target.units:
        table = spellings.table(unit)
        checker.scope.codes.setdefault(table.name, table)
        own = bare if bare is not None and bare.dimension == unit.dimension else None
        readings.append(ir.ReadQuantity(value=ir.Item(), spellings=table.name, unit=unit, bare=own, ends=ends))

    def read(value: Typed) -> Typed | None:
        if not _readable(checker, node, value):
            return None
        expr = ir.ReadAnyQuantity(value=value.expr, readings=tuple(readings))
        return Typed(expr, target, value.absence, node.span, value.origin)

    return read


def _unsaid(checker: Checker, node: ast.Conversion, expected: ir.Type | None) -> None:
    if expected is not None and types.is_number(expected):
        message, help_text = (
            "the field has no unit, so nothing says what is measured",
            "give the field its unit, as in decimal(8, 2) in kg",
        )
    else:
        message, help_text = (
            "nothing says here what is measured",
            "say it: as quantity(in kg), as quantity(bare in inch)",
        )
    checker.report.error("FM0330", message, Span(node.span.path, node.type.span.start, node.span.end), help=help_text)


def _what(reading: ast.Reading) -> str:
    return (
        "in"
        if reading.what is None
        else reading.what.text
        if isinstance(reading.what, ast.Name)
        else reading.what.value
    )


def _strange(checker: Checker, node: ast.Conversion, known: tuple[str, ...], *, signs: bool = False) -> bool:
    """Reports a setting that is not known or stands twice."""
    seen: set[str] = set()
    for reading in node.readings:
        word = _what(reading)
        if word in seen:
            checker.report.error("FM0331", f"{word} is said twice", reading.span, help="say it once")
            return True
        seen.add(word)
        if isinstance(reading.what, ast.Text):
            if signs and word:
                continue
            checker.report.error(
                "FM0331", "a sign stands for a currency", reading.span, help='it belongs to as money("$" in USD)'
            )
            return True
        if word not in known:
            checker.report.error(
                "FM0331", f"as {node.type.text} does not know {word} in …", reading.span, help=f"write {_SAMPLE}"
            )
            return True
    return False


def _ends(checker: Checker, node: ast.Conversion) -> str | None:
    """The end of a range that counts, None if none is said, "" after a diagnostic."""
    words = [word.text for word in node.words]
    if not words:
        return None
    if len(words) == 2 and words[0] == "range" and words[1] in ENDS:
        return words[1]
    span = node.words[0].span.to(node.words[-1].span)
    missing = "bare" in words or words[0] in ENDS
    checker.report.error(
        "FM0331",
        f"as {node.type.text} does not know {' '.join(words)}",
        span,
        help="write bare in inch, and range lower, range upper or range both" if missing else f"write {_SAMPLE}",
    )
    return ""


# ----------------------------------------------------------------------------------------------------------- money


def _money(checker: Checker, node: ast.Conversion, expected: ir.Type | None) -> Reader | None:
    if node.words:
        checker.report.error(
            "FM0331",
            f"as {node.type.text} does not know {' '.join(word.text for word in node.words)}",
            node.words[0].span.to(node.words[-1].span),
            help='in the brackets stand bare in USD, and "$" in USD',
        )
        return None
    if _strange(checker, node, ("bare",), signs=True):
        return None
    signs: list[tuple[str, str]] = []
    bare: str | None = None
    for reading in node.readings:
        code = reading.unit.text
        if not types.is_currency(code):
            checker.report.error(
                "FM0303",
                f"{code} is no currency code",
                reading.unit.span,
                help="write the three capitals of ISO 4217, such as USD",
            )
            return None
        if isinstance(reading.what, ast.Text):
            signs.append((reading.what.value, code))
        else:
            bare = code

    def read(value: Typed) -> Typed | None:
        if not _readable(checker, node, value):
            return None
        expr = ir.ReadMoney(value=value.expr, signs=tuple(sorted(signs)), bare=bare)
        made = Typed(expr, ir.MoneyType(), value.absence, node.span, value.origin)
        return money.behind(checker, made, node.period, node.using, expected)

    return read
