"""The quick path of a map: a loop over a page's records, decoded into objects that hold only what the map reads.

It means what `transform` means, for the records that it takes: each becomes a line for COPY. A record that holds a surprise
(a value that fails, a number where a text is declared) is left to `transform`, so that every failure is worded, held or rejected
in one place. A map has a quick path if its records are JSON objects with one claim of their own, read by their members.

Three ways lead from a path to its column: a text that goes in as it came is checked in line; what is made of one value of the
record is made once for each different value, and remembered; all else is the straight-line code of `transform`.
"""

from __future__ import annotations

from typing import TypeGuard

from fieldmap.compiler import ir
from fieldmap.compiler.emit import conversions
from fieldmap.compiler.emit.columns import codec_of
from fieldmap.compiler.emit.expressions import Emitter
from fieldmap.compiler.emit.python import Atom, Body, comment, literal, tuple_of
from fieldmap.compiler.emit.struct import Member, Record, Value, leading, shape, tree
from fieldmap.compiler.interpret.paths import split
from fieldmap.compiler.interpret.reads import expressions, parts_of, reads_bare, reads_of, surroundings_of, uses_of
from fieldmap.runtime.values.quick import is_nameable

# What the values of one leaf become is remembered for so many different ones; of dates there are more than of other things.
REMEMBERED, DATES = 4_096, 16_384


def eligible(map: ir.Map) -> bool:
    """Whether the map has a quick path."""
    if map.claim is None or map.children or map.keeps or map.sparse_when is not None:
        return False
    if any(assignment.null is not None for assignment in map.claim.assignments):
        return False
    if map.format != "json" or map.reading is not None or surroundings_of(map) or reads_bare(map):
        return False
    before, rest = split(map.records.segments)
    if any(not isinstance(segment, ir.Member) or not is_nameable(segment.name) for segment in before):
        return False
    if rest not in ((), (ir.All(),)):
        return False
    roots = {"$", map.alias}
    return all(_plain(node, roots) for expression in expressions(map) for node in parts_of(expression))


def _plain(node: ir.Expr, roots: set[str | None]) -> bool:
    match node:
        case ir.Read():
            # A filter may look at the whole record, which the quick path never has.
            whole = not leading(node.segments) and node.root in roots
            named = all(is_nameable(member.name) for member in leading(node.segments))
            return named and not whole and not any(isinstance(segment, ir.Choice) for segment in node.segments)
        case ir.IsAbsent():
            return node.what == "absent"
        case _:
            return True


def emit(map: ir.Map, emitter: Emitter) -> str:
    """The constants SHAPE and RECORDS and the function `quick` of a map that is eligible."""
    return _Quick(map, emitter).source()


