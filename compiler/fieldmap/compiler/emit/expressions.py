"""Expressions as straight-line Python: each sub-result gets a local name, so depth costs lines, not nesting.

Where blocks nest too deep for Python after all, the expression becomes a function of its own. The code means what
`fieldmap.compiler.interpret` says; the tests hold the two against each other. `Emitter.emit` has a line or two for each form of
expression, so it is as long as there are forms.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from typing import TYPE_CHECKING

from fieldmap.compiler import ir
from fieldmap.compiler.emit import codes, conversions, judging, quantities, reads
from fieldmap.compiler.emit.names import Names
from fieldmap.compiler.emit.python import HOLE, Atom, Body, Constants, Kind, filled, literal, number, tuple_of
from fieldmap.compiler.emit.queries import Queries
from fieldmap.compiler.functions import FUNCTIONS
from fieldmap.compiler.interpret.blame import NONE, Blame, Paths, sole
from fieldmap.compiler.interpret.evaluation import place_of
from fieldmap.runtime.values import durations

if TYPE_CHECKING:
    from fieldmap.compiler.emit.struct import Record, Value

# Python allows 20 nested blocks; `each` and `try` take some of them.
DEEPEST = 15


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
                return self.all_of(list(sides), call, "datetime")
            case ir.Phone():
                return self._phone(node)
            case ir.Scale():
                return self._scale(node)
            case ir.ScaleByCode():
                return codes.scale_by_code(self, node)
            case ir.MakeMoney():
                return self._money(node)
            case ir.MakeQuantity():
                made = f"Quantity({HOLE}, {literal(node.unit)})"
                return self.converted(self.emit(node.amount), made, "quantity")
            case ir.ReadQuantity() | ir.ReadAnyQuantity() | ir.ReadMoney() | ir.PerPeriod() | ir.Exchange():
                return quantities.measured(self, node)
            case ir.Lookup():
                return codes.lookup(self, node)
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
            case ir.MakeRecord():
                return self._record(node)
            case ir.ListConstant():
                items = [self.emit(item) for item in node.items]
                name = self.new()
                self.body.line(f"{name} = [x for x in {tuple_of([item.code for item in items])} if x is not None]")
                return Atom(name, "list", maybe=False, own=True)
            case _:
                return judging.judged(self, node)

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

    def all_of(self, atoms: list[Atom], call: str, kind: Kind, *, maybe: bool = False) -> Atom:
        """Assigns `call` unless one of these is absent."""
        name = self.new()
        absent = " or ".join(dict.fromkeys(f"{atom.code} is None" for atom in atoms if atom.maybe))
        self.body.line(f"{name} = None if {absent} else {call}" if absent else f"{name} = {call}")
        return Atom(name, kind, maybe or bool(absent), True)

    def kept(self, atom: Atom) -> Atom:
        """The atom, not to be assigned anew (it is named more than once)."""
        return Atom(atom.code, atom.kind, atom.maybe, False, atom.element)

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

    def _template(self, node: ir.Template) -> Atom:
        path = self.path(node)
        parts, holes = [""], list[tuple[str, Atom]]()
        for part in node.parts:
            if isinstance(part, str):
                parts[-1] += part
                continue
            value = self.emit(part.value)
            if value.kind != "text":
                value = self.converted(self.kept(value), f"in_template({HOLE}, {path})", "text")
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
        return self.all_of(needed, call, "text")

    def _call(self, node: ir.Call) -> Atom:
        function = FUNCTIONS[node.function]
        atoms = [self.emit(argument) for argument in node.arguments]
        codes = [atom.code for atom in atoms]
        call = f"functions.{function.runtime}({', '.join([self.path(node), *codes] if function.fails else codes)})"
        if function.takes_absent:
            name = self.new()
            self.body.line(f"{name} = {call}")
            return Atom(name, _result_kind(node), all(atom.maybe for atom in atoms), True)
        return self.all_of(atoms, call, _result_kind(node), maybe=function.may_be_absent)

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
