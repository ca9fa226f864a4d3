"""Expressions as straight-line Python: each sub-result gets a local name, so depth costs lines, not nesting.

Where blocks nest too deep for Python after all, the expression becomes a function of its own. The code means what
`fieldmap.compiler.interpret` says; the tests hold the two against each other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import date, time
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fieldmap.compiler import ir
from fieldmap.compiler.emit import conversions, data, quantities, reads
from fieldmap.compiler.emit.names import Names
from fieldmap.compiler.emit.python import HOLE, Atom, Body, Constants, Kind, filled, literal, number, tuple_of
from fieldmap.compiler.emit.queries import Queries
from fieldmap.compiler.functions import FUNCTIONS
from fieldmap.compiler.interpret.blame import NONE, Blame, Paths, parts, sole
from fieldmap.compiler.interpret.evaluation import place_of
from fieldmap.compiler.units import kinds
from fieldmap.compiler.units.kinds import words as measured
from fieldmap.runtime.values import durations

if TYPE_CHECKING:
    from fieldmap.compiler.emit.struct import Record, Value

# Python allows 20 nested blocks; `each` and `try` take some of them.
DEEPEST = 15

_OPERATORS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}


class Emitter:
    """Writes expressions of one module. codes: the code lists that maps look up."""

    def __init__(self, codes: Mapping[str, ir.Table], functions: Mapping[str, ir.Function] | None = None) -> None:
        self.codes = codes
        self.names = Names(self, functions or {})
        self.constants = Constants()
        self.functions: list[str] = []
        self.queries = Queries()
        self.body = Body()
        self.roots: dict[str, str] = {}
        self.struct: Record | Value | None = None  # how the record is read, where it is no dict
        self.objects: set[str] = set()  # locals that are known to hold an object
        self.present: set[str] = set()  # locals that are never None
        # What gathers the numbers that had no unit: the local `noted`, or "None" where they do not count; "" if nothing does.
        self.noted = ""
        self._item: Atom | None = None
        self._item_paths: Paths = NONE
        self._blame = Blame()
        self._locals = 0

    # ---------------------------------------------------------------------------------------------------- helpers

    @property
    def dollar(self) -> str:
        """What `$` is in filters: the record, wherever the path begins."""
        return self.roots.get("$", "None")

    def new(self) -> str:
        self._locals += 1
        return f"v{self._locals}"

    def path(self, node: ir.Expr) -> str:
        """The path that a failure of this expression is blamed on, as source."""
        return self.names.path or literal(self.blamed(node))

    def blamed(self, node: ir.Expr) -> str:
        return sole(self.paths(node))

    def paths(self, node: ir.Expr) -> Paths:
        return self._blame.paths(node, self._item_paths)

    def owned(self, atom: Atom) -> Atom:
        """The same value in a local that may be assigned anew."""
        if atom.own:
            return atom
        name = self.new()
        self.body.line(f"{name} = {atom.code}")
        return Atom(name, atom.kind, atom.maybe, True, atom.element)

    def converted(self, atom: Atom, call: str, kind: Kind, *, maybe: bool = False, element: Kind = "") -> Atom:
        """Assigns `call`, in which HOLE stands for the value, unless the value is absent."""
        target = atom.code if atom.own else self.new()
        made = filled(call, atom.code)
        if not atom.maybe:
            self.body.line(f"{target} = {made}")
        elif atom.own:
            with self.body.block(f"if {atom.code} is not None:"):
                self.body.line(f"{target} = {made}")
        else:
            self.body.line(f"{target} = None if {atom.code} is None else {made}")
        return Atom(target, kind, atom.maybe or maybe, True, element)

    # ------------------------------------------------------------------------------------------------ expressions

    def emit(self, node: ir.Expr) -> Atom:
        """Writes the lines that make the value, and says where it is."""
        if self.body.depth > DEEPEST and not isinstance(node, ir.Item | ir.Read | ir.TextConstant):
            return self._apart(node)
        match node:
            case (
                ir.TextConstant()
                | ir.BoolConstant()
                | ir.NumberConstant()
                | ir.DateConstant()
                | ir.TimeConstant()
                | ir.DurationConstant()
                | ir.MoneyConstant()
            ):
                return self.constant(node)
            case ir.AbsentConstant():
                return Atom("None")
            case ir.Item():
                if self._item is None:
                    raise ValueError("an Item stands outside Mapped")
                return self._item
            case ir.Position():
                return Atom(self.roots[place_of(node.alias)], "exact", maybe=False)
            case ir.Read():
                return reads.read(self, node)
            case ir.Implicit():
                return conversions.implicit(self, self.emit(node.value), node.to, self.path(node))
            case ir.Convert():
                return conversions.convert(self, node)
            case ir.LocalTime():
                sides = self.emit(node.date), self.emit(node.time)
                call = filled(conversions.local_time(self, node), sides[0].code, sides[1].code)
                return self._all(list(sides), call, "datetime")
            case ir.Phone():
                return self._phone(node)
            case ir.Scale():
                return self._scale(node)
            case ir.ScaleByCode():
                return self._scale_by_code(node)
            case ir.MakeMoney():
                return self._money(node)
            case ir.MakeQuantity():
                made = f"Quantity({HOLE}, {literal(node.unit)})"
                return self.converted(self.emit(node.amount), made, "quantity")
            case ir.ReadQuantity() | ir.ReadAnyQuantity() | ir.ReadMoney() | ir.PerPeriod() | ir.Exchange():
                return quantities.measured(self, node)
            case ir.Lookup():
                return self._lookup(node)
            case ir.Template():
                return self._template(node)
            case ir.Call():
                return self._call(node)
            case ir.Mapped():
                return self._mapped(node)
            case ir.Pick():
                return self._picked(node)
            case ir.Use():
                return self.names.use(node)
            case ir.Apply():
                return self.names.apply(node)
            case ir.Case():
                return self._case(node)
            case ir.MakeRecord():
                return self._record(node)
            case ir.ListConstant():
                items = [self.emit(item) for item in node.items]
                name = self.new()
                self.body.line(f"{name} = [x for x in {tuple_of([item.code for item in items])} if x is not None]")
                return Atom(name, "list", maybe=False, own=True)
            case _:
                return self._judged(node)

    def _judged(self, node: Any) -> Atom:
        """Arithmetic, comparison, logic and choice."""
        match node:
            case ir.Arithmetic():
                call = f"{_OPERATORS[node.operator]}({HOLE}, {HOLE}, {self.path(node)})"
                left, right = self.emit(node.left), self.emit(node.right)
                return self._both(left, right, filled(call, left.code, right.code), "")
            case ir.Negate():
                return self.converted(self.emit(node.value), f"negate({HOLE})", "")
            case ir.Comparison():
                return self._comparison(node)
            case ir.InList():
                return self._in_list(node)
            case ir.IsAbsent():
                return self._is_absent(node)
            case ir.And():
                return self._logic(node, "False", "True")
            case ir.Or():
                return self._logic(node, "True", "False")
            case ir.Not():
                return self.converted(self.emit(node.value), f"not {HOLE}", "bool")
            case ir.Otherwise():
                return self._otherwise(node)
            case ir.If():
                return self._if(node)
            case _:
                raise TypeError(f"no expression: {node!r}")

    def constant(self, node: ir.Constant) -> Atom:
        match node:
            case ir.TextConstant():
                return Atom(literal(node.value), "text", maybe=False)
            case ir.BoolConstant():
                return Atom(str(node.value), "bool", maybe=False)
            case ir.NumberConstant():
                code = number(node.value)
                return Atom(code if code.isdigit() else self.constants.name(code), "exact", maybe=False)
            case ir.DateConstant():
                day = date.fromisoformat(node.value)
                return Atom(self.constants.name(f"date({day.year}, {day.month}, {day.day})"), "date", maybe=False)
            case ir.TimeConstant():
                clock = time.fromisoformat(node.value)
                parts = f"{clock.hour}, {clock.minute}, {clock.second}, {clock.microsecond}"
                return Atom(self.constants.name(f"time({parts})"), "time", maybe=False)
            case ir.DurationConstant():
                length = durations.parse(node.value)
                if length is None:
                    raise ValueError(f"{node.value} is no duration")
                code = f"Duration({length.months}, {length.days}, {length.micros})"
                return Atom(self.constants.name(code), "duration", maybe=False)
            case ir.MoneyConstant():
                code = f"Money({number(node.amount)}, {literal(node.currency)})"
                return Atom(self.constants.name(code), "money", maybe=False)
            case ir.QuantityConstant():
                code = f"Quantity({number(node.amount)}, {literal(node.unit)})"
                return Atom(self.constants.name(code), "quantity", maybe=False)

    def counted(self, node: ir.Expr) -> Atom:
        """The value of a field or a let, of which the numbers without a unit are counted; those of a condition are not."""
        before, self.noted = self.noted, self.noted and "noted"
        atom = self.emit(node)
        self.noted = before
        return atom

    def _apart(self, node: ir.Expr) -> Atom:
        """The expression as a function of all that it may refer to."""
        names = list(dict.fromkeys([*self.roots.values(), *self.names.locals()]))
        if self._item is not None:
            names.append(self._item.code)
        if self.noted == "noted":
            names.append("noted")
        outer, self.body = self.body, Body()
        atom = self.emit(node)
        self.body.line(f"return {atom.code}")
        inner, self.body = self.body, outer
        name = f"_part_{len(self.functions)}"
        self.functions.append("\n".join([f"def {name}({', '.join(names)}):", *inner.lines]))
        result = self.new()
        self.body.line(f"{result} = {name}({', '.join(names)})")
        return Atom(result, atom.kind, atom.maybe, True, atom.element)

    def without_item(self) -> tuple[Atom | None, Paths]:
        """Leaves the element at hand, for a function of its own; answers with it."""
        before = self._item, self._item_paths
        self._item, self._item_paths = None, NONE
        return before

    def with_item(self, item: tuple[Atom | None, Paths]) -> None:
        self._item, self._item_paths = item

    def _both(self, left: Atom, right: Atom, call: str, kind: Kind) -> Atom:
        """Assigns `call` unless one of the two is absent."""
        return self._all([left, right], call, kind)

    def _all(self, atoms: list[Atom], call: str, kind: Kind, *, maybe: bool = False) -> Atom:
        name = self.new()
        absent = " or ".join(dict.fromkeys(f"{atom.code} is None" for atom in atoms if atom.maybe))
        self.body.line(f"{name} = None if {absent} else {call}" if absent else f"{name} = {call}")
        return Atom(name, kind, maybe or bool(absent), True)

    # --------------------------------------------------------------------------------------------------- judgement

    def _comparison(self, node: ir.Comparison) -> Atom:
        left, right = self.emit(node.left), self.emit(node.right)
        if node.operator in ("==", "!=") and not _plainly_equal(left.kind, right.kind):
            call = f"{'not ' if node.operator == '!=' else ''}same({left.code}, {right.code}, {self.path(node)})"
        else:
            call = f"{left.code} {node.operator} {right.code}"
        if node.operator not in ("==", "!=") and (_durations(node) or "duration" in (left.kind, right.kind)):
            call = f"order({left.code}, {right.code}, {self.path(node)}) {node.operator} 0"
        return self._both(left, right, call, "bool")

    def _in_list(self, node: ir.InList) -> Atom:
        value, items = self.emit(node.value), [self.emit(item) for item in node.items]
        if not items:
            return self.converted(value, str(node.negated), "bool")
        if all(_plainly_equal(value.kind, item.kind) for item in items):
            call = f"{HOLE} {'not ' if node.negated else ''}in {tuple_of([item.code for item in items])}"
            return self.converted(self._kept(value), call, "bool")
        path, kept = self.path(node), self._kept(value)
        tests = " or ".join(f"same({kept.code}, {item.code}, {path})" for item in items)
        return self.converted(kept, f"not ({tests})" if node.negated else f"({tests})", "bool")

    def _kept(self, atom: Atom) -> Atom:
        """The atom, not to be assigned anew (it is named more than once)."""
        return Atom(atom.code, atom.kind, atom.maybe, False, atom.element)

    def _is_absent(self, node: ir.IsAbsent) -> Atom:
        sign = "not " if node.negated else ""
        if node.what == "absent":
            value = self.emit(node.value)
            name = self.new()
            self.body.line(f"{name} = {value.code} is {sign}None" if value.maybe else f"{name} = {node.negated}")
            return Atom(name, "bool", maybe=False, own=True)
        if not isinstance(node.value, ir.Read):
            raise ValueError(f"only a path is {node.what}")
        name = self.new()
        state = reads.state(self, node.value)
        self.body.line(f"{name} = {state} {'!=' if node.negated else '=='} {literal(node.what)}")
        return Atom(name, "bool", maybe=False, own=True)

    def _logic(self, node: ir.And | ir.Or, ends: str, other: str) -> Atom:
        """`ends`: the value of a side that decides alone."""
        left = self.owned(self.emit(node.left))
        with self.body.block(f"if {left.code} is not {ends}:"):
            right = self.emit(node.right)
            if right.maybe or left.maybe:
                absent = " or ".join(f"{side.code} is None" for side in (left, right) if side.maybe)
                other = f"None if {absent} else {other}"
            self.body.line(f"{left.code} = {ends} if {right.code} is {ends} else {other}")
        return Atom(left.code, "bool", left.maybe or right.maybe, True)

    def _otherwise(self, node: ir.Otherwise) -> Atom:
        value = self.emit(node.value)
        if not value.maybe:
            return value
        value = self.owned(value)
        with self.body.block(f"if {value.code} is None:"):
            fallback = self.emit(node.fallback)
            self.body.line(f"{value.code} = {fallback.code}")
        return Atom(value.code, _common(value, fallback), fallback.maybe, True, _common_element(value, fallback))

    def _if(self, node: ir.If) -> Atom:
        condition = self.emit(node.condition)
        name = self.new()
        with self.body.block(f"if {condition.code} is True:"):
            then = self.emit(node.then)
            self.body.line(f"{name} = {then.code}")
        with self.body.block("else:"):
            otherwise = self.emit(node.otherwise)
            self.body.line(f"{name} = {otherwise.code}")
        maybe = then.maybe or otherwise.maybe
        return Atom(name, _common(then, otherwise), maybe, True, _common_element(then, otherwise))

    def _case(self, node: ir.Case) -> Atom:
        value, name = self._kept(self.emit(node.value)), self.new()
        made: list[Atom] = []

        def arm(head: str, expr: ir.Expr) -> None:
            with self.body.block(head):
                made.append(self.emit(expr))
                self.body.line(f"{name} = {made[-1].code}")

        word = "if"
        if value.maybe:
            with self.body.block(f"if {value.code} is None:"):
                self.body.line(f"{name} = None")
            word = "elif"
        for each in node.arms:
            arm(f"{word} {self._named(value, each.keys, node)}:", each.value)
            word = "elif"
        if node.otherwise is not None:
            arm("else:", node.otherwise)
        else:
            with self.body.block("else:"):
                self.body.line(f"raise no_arm({value.code}, {self.path(node)})")
        kinds: set[Kind] = {atom.kind for atom in made}
        elements: set[Kind] = {atom.element for atom in made}
        return Atom(
            name,
            kinds.pop() if len(kinds) == 1 else "",
            value.maybe or any(atom.maybe for atom in made),
            True,
            elements.pop() if len(elements) == 1 else "",
        )

    def _named(self, value: Atom, keys: tuple[ir.Constant, ...], node: ir.Case) -> str:
        """Whether one of the keys is the value."""
        constants = [self.constant(key) for key in keys]
        if all(_plainly_equal(value.kind, constant.kind) for constant in constants):
            if len(constants) == 1:
                return f"{value.code} == {constants[0].code}"
            return f"{value.code} in {tuple_of([constant.code for constant in constants])}"
        return " or ".join(f"same({value.code}, {constant.code}, {self.path(node)})" for constant in constants)

    # ------------------------------------------------------------------------------------------------------ making

    def _scale(self, node: ir.Scale) -> Atom:
        factor, path = self.constants.name(number(node.factor)), self.path(node)
        if number(node.offset) == "0":
            return self.converted(self.emit(node.value), f"multiply({HOLE}, {factor}, {path})", "")
        offset = self.constants.name(number(node.offset))
        return self.converted(self.emit(node.value), f"scale({HOLE}, {factor}, {offset}, {path})", "")

    def _phone(self, node: ir.Phone) -> Atom:
        number = self.owned(self.emit(node.value))
        path = self.path(node)
        if not number.maybe:
            region = self.emit(node.region)
            self.body.line(f"{number.code} = read_phone({number.code}, {region.code}, {path})")
        else:
            with self.body.block(f"if {number.code} is not None:"):
                region = self.emit(node.region)
                self.body.line(f"{number.code} = read_phone({number.code}, {region.code}, {path})")
        return Atom(number.code, "text", number.maybe, True)

    def _scale_by_code(self, node: ir.ScaleByCode) -> Atom:
        if node.into is None:
            raise ValueError("nothing says what a unit named by the data measures")
        path = self.path(node)
        value = self.owned(self.emit(node.value))
        rows_table, system = self.codes[node.table], self.codes[f"{node.system}/"]
        if not isinstance(rows_table, ir.CodeTable) or not isinstance(system, ir.CodeTable):
            raise TypeError(f"{node.table} is no table of unit codes")
        rows = rows_table.entries
        table = self.constants.name(f"{{{', '.join(_row(code, row, node.into) for code, row in rows.items())}}}")
        others = "\n".join(f"{code}\t{clause}" for code, clause in system.entries.items() if code not in rows)
        known = self.constants.name(literal(others))
        wanted = f"{known}, {literal(system.name)}, {literal(measured(node.into.dimension))}"

        more = self._ucum(node.system, node.into)

        def call() -> None:
            code = self.emit(node.code)
            self.body.line(f"{value.code} = scale_by_code({value.code}, {code.code}, {table}, {wanted}, {path}{more})")

        if value.maybe:
            with self.body.block(f"if {value.code} is not None:"):
                call()
        else:
            call()
        return Atom(value.code, "", value.maybe, True)

    def _ucum(self, system: str, into: ir.Unit) -> str:
        """The argument by which expressions are read that are in no table. A scale with its own zero stands in the table, alone."""
        atoms = self.codes.get(f"{system}*")
        if not isinstance(atoms, ir.CodeTable) or into.dimension == kinds.TEMPERATURE:
            return ""
        lines = self.constants.name(literal("\n".join(f"{code}\t{row}" for code, row in atoms.entries.items())))
        powers = repr(kinds.powers(into.dimension))
        return f", {self.constants.name(f'Ucum({lines}, {powers}, Fraction({literal(into.factor)}))')}"

    def _money(self, node: ir.MakeMoney) -> Atom:
        amount = self.owned(self.emit(node.amount))
        path = self.path(node)
        if not amount.maybe:
            currency = self.emit(node.currency)
            self.body.line(f"{amount.code} = make_money({amount.code}, {currency.code}, {path})")
        else:
            with self.body.block(f"if {amount.code} is not None:"):
                currency = self.emit(node.currency)
                self.body.line(f"{amount.code} = make_money({amount.code}, {currency.code}, {path})")
        return Atom(amount.code, "money", amount.maybe, True)

    def _lookup(self, node: ir.Lookup) -> Atom:
        table = self.codes[node.codes]
        if not isinstance(table, ir.CodeTable):
            raise ValueError(f"{node.codes} is no code list")
        if len(table.entries) > data.WRITTEN_OUT:
            name = self.constants.name(f"Data({literal(data.part(table)[0])})")
        else:
            entries = ", ".join(f"{literal(code)}: {literal(value)}" for code, value in table.entries.items())
            name = self.constants.name(f"{{{entries}}}")
        if table.table:
            call = f"of_row({HOLE}, {name}, {literal(table.table)}, {self.path(node)})"
            return self.converted(self.emit(node.value), call, "text", maybe="" in table.entries.values())
        default = "None" if table.default is None else literal(table.default)
        call = f"lookup({HOLE}, {name}, {default}, {literal(table.name)}, {self.path(node)})"
        found = self.converted(self.emit(node.value), call, "text")
        answers = {*table.entries.values(), *([] if table.default is None else [table.default])}
        return dataclasses.replace(found, values=frozenset(answers))

    def _template(self, node: ir.Template) -> Atom:
        path = self.path(node)
        parts, holes = [""], list[tuple[str, Atom]]()
        for part in node.parts:
            if isinstance(part, str):
                parts[-1] += part
                continue
            value = self.emit(part.value)
            if value.kind != "text":
                value = self.converted(self._kept(value), f"in_template({HOLE}, {path})", "text")
            holes.append((part.absence, value))
            parts.append("")
        needed = [atom for absence, atom in holes if absence != "?"]
        if any(absence == "?" and atom.maybe for absence, atom in holes):
            texts = tuple_of([literal(part) for part in parts])
            call = f"template({texts}, {tuple_of([atom.code for _, atom in holes])})"
        else:
            pieces = [literal(parts[0])]
            for (_, atom), part in zip(holes, parts[1:], strict=True):
                pieces += [atom.code, literal(part)]
            call = " + ".join(piece for piece in pieces if piece != "''") or "''"
            if len(pieces) > 20:
                call = f'"".join({tuple_of(pieces)})'
        return self._all(needed, call, "text")

    def _call(self, node: ir.Call) -> Atom:
        function = FUNCTIONS[node.function]
        atoms = [self.emit(argument) for argument in node.arguments]
        codes = [atom.code for atom in atoms]
        call = f"functions.{function.runtime}({', '.join([self.path(node), *codes] if function.fails else codes)})"
        if function.takes_absent:
            name = self.new()
            self.body.line(f"{name} = {call}")
            return Atom(name, _result_kind(node), all(atom.maybe for atom in atoms), True)
        return self._all(atoms, call, _result_kind(node), maybe=function.may_be_absent)

    def _picked(self, node: ir.Pick) -> Atom:
        value = self.emit(node.value)
        outer = self.roots
        self.roots = {**outer, ir.PICKED: value.code}
        if not value.maybe:
            self.present.add(value.code)
        found = reads.read(self, node.path)
        self.roots = outer
        return found

    def _record(self, node: ir.MakeRecord) -> Atom:
        parts = [self.emit(part.value) for part in node.parts]
        names = self.constants.name(tuple_of([literal(part.name) for part in node.parts]))
        required = conversions.names_of(self, [part.name for part in node.parts if part.required])
        name = self.new()
        values = tuple_of([part.code for part in parts])
        self.body.line(f"{name} = make_record({names}, {required}, {values}, {self.path(node)})")
        return Atom(name, maybe=True, own=True)

    def _mapped(self, node: ir.Mapped) -> Atom:
        items = self.emit(node.value)
        within = self._blame.paths(node.value, self._item_paths)
        result, item = self.new(), self.new()
        items_code = (
            items.code if items.kind == "list" else f"as_list({items.code}, {self.names.path or literal(sole(within))})"
        )
        before, paths_before = self._item, self._item_paths

        def loop() -> Atom:
            self.body.line(f"{result} = []")
            with self.body.block(f"for {item} in {items_code}:"):
                self._item, self._item_paths = Atom(item, items.element, maybe=items.element == ""), within
                made = self.emit(node.body)
                if made.maybe:
                    with self.body.block(f"if {made.code} is not None:"):
                        self.body.line(f"{result}.append({made.code})")
                else:
                    self.body.line(f"{result}.append({made.code})")
            self._item, self._item_paths = before, paths_before
            return made

        if items.maybe:
            self.body.line(f"{result} = None")
            with self.body.block(f"if {items.code} is not None:"):
                made = loop()
        else:
            made = loop()
        return Atom(result, "list", items.maybe, True, made.kind)


def _result_kind(node: ir.Call) -> Kind:
    result = FUNCTIONS[node.function].result([ir.UnknownType() for _ in node.arguments])
    return "" if isinstance(result, str) else conversions.kind_of(result)


def _durations(node: ir.Expr) -> bool:
    """Whether a part of the expression makes durations, which Python cannot order."""
    match node:
        case ir.DurationConstant():
            return True
        case ir.Read(declared=ir.DurationType()) | ir.Implicit(to=ir.DurationType()):
            return True
        case _:
            return any(map(_durations, parts(node)))


def _row(code: str, row: str, into: ir.Unit) -> str:
    """A unit code with factor and offset straight to the unit `into`."""
    factor, offset = map(Fraction, row.split())
    to, zero = Fraction(into.factor), Fraction(into.offset)
    return f"{literal(code)}: ({number(str(factor / to))}, {number(str((offset - zero) / to))})"


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