class _Quick:
    def __init__(self, map: ir.Map, emitter: Emitter) -> None:
        self._map = map
        self._emitter = emitter
        self._codecs = [codec_of(assignment.target) for assignment in map.claim.assignments] if map.claim else []
        self._roots = frozenset(name for name in ("$", map.alias) if name is not None)
        paths = [
            tuple(member.name for member in leading(read.segments))
            for expression in expressions(map)
            for read in reads_of(expression)
            if read.root in self._roots
        ]
        self._record = Record(tree(paths), self._roots)
        # What was written at the top of the loop already, by what it is made of.
        self._done: dict[object, str] = {}
        self._makers: list[str] = []

    @property
    def _body(self) -> Body:
        return self._emitter.body

    def source(self) -> str:
        map, emitter = self._map, self._emitter
        emitter.body, emitter.struct = Body(), self._record
        emitter.roots = dict.fromkeys(self._roots, "r")
        emitter.present.add("r")
        counted = [n for n, item in enumerate(map.claim.assignments if map.claim else ()) if not item.is_key]
        if counted:
            self._body.line(" = ".join([*(f"n{n}" for n in counted), "0"]))
        self._body.line("place = str(position)")
        with self._body.block("for index, r, digest in zip(indexes, records, digests, strict=True):"):
            with self._body.block("try:"):
                self._record.hoist(emitter)
                cells = self._cells()
            with self._body.block("except (Failed, Surprise):"):
                self._body.line("odd.append(index)")
                self._body.line("continue")
            self._line(cells)
            for n in counted:
                with self._body.block(f"if {cells[n]} == {literal(self._null(n))}:"):
                    self._body.line(f"n{n} += 1")
        present = tuple_of(["0" if n not in counted else f"n{n}" for n in range(len(self._codecs))])
        self._body.line(f"return {present}")
        quick, identities = self._body.lines, self._identities()
        before, rest = split(map.records.segments)
        names = tuple_of([literal(segment.name) for segment in before if isinstance(segment, ir.Member)])
        taken = "indexes: Any, records: Any, digests: Any, position: int, safe: bool, out: list[str], odd: list[int]"
        head = f"def quick({taken}) -> Any:"
        emitter.struct = None
        constants = f"SHAPE = {shape(self._record.tree)}\nRECORDS = ({names}, {bool(rest)})"
        return "\n\n\n".join([constants, *self._makers, identities, "\n".join([head, *quick])])

    def _identities(self) -> str:
        """The function that tells of each record which one it is, None where only the general path can."""
        self._emitter.body, self._done = Body(), {}
        self._emitter.roots = dict.fromkeys(self._roots, "r")
        self._body.line("found: list[str | None] = []")
        with self._body.block("for r in records:"):
            with self._body.block("try:"):
                if any(len(leading(read.segments)) > 1 for node in self._map.identity for read in reads_of(node)):
                    self._record.hoist(self._emitter)
                self._identity()
                self._body.line("found.append(record_id)")
            with self._body.block("except (Failed, Surprise):"):
                self._body.line("found.append(None)")
        self._body.line("return found")
        return "\n".join(["def identities(records: Any, safe: bool) -> list[str | None]:", *self._body.lines])

    def _line(self, cells: list[str]) -> None:
        fields = "\\t".join(f"{{{cell}}}" for cell in cells)
        live = "{record_id}\\tlive\\t{changed}\\t{place}\\t{index}\\t\\\\\\\\x{digest}" + (
            f"\\t{fields}" if cells else ""
        )
        self._body.line(f'out.append(f"{live}\\n")')

    def _null(self, number: int) -> str:
        return "\\N\t\\N" if self._codecs[number] in ("money", "quantity") else "\\N"

    # ------------------------------------------------------------------------------------------------ of one record

    def _cells(self) -> list[str]:
        """Writes all that is made of a record; the locals with the cells of its row."""
        map, emitter = self._map, self._emitter
        self._identity()
        emitter.names.bind(map.lets)
        self._changed()
        self._conditions()
        cells = []
        for assignment, codec in zip(map.claim.assignments if map.claim else (), self._codecs, strict=True):
            place = assignment.place
            self._body.line(comment(f"{place.file}:{place.line}: {place.text}"))
            cells.append(self._cell(assignment, codec))
        return cells

    def _identity(self) -> None:
        emitter, nodes = self._emitter, self._map.identity
        if len(nodes) == 1 and _is_text(nodes[0]):
            self._body.line(f"record_id = {self._text(nodes[0], 500, 'identity_of', None)}")
            return
        atoms = [emitter.emit(node) for node in nodes]
        self._body.line(f"record_id = escaped(identity({tuple_of([atom.code for atom in atoms])}))")

    def _changed(self) -> None:
        node = self._map.changed
        if node is None:
            self._body.line('changed = "-infinity"')
            return
        cell = self._instant(node) if _is_instant(node) else self._encoded(self._emitter.emit(node), "datetime")
        self._body.line(f'changed = "-infinity" if {cell} == "\\\\N" else {cell}')

    def _conditions(self) -> None:
        """A record that is deleted, filtered or complained of is rare, and left to `transform`."""
        map, emitter = self._map, self._emitter
        for node, answer in ((map.deleted_when, "is True"), (map.when, "is not True")):
            if node is not None:
                with self._body.block(f"if {emitter.emit(node).code} {answer}:"):
                    self._body.line("raise Surprise")
        for check in map.checks:
            with self._body.block(f"if {emitter.emit(check.condition).code} is False:"):
                self._body.line("raise Surprise")

    # ----------------------------------------------------------------------------------------------------- of a field

    def _cell(self, assignment: ir.Assignment, codec: str) -> str:
        node, target = assignment.value, assignment.target
        key = assignment.is_key
        while isinstance(target, ir.ReferenceType):
            target, key = target.key, True
        if _is_text(node) and isinstance(target, ir.TextType) and target.pattern is None and target.checked is None:
            bounds = [bound for bound in (target.max_length, 500 if key else None) if bound is not None]
            fit = f"fit_{'key_' if key else ''}text"
            return self._text(node, min(bounds, default=None), fit, target.max_length, key=assignment.is_key)
        if _is_instant(node) and isinstance(target, ir.DatetimeType):
            return self._instant(node, key=assignment.is_key)
        if (
            isinstance(node, ir.MakeMoney)
            and isinstance(target, ir.MoneyType)
            and not key
            and self._apart(node, target)
        ):
            return self._money(node, target, codec)
        if self._leaf(node) is not None:
            return self._remembered(assignment, node, assignment.target, codec)
        return self._made(assignment, node, assignment.target, codec)

    def _apart(self, node: ir.MakeMoney, target: ir.MoneyType) -> bool:
        """Whether amount and currency can be made each by itself."""
        return target.precision is not None and all(self._leaf(side) for side in (node.amount, node.currency))

    def _leaf(self, node: ir.Expr) -> tuple[str, ...] | None:
        """The one leaf that an expression is made of; None if there are several, or none, or names are used."""
        found = list(reads_of(node))
        if not found or any(True for _ in uses_of(node)):
            return None
        paths = {tuple(step.name for step in leading(read.segments)) for read in found}
        if len(paths) != 1 or any(
            read.root not in self._roots or len(leading(read.segments)) != len(read.segments) for read in found
        ):
            return None
        path = paths.pop()
        return path if self._ends(path) else None

    def _ends(self, path: tuple[str, ...]) -> bool:
        node: Member | None = self._record.tree
        for name in path:
            node = node.members.get(name) if node is not None else None
        return node is not None and not node.members

    def _made(self, assignment: ir.Assignment, node: ir.Expr, target: ir.Type, codec: str) -> str:
        """The code of `transform`, and the value as a cell."""
        return self._encoded(self._fitted(assignment, node, target), codec)

    def _fitted(self, assignment: ir.Assignment, node: ir.Expr, target: ir.Type) -> Atom:
        emitter = self._emitter
        value = emitter.emit(node)
        path = emitter.path(node)
        if assignment.is_key and value.maybe:
            with self._body.block(f"if {value.code} is None:"):
                self._body.line("raise Surprise")
        return conversions.fit(emitter, value, target, path, key=assignment.is_key)

    def _encoded(self, value: Atom, codec: str) -> str:
        emitter = self._emitter
        name, encode = emitter.new(), emitter.constants.name(f"encoder({literal(codec)})")
        null = literal("\\N\t\\N" if codec in ("money", "quantity") else "\\N")
        call = f"{encode}({value.code})"
        if value.code == "None":
            call = null
        elif value.maybe:
            call = f"{null} if {value.code} is None else {call}"
        self._body.line(f"{name} = {call}")
        return name

    def _text(self, node: ir.Read, most: int | None, fit: str, length: int | None, *, key: bool = False) -> str:
        """A text that goes in as it came. key: it must not be absent."""
        emitter = self._emitter
        known = (node, most, key)
        if known in self._done:
            return self._done[known]
        value, place = self._record.fetch(emitter, node.segments, node.text)
        cell, path = emitter.new(), literal(node.text)
        # In a page without a backslash no text holds what COPY or PostgreSQL does not take as it is.
        fine = f'(safe or ({value}.isprintable() and "\\\\" not in {value}))'
        if most is not None:
            fine += f" and len({value}) <= {most}"
        with self._body.block(f"if type({value}) is str:"):
            word = "if"
            if node.sentinels:
                spelt = [literal(one.value) for one in node.sentinels if isinstance(one, ir.TextConstant)]
                test = f"{value} == {spelt[0]}" if len(spelt) == 1 else f"{value} in {tuple_of(spelt)}"
                with self._body.block(f"if {test}:"):
                    self._body.line("raise Surprise" if key or fit == "identity_of" else f'{cell} = "\\\\N"')
                word = "elif"
            with self._body.block(f"{word} {fine}:"):
                self._body.line(f"{cell} = {value}")
            with self._body.block("else:"):
                fitted = f"{fit}({value}, {path})" if fit == "identity_of" else f"{fit}({value}, {length}, {path})"
                self._body.line(f"{cell} = escaped({fitted})")
        self._absent(node, value, cell, place, key=key or fit == "identity_of")
        self._done[known] = cell
        return cell

    def _absent(self, node: ir.Read, value: str, cell: str, place: int, *, key: bool) -> None:
        """The branches of a leaf that is not what it was declared as."""
        member = node.segments[place]
        required = isinstance(member, ir.Member) and member.required
        nothing = [f"{value} is NO_PARENT"] if place > 0 else []
        nothing += [] if required else [f"{value} is None", f"{value} is UNSET"]
        if nothing and not key:
            with self._body.block(f"elif {' or '.join(nothing)}:"):
                self._body.line(f'{cell} = "\\\\N"')
        with self._body.block("else:"):
            self._body.line("raise Surprise")

    def _instant(self, node: ir.Read, *, key: bool = False) -> str:
        """An instant as it came, where PostgreSQL reads it as we do."""
        emitter = self._emitter
        known = (node, "instant", key)
        if known in self._done:
            return self._done[known]
        value, place = self._record.fetch(emitter, node.segments, node.text)
        cell = emitter.new()
        with self._body.block(f"if type({value}) is str:"):
            self._body.line(f"{cell} = instant({value}, {literal(node.text)})")
        self._absent(node, value, cell, place, key=key)
        self._done[known] = cell
        return cell

    def _money(self, node: ir.MakeMoney, target: ir.MoneyType, codec: str) -> str:
        amount = ir.DecimalType(precision=target.precision, scale=target.scale, rounding=target.rounding)
        cell = self._remembered(None, node.amount, amount, "number")
        if codec == "money":
            with self._body.block(f'if {cell} == "\\\\N":'):
                self._body.line(f'{cell} = "\\\\N\\t\\\\N"')
            with self._body.block("else:"):
                currency = self._remembered(None, node.currency, ir.TextType(), "currency")
                self._body.line(f'{cell} = f"{{{cell}}}\\t{{{currency}}}"')
            return cell
        with self._body.block(f'if {cell} != "\\\\N":'):
            currency = self._remembered(None, node.currency, ir.TextType(), "currency")
            with self._body.block(f"if {currency} != {literal(target.currency or '')}:"):
                self._body.line("raise Surprise")
        return cell

    # ----------------------------------------------------------------------------------------------------- remembered

    def _remembered(self, assignment: ir.Assignment | None, node: ir.Expr, target: ir.Type, codec: str) -> str:
        """What is made of one leaf: made once for each different value of it."""
        emitter = self._emitter
        first = next(iter(reads_of(node)))
        # A leaf that is required on one way and not on another would need an answer for each.
        value, place = self._record.fetch(emitter, first.segments, first.text)
        number = len(self._makers)
        self._maker(number, assignment, node, target, codec, place)
        cell, numeric = emitter.new(), _is_numeric(first.declared)
        kinds = f"type({value}) is int or type({value}) is NumberText" if numeric else f"type({value}) is str"
        lookup = f"{cell} = known_{number}.get({value}) if {kinds} or {value} is None else None"
        plain = _as_it_came(node, target) if numeric else None
        if plain is not None:
            whole, scale = plain
            self._body.line(f"{cell} = None")
            with self._body.block(f"if type({value}) is NumberText:"):
                # As many digits on each side of the point as the column has, or fewer: PostgreSQL keeps the number as it is.
                self._body.line(f'before, _, behind = {value}.partition(".")')
                with self._body.block(f"if len(behind) <= {scale} and len(before) <= {whole} and behind.isdigit():"):
                    self._body.line(f"{cell} = {value}")
            with self._body.block(f"if {cell} is None:"):
                self._body.line(lookup)
        else:
            self._body.line(lookup)
        with self._body.block(f"if {cell} is None:"):
            self._body.line(f"{cell} = make_{number}({value})")
        return cell

    def _maker(
        self, number: int, assignment: ir.Assignment | None, node: ir.Expr, target: ir.Type, codec: str, place: int
    ) -> None:
        emitter = self._emitter
        outer = emitter.body, emitter.roots, emitter.struct
        emitter.body = Body()
        emitter.roots = dict.fromkeys(self._roots, "leaf")
        emitter.struct = Value("leaf", place, self._roots)
        self._makers.append("")
        if codec == "currency":
            made = emitter.emit(node)
            cell = emitter.new()
            self._body.line(f"{cell} = make_money(0, {made.code}, '').currency")
        elif assignment is not None:
            cell = self._made(assignment, node, target, codec)
        else:
            made = emitter.emit(node)
            cell = self._encoded(conversions.fit(emitter, made, target, emitter.path(node), key=False), codec)
        first = next(iter(reads_of(node)))
        kinds = "int, NumberText" if _is_numeric(first.declared) else "str,"
        limit = DATES if codec == "date" else REMEMBERED
        with self._body.block(f"if (leaf is None or type(leaf) in ({kinds})) and len(known_{number}) < {limit}:"):
            self._body.line(f"known_{number}[leaf] = {cell}")
        self._body.line(f"return {cell}")
        lines = emitter.body.lines
        emitter.body, emitter.roots, emitter.struct = outer
        head = f"known_{number}: dict[Any, str] = {{}}\n\n\ndef make_{number}(leaf: Any) -> str:"
        self._makers[number] = "\n".join([head, *lines])


