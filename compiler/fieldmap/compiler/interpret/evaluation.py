"""The reference meaning of expressions: one small walk over the tree, written to be obviously right rather than fast.

Values are those of `fieldmap.compiler.ir`, with every exact number that a conversion or constant made as a Fraction.

More than 400 lines, and a dispatch of more than 40: all forms of expression stand here side by side, to be read from top to bottom.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from fractions import Fraction
from typing import Any

from jsonpath_ng.jsonpath import DatumInContext, Root

from fieldmap.compiler import ir
from fieldmap.compiler.functions import FUNCTIONS
from fieldmap.compiler.functions.arithmetic import combine, nearest_float
from fieldmap.compiler.interpret import money, paths, quantities, unitcodes
from fieldmap.compiler.interpret.blame import NONE, Blame, Paths, sole
from fieldmap.compiler.interpret.comparing import compared, equal, plain
from fieldmap.compiler.interpret.conversions import (
    convert,
    implicit,
    is_number,
    local_time,
    phone,
    read_declared,
    record,
    text,
)
from fieldmap.compiler.interpret.templates import in_template, render
from fieldmap.compiler.interpret.tracing import Step, how_text, shown, type_text
from fieldmap.runtime.values import durations
from fieldmap.runtime.values.currencies import CURRENCIES
from fieldmap.runtime.values.failures import quote, wrong
from fieldmap.runtime.values.outcome import Failed, Money, Quantity, Rejected
from fieldmap.runtime.values.paths import UNCHANGED

Codes = Mapping[str, ir.Table]
Roots = Mapping[str, DatumInContext]

# What a value with a name may measure: one that is used twice by the next, and so on, would have no bounds.
LARGEST_DIGITS, LONGEST_TEXT, LONGEST_LIST = 2_000, 10_000_000, 1_000_000


def is_unchanged(evaluation: Evaluation, asked: ir.Asked, roots: Roots, *, sparse: bool) -> bool:
    """Whether the source leaves what the path leads to as it was."""
    if not asked.marks and not (asked.unsent and sparse):
        return False  # nothing is asked: a path that cannot be walked is its value's failure, not the question's
    read, match = asked.read, roots[asked.read.root]
    for segment in read.segments:
        found = paths.one((segment,), read.text, match)
        if found is None:
            sent = match.value is None or not isinstance(segment, ir.Member)
            return not sent and asked.unsent and sparse
        match = found
    raw = match.value
    if read.beside and isinstance(raw, dict):
        raw = raw.get("#text")
    return raw is not None and any(equal(raw, evaluation.value(mark, roots)) for mark in asked.marks)


def place_of(alias: str) -> str:
    """The root behind which the place of an element in its list stands; no name of an author has this sign."""
    return f"#{alias}"


class Placed(Failed):
    """A failure whose path, if any, is known; expressions further out leave it alone."""


class Bound:
    """A value with a name: made when it is first asked for, and then remembered, its failure too."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make
        self._done = False
        self._value: Any = None
        self._failed: Failed | None = None

    def value(self) -> Any:
        if not self._done:
            try:
                self._value = self.make()
            except Failed as failed:
                self._failed = failed
            self._done = True
        if self._failed is not None:
            raise self._failed
        return self._value


class Evaluation:
    """Evaluates the expressions of one record. steps: where given, what happens is written down for `explain`.

    functions: the author's own. names: the values of the lets in force."""

    def __init__(
        self, codes: Codes, steps: list[Step] | None = None, functions: Mapping[str, ir.Function] | None = None
    ) -> None:
        self.codes = codes
        self.steps = steps
        self.functions = functions or {}
        self.names: dict[str, Bound] = {}
        self.blame = Blame()

    def value(self, node: ir.Expr, roots: Roots) -> Any:
        """The value, None if absent. Raises Failed (Rejected for a missing required member) with the path to blame."""
        return _Scope(self, roots, self.names, None, NONE).value(node)

    def bind(self, lets: Iterable[ir.Let], roots: Roots) -> None:
        """Puts lets in force, in place of those of the same names."""
        for let in lets:
            self.names[let.name] = Bound(functools.partial(self._bounded, let.value, roots))

    def give(self, values: Mapping[str, Any]) -> None:
        """Puts values in force that are known already."""
        self.names.update({name: Bound(functools.partial(_same, value)) for name, value in values.items()})

    def _bounded(self, node: ir.Expr, roots: Roots) -> Any:
        value = self.value(node, roots)
        try:
            return bounded(value)
        except Failed as failed:
            raise Placed(failed.code, failed.reason, sole(self.blame.paths(node))) from None


class _Scope:
    """One place of evaluation: the named roots and values, and the element at hand inside Mapped with the paths that it came from."""

    def __init__(
        self, evaluation: Evaluation, roots: Roots, names: Mapping[str, Bound], item: Any, item_paths: Paths
    ) -> None:
        self._all = evaluation
        self._roots = roots
        self._names = names
        self._item = item
        self._item_paths = item_paths

    @property
    def _dollar(self) -> Any:
        """What `$` is in filters: the record, wherever the path begins."""
        return self._roots["$"].value if "$" in self._roots else None

    def value(self, node: ir.Expr) -> Any:
        try:
            return self._value(node)
        except (Placed, Rejected):
            raise
        except Failed as failed:
            path = failed.path or sole(self._all.blame.paths(node, self._item_paths))
            raise Placed(failed.code, failed.reason, path) from None

    def _value(self, node: ir.Expr) -> Any:
        match node:
            case ir.TextConstant() | ir.BoolConstant():
                return node.value
            case ir.NumberConstant():
                return Fraction(node.value)
            case ir.DateConstant():
                return date.fromisoformat(node.value)
            case ir.TimeConstant():
                return time.fromisoformat(node.value)
            case ir.DurationConstant():
                return durations.parse(node.value)
            case ir.MoneyConstant():
                return Money(Fraction(node.amount), node.currency)
            case ir.QuantityConstant():
                return Quantity(Fraction(node.amount), node.unit)
            case ir.AbsentConstant():
                return None
            case ir.ListConstant():
                return [item for item in map(self.value, node.items) if item is not None]
            case ir.MakeRecord():
                return record((part.name, part.required, self.value(part.value)) for part in node.parts)
            case ir.Item():
                return self._item
            case ir.Position():
                place = self._roots[place_of(node.alias)].value
                return self._note("position", node.alias, None, place)
            case ir.RowField():
                found = self._roots[""].value[node.name]
                return found.amount if node.amount and isinstance(found, Money) else found
            case ir.Read():
                return self._read(node)
            case ir.LocalTime() | ir.Phone():
                return self._joined(node)
            case ir.MakeQuantity():
                amount = self.value(node.amount)
                return None if amount is None else Quantity(amount, node.unit)
            case ir.ReadQuantity() | ir.ReadAnyQuantity() | ir.ReadMoney() | ir.PerPeriod() | ir.Exchange():
                return self._measured(node)
            case (
                ir.Implicit()
                | ir.Convert()
                | ir.Scale()
                | ir.ScaleByCode()
                | ir.MakeMoney()
                | ir.Lookup()
                | ir.Template()
                | ir.Call()
            ):
                return self._made(node)
            case ir.Mapped():
                return self._mapped(node)
            case ir.Pick():
                return self._picked(node)
            case ir.Use():
                bound = self._names[node.name]
                return bound.value() if self._all.steps is None else bound.make()
            case ir.Apply():
                return self._applied(node)
            case ir.Case():
                return self._case(node)
            case ir.Otherwise():
                found = self.value(node.value)
                return self.value(node.fallback) if found is None else found
            case ir.If():
                return self.value(node.then if self.value(node.condition) is True else node.otherwise)
            case _:
                return self._judged(node)

    def _judged(self, node: Any) -> Any:
        """Arithmetic, comparison and logic."""
        match node:
            case ir.Arithmetic():
                left, right = self.value(node.left), self.value(node.right)
                return None if left is None or right is None else self._combined(node.operator, left, right)
            case ir.Negate():
                number = self.value(node.value)
                return None if number is None else combine("-", Fraction(0), plain(number))
            case ir.Comparison():
                left, right = self.value(node.left), self.value(node.right)
                if left is None or right is None:
                    return None
                return compared(node.operator, left, right)
            case ir.InList():
                found, items = self.value(node.value), list(map(self.value, node.items))
                return None if found is None else any(equal(found, item) for item in items) != node.negated
            case ir.IsAbsent():
                return self._is_absent(node) != node.negated
            case ir.And():
                left = self.value(node.left)
                right = None if left is False else self.value(node.right)
                return False if left is False or right is False else None if left is None or right is None else True
            case ir.Or():
                left = self.value(node.left)
                right = None if left is True else self.value(node.right)
                return True if left is True or right is True else None if left is None or right is None else False
            case ir.Not():
                found = self.value(node.value)
                return None if found is None else not found
            case _:
                raise TypeError(f"no expression: {node!r}")

    # ------------------------------------------------------------------------------------------------------ reading

    def _read(self, node: ir.Read) -> Any:
        before, rest = paths.split(node.segments)
        match = paths.one(before, node.text, self._roots[node.root])
        if match is None or match.value is None:
            # A null has a place, and what is missing has none.
            keys = paths.keys(match) if match is not None else ()
            self._note("read", node.text, None, None, keys=keys, root=node.root)
            return None
        if not rest:
            return self._declared(node, match)
        found = [self._declared(node, element) for element in paths.matches(rest, node.text, match, self._dollar)]
        return [item for item in found if item is not None]

    def _declared(self, node: ir.Read, match: DatumInContext) -> Any:
        """The value as its shape says, None if it is a sentinel."""
        raw = match.value
        self._note("read", node.text, raw, raw, keys=paths.keys(match), root=node.root)
        if node.beside and isinstance(raw, dict):
            raw = raw.get("#text")
        if raw is not None and any(equal(raw, self._value(mark)) for mark in node.unchanged):
            raise Failed("FM2136", UNCHANGED)
        if isinstance(raw, str) and raw in node.unread:
            self._note("sentinel", node.text, raw, None)
            return None
        value = raw if node.declared is None else read_declared(raw, node.declared, node.how)
        if node.how is not None:
            self._note("convert", how_text(node.how), raw, value)
        else:
            self._note_change("implicit", type_text(node.declared) if node.declared else "", raw, value)
        for sentinel in node.sentinels:
            wanted = self._value(sentinel)
            if isinstance(node.declared, ir.FloatType):
                wanted = nearest_float(wanted)
            if value is not None and equal(value, wanted):
                self._note("sentinel", node.text, value, None)
                return None
        return value

    def _is_absent(self, node: ir.IsAbsent) -> bool:
        if node.what == "absent":
            return self.value(node.value) is None
        if not isinstance(node.value, ir.Read):
            raise TypeError(f"only a path is {node.what}")
        before, rest = paths.split(node.value.segments)
        match = paths.one(before, node.value.text, self._roots[node.value.root])
        if rest and match is not None:
            list(paths.matches(rest[:1], node.value.text, match, self._dollar))
        if node.what == "missing":
            return match is None
        return match is not None and match.value is None

    # ------------------------------------------------------------------------------------------------------- making

    def _made(self, node: Any) -> Any:
        match node:
            case ir.Implicit():
                before = self.value(node.value)
                return self._note_change("implicit", type_text(node.to), before, implicit(before, node.to))
            case ir.Convert():
                before = self.value(node.value)
                return self._note("convert", how_text(node.how), before, convert(before, node.to, node.how))
            case ir.Scale():
                return self._scaled(node)
            case ir.ScaleByCode():
                return self._scaled_by_code(node)
            case ir.MakeMoney():
                return self._money(node)
            case ir.Lookup():
                return self._looked_up(node)
            case ir.Template():
                return self._template(node)
            case ir.Call():
                return self._called(node)
            case _:
                raise TypeError(f"no expression: {node!r}")

    def _combined(self, operator: str, left: Any, right: Any) -> Any:
        made = combine(operator, plain(left), plain(right))
        if self._all.steps is not None:
            sign = "×" if operator == "*" else operator
            self._note("arithmetic", f"{shown(left)} {sign} {shown(right)}", left, made)
        return made

    def _joined(self, node: ir.LocalTime | ir.Phone) -> Any:
        """What is made of two values."""
        if isinstance(node, ir.LocalTime):
            day, clock = self.value(node.date), self.value(node.time)
            instant = local_time(day, clock, node.zone, node.choice)
            return self._note("convert", f"at {node.zone}", clock if day is None else day, instant)
        number = self.value(node.value)
        if number is None:
            return None
        region = self.value(node.region)
        return self._note("convert", f"of {region or 'no country'}", number, phone(number, region))

    def _scaled(self, node: ir.Scale) -> Any:
        value = self.value(node.value)
        if value is None:
            return None
        scaled = combine("+", combine("*", plain(value), Fraction(node.factor)), Fraction(node.offset))
        self._note(
            "scale", f"{node.from_unit} to {node.to_unit}", value, scaled, factor=node.factor, offset=node.offset
        )
        return scaled

    def _scaled_by_code(self, node: ir.ScaleByCode) -> Any:
        value = self.value(node.value)
        if value is None or node.into is None:
            return None
        code = self.value(node.code)
        if code is None:
            raise Failed("FM2142", f"the unit of {quote(value)} is absent")
        factor, offset = map(Fraction, unitcodes.row(code, node, self._all.codes, node.into.dimension).split())
        into, zero = Fraction(node.into.factor), Fraction(node.into.offset)
        exact = (factor / into, (offset - zero) / into)
        scaled = combine("+", combine("*", plain(value), exact[0]), exact[1])
        self._note("scale", f"{code} to {node.into.text}", value, scaled, factor=str(exact[0]), offset=str(exact[1]))
        return scaled

    def _money(self, node: ir.MakeMoney) -> Money | None:
        amount = self.value(node.amount)
        if amount is None:
            return None
        currency = self.value(node.currency)
        if currency is None:
            raise Failed("FM2111", f"the currency of {quote(amount)} is absent")
        if text(currency) not in CURRENCIES:
            raise Failed("FM2111", f"{quote(currency)} is not a currency code of ISO 4217")
        made = Money(amount, currency)
        self._note("money", currency, amount, made, assumed=node.assumed or "")
        return made

    def _looked_up(self, node: ir.Lookup) -> str | None:
        code = self.value(node.value)
        if code is None:
            return None
        table = self._all.codes[node.codes]
        if not isinstance(table, ir.CodeTable):
            raise TypeError(f"{node.codes} is no code list")
        if table.table:
            return self._cell(table, code)
        answer = table.entries.get(text(code), table.default)
        if answer is None:
            raise Failed("FM2110", f"code {quote(code)} is not in {table.name}")
        self._note("lookup", table.name, code, answer)
        return answer

    def _measured(self, node: ir.ReadQuantity | ir.ReadAnyQuantity | ir.ReadMoney | ir.PerPeriod | ir.Exchange) -> Any:
        """Quantities and money as they come out of texts, periods and rates."""
        before = self.value(node.value)
        if before is None:
            return None
        match node:
            case ir.ReadQuantity():
                table = self._all.codes[node.spellings]
                return self._note("quantity", node.unit.text, before, quantities.read(before, node, table))
            case ir.ReadAnyQuantity():
                return self._note("quantity", "", before, quantities.read_any(before, node, self._all.codes))
            case ir.ReadMoney():
                return self._note("quantity", "", before, money.read(before, node))
            case ir.PerPeriod():
                period = self.value(node.period)
                answer, factor = money.per_period(before, period, node)
                return self._note("period", f"{period} to {node.wanted}", before, answer, factor=factor)
            case ir.Exchange():
                day, table = self.value(node.day), self._all.codes[node.rates]
                answer, how = money.exchange(before, day, node, table)
                return self._note("exchange", how, before, answer)

    def _cell(self, table: ir.CodeTable, key: Any) -> str | None:
        found = table.entries.get(text(key))
        if found is None:
            shown = text(key).replace(ir.KEY_SEPARATOR, ", ")
            raise Failed("FM2166", f"no row of {table.table} has the key {quote(shown)}")
        self._note("lookup", table.name, key, found or None)
        return found or None

    def _template(self, node: ir.Template) -> str | None:
        shown = [
            (part.absence, in_template(self.value(part.value))) if isinstance(part, ir.Hole) else part
            for part in node.parts
        ]
        answer = render(shown)
        self._note("template", "", None, answer)
        return answer

    def _called(self, node: ir.Call) -> Any:
        function = FUNCTIONS[node.function]
        arguments = [self.value(argument) for argument in node.arguments]
        if not function.takes_absent and any(argument is None for argument in arguments):
            return None
        answer = function.evaluate(*arguments)
        self._note("call", function.name, arguments, answer)
        return answer

    def _mapped(self, node: ir.Mapped) -> list[Any] | None:
        items = self.value(node.value)
        if items is None:
            return None
        if not isinstance(items, list):
            raise wrong(items, "a list", sole(self._all.blame.paths(node.value, self._item_paths)))
        within = self._all.blame.paths(node.value, self._item_paths)
        made = [_Scope(self._all, self._roots, self._names, item, within).value(node.body) for item in items]
        return [item for item in made if item is not None]

    def _picked(self, node: ir.Pick) -> Any:
        value = self.value(node.value)
        if value is None:
            return None
        roots = {**self._roots, ir.PICKED: DatumInContext(value, Root())}
        return _Scope(self._all, roots, self._names, self._item, self._item_paths).value(node.path)

    def _case(self, node: ir.Case) -> Any:
        found = self.value(node.value)
        if found is None:
            return None
        for arm in node.arms:
            if any(equal(found, self.value(key)) for key in arm.keys):
                return self.value(arm.value)
        if node.otherwise is None:
            raise Failed("FM2165", f"no arm of the case names {quote(found)}")
        return self.value(node.otherwise)

    def _applied(self, node: ir.Apply) -> Any:
        function = self._all.functions[node.function]
        arguments = [self.value(argument) for argument in node.arguments]
        if any(given is None and not may for given, may in zip(arguments, function.optional, strict=True)):
            return None
        names: dict[str, Bound] = {
            name: Bound(functools.partial(_same, given))
            for name, given in zip(function.parameters, arguments, strict=True)
        }
        within = _Scope(self._all, {}, names, None, NONE)
        for let in function.lets:
            names[let.name] = Bound(functools.partial(within.bounded, let.value))
        try:
            answer = within.bounded(function.body)
        except Failed as failed:
            # A path behind a call is told as it is; all else is blamed on the arguments.
            raise Failed(failed.code, failed.reason, failed.path) from None
        self._note("call", function.name, arguments, answer)
        return answer

    def bounded(self, node: ir.Expr) -> Any:
        return bounded(self.value(node))

    # ------------------------------------------------------------------------------------------------------- notes

    def _note(self, kind: Any, text: str, before: Any, after: Any, **more: Any) -> Any:
        if self._all.steps is not None:
            self._all.steps.append(Step(kind, text, before, after, **more))
        return after

    def _note_change(self, kind: Any, text: str, before: Any, after: Any) -> Any:
        if before is not after and not (is_number(before) and is_number(after)):
            self._note(kind, text, before, after)
        return after


def _same(value: Any) -> Any:
    return value


def bounded(value: Any) -> Any:
    """The value, if it is of a size that may be used again and again. FM2106, FM2116, FM2168."""
    if isinstance(value, int | Decimal | Fraction) and not isinstance(value, bool):
        number = Fraction(value)
        if max(abs(number.numerator), number.denominator) >= 10**LARGEST_DIGITS:
            raise Failed("FM2106", f"a number of more than {LARGEST_DIGITS} digits")
    elif isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise Failed("FM2116", f"a text of more than {LONGEST_TEXT} characters")
    elif isinstance(value, list) and len(value) > LONGEST_LIST:
        raise Failed("FM2168", f"a list of more than {LONGEST_LIST} elements")
    return value