# ---------------------------------------------------------------------------------------------------------- judging


def _as_written(node: ir.Expr) -> bool:
    return isinstance(node, ir.Read) and not node.beside and not node.unchanged and not node.unread and node.how is None


def _is_text(node: ir.Expr) -> TypeGuard[ir.Read]:
    return (
        isinstance(node, ir.Read)
        and _as_written(node)
        and node.declared == ir.TextType()
        and len(leading(node.segments)) == len(node.segments)
        and all(isinstance(sentinel, ir.TextConstant) for sentinel in node.sentinels)
    )


def _is_instant(node: ir.Expr) -> TypeGuard[ir.Read]:
    return (
        isinstance(node, ir.Read)
        and _as_written(node)
        and isinstance(node.declared, ir.DatetimeType)
        and not node.sentinels
        and len(leading(node.segments)) == len(node.segments)
    )


def _is_numeric(declared: ir.Type | None) -> bool:
    return isinstance(declared, ir.IntType | ir.DecimalType | ir.FloatType)


def _as_it_came(node: ir.Expr, target: ir.Type) -> tuple[int, int] | None:
    """(digits before the point, after it) of the numbers that go in as they came; None if none do."""
    if (
        not isinstance(node, ir.Read)
        or not _as_written(node)
        or node.sentinels
        or not isinstance(node.declared, ir.DecimalType)
    ):
        return None
    if not isinstance(target, ir.DecimalType) or target.precision is None:
        return None
    scale = target.scale or 0
    return target.precision - scale, scale
