"""Python transforms: one module per map, one straight-line function from a record to its outcome.

The module imports `fieldmap.runtime.values` and the standard library, holds no state, and reads nothing but its argument.
The same map gives the same bytes. Python reference values: MAP_ID, and CLAIMS with (number, entity, table, fields) each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from fieldmap.compiler import ir
from fieldmap.compiler.emit import conversions, quick, reads
from fieldmap.compiler.emit.expressions import Emitter
from fieldmap.compiler.emit.python import Atom, Body, comment, literal, tuple_of
from fieldmap.compiler.interpret import fitted
from fieldmap.compiler.interpret.blame import NONE, sole
from fieldmap.compiler.interpret.evaluation import place_of
from fieldmap.compiler.interpret.paths import split
from fieldmap.compiler.interpret.reads import meets_marks, reads_bare, surroundings_of, takes_objects
from fieldmap.runtime.values.outcome import Failed

# What generated code may name, by the module of fieldmap.runtime.values that has it.
_NAMES = {
    "cells": "encoder escaped",
    "compare": "same",
    "currencies": "make_money",
    "checked": "matching read_checked read_country read_phone",
    "dates": "date_as_written date_in_zone epoch_date epoch_datetime epoch_local epoch_time join odata_date odata_datetime"
    " odata_time pattern_date pattern_datetime pattern_time read_date read_datetime read_time time_as_written time_in_zone",
    "durations": "fit_duration order read_duration",
    "failures": "wrong",
    "fit": "fit_bool fit_date fit_datetime fit_decimal fit_enum fit_float fit_int fit_json fit_key_text fit_list fit_money"
    " fit_number fit_quantity fit_text fit_time",
    "identity": "identity unidentified",
    "money": "Rates exchange per_period read_money",
    "numbers": "add divide multiply negate read_unscaled read_decimal read_float read_grouped read_int scale subtract to_float",
    "outcome": "Claimed Dead Deleted Duration Failed Filtered Held Listed Money Outcome Quantity Rejected",
    "unitcodes": "scale_by_code",
    "ucum": "Ucum",
    "parts": "fit_record make_record read_record",
    "paths": "as_elements as_list element every find find_all lacking marked no_object PARTLY state UNCHANGED unfit_record unsent",
    "data": "Data",
    "named": "bounded no_arm",
    "query": "NOTHING at_most below child children container equals item length less matches searches sliced sole_node",
    "quick": "NO_PARENT NumberText Surprise exact identity_of instant",
    "reading": "Reading",
    "quantities": "Bare read_any_quantity read_quantity",
    "spellings": "Spellings",
    "texts": "as_text bool_words in_template lookup of_row read_as read_bool read_enum read_text template",
}
# An `each` within an `each` is a loop within a loop, and two blocks where its elements fail alone; Python allows twenty.
_DEEPEST_EACH = 10


def emit(map: ir.Map, codes: Mapping[str, ir.Table]) -> str:
    """The source of `transform/<map>.py`. Raises ValueError for what cannot be compiled."""
    emitter = Emitter(codes, {one.name: one for one in map.functions})
    transform = _Transform(map, emitter).source()
    before, rest = split(map.records.segments)

    def _steps(segments: Sequence[ir.Segment]) -> str:
        return reads.steps(emitter.queries, "$", segments, map.records.text)

    records = (
        "def records(body: Any) -> list[Any]:\n"
        f"    return find_records(body, {_steps(before)}, {_steps(rest)}, {literal(map.records.text)})"
    )
    around = surroundings_of(map)
    if "@envelope" in around:
        records += (
            "\n\n\ndef envelopes(body: Any) -> list[Any]:\n"
            f"    return find_envelopes(body, {_steps(before)}, {_steps(rest)}, {literal(map.records.text)})"
        )
    quickly = quick.emit(map, emitter) if quick.eligible(map) else ""
    functions = [*emitter.functions, records, transform, *([quickly] if quickly else [])]
    head = [
        f'"""{_docstring(map)}"""',
        "",
        *imports_of(
            "\n".join([*_reading(map.reading), *emitter.constants.lines(), *emitter.queries.functions, *functions])
        ),
        "",
        f"MAP_ID = {literal(map.id)}",
        *_reading(map.reading),
        f"CLAIMS = {_claims(map)}",
        *([f"SURROUNDINGS = {tuple_of([literal(name) for name in around])}"] if around else []),
    ]
    # Constants name the functions of paths, and functions name constants only when they run.
    constants = ["\n".join(emitter.constants.lines())] if emitter.constants.lines() else []
    return "\n\n\n".join(["\n".join(head), *emitter.queries.functions, *constants, *functions]) + "\n"


def _docstring(map: ir.Map) -> str:
    title = comment(map.title).removeprefix("# ").replace("\\", "/").replace('"', "'")
    return f"Generated from the map {title}; what is changed here is lost."


def imports_of(source: str) -> list[str]:
    used = set(re.findall(r"[A-Za-z_]+", source))
    lines = [
        f"from fieldmap.runtime.values.{module} import {', '.join(kept)}"
        for module, names in _NAMES.items()
        if (kept := [name for name in names.split() if name in used])
    ]
    if "functions." in source:
        lines.append("from fieldmap.runtime.values import functions")
    lines.append("from fieldmap.runtime.values.paths import records as find_records")
    if "find_envelopes" in source:
        lines.append("from fieldmap.runtime.values.paths import envelopes as find_envelopes")
    standard = [
        ("datetime", "date"),
        ("datetime", "time"),
        ("decimal", "Decimal"),
        ("fractions", "Fraction"),
        ("typing", "Any"),
    ]
    first = [f"from {module} import {name}" for module, name in standard if name in used]
    third = ["from msgspec import UNSET", ""] if "UNSET" in used else []
    return ["from __future__ import annotations", "", *first, "", *third, *sorted(lines)]


def _reading(reading: ir.Reading | None) -> list[str]:
    """How the pages are read, where the resource says more than their format."""
    if reading is None:
        return []
    said = [(name, getattr(reading, name)) for name in reading.__struct_fields__]
    return [f"READING = Reading({', '.join(f'{name}={value!a}' for name, value in said)})"]


def _blocks(children: tuple[ir.Child, ...]) -> Iterator[ir.Child]:
    for child in children:
        yield child
        yield from _blocks(child.children)


def _claims(map: ir.Map) -> str:
    claims = [*([map.claim] if map.claim else []), *(child.claim for child in _blocks(map.children))]
    shown = []
    for claim in claims:
        fields = tuple_of([literal(assignment.field) for assignment in claim.assignments])
        shown.append(f"({claim.number}, {literal(claim.entity)}, {literal(claim.table)}, {fields})")
    return tuple_of(shown)


class _Transform:
    def __init__(self, map: ir.Map, emitter: Emitter) -> None:
        self._map = map
        self._emitter = emitter
        self._numbers = range(1, 1 + max((child.claim.number for child in _blocks(map.children)), default=0))

        blocks = list(_blocks(map.children))
        checks = [*map.checks, *(check for child in blocks for check in child.checks)]
        self._marks = meets_marks(map)
        emitter.noted = "None" if reads_bare(map) else ""
        claims = [*([map.claim] if map.claim is not None else []), *(child.claim for child in blocks)]
        self._nulls = any(item.null is not None for claim in claims for item in claim.assignments)
        self._lists = any(check.kind == "warn" for check in checks) or any(
            isinstance(child, ir.Each) and child.alone for child in blocks
        )

    @property
    def _body(self) -> Body:
        return self._emitter.body

    def source(self) -> str:
        map, emitter = self._map, self._emitter
        emitter.roots = {"$": "record"} | ({map.alias: "record"} if map.alias else {})
        around = surroundings_of(map)
        emitter.roots |= {name: f"around_{name[1:]}" for name in around}
        emitter.present.add("record")
        if takes_objects(map):
            emitter.objects.add("record")
            kind = "type(record) is not dict"
        else:
            kind = "type(record) is not dict and type(record) is not list"
        with self._body.block(f"if {kind}:"):
            self._body.line("return unfit_record(record)")
        with self._body.block("try:"):
            self._identity()
        with self._body.block("except Failed as failure:"):
            self._body.line("failure = unidentified(failure)")
            self._body.line('return Dead("FM2124", failure.reason, "", failure.path)')
        self._body.line("changed = None")
        self._body.line('field = ""')
        self._body.line("held: tuple[Held, ...] = ()")
        if self._lists:
            self._body.line("listed: tuple[Listed, ...] = ()")
        if map.keeps:
            self._body.line("kept: tuple[str, ...] = ()")
        if emitter.noted:
            self._body.line("noted: list[str] = []")
        if self._nulls:
            self._body.line("nulls: tuple[tuple[int, int, str], ...] = ()")
        with self._body.block("try:"):
            self._conditions()
            self._claim_rows()
        with self._body.block("except Failed as failure:"):
            self._body.line("return Dead(failure.code, failure.reason, field, failure.path, record_id, changed)")
        taken = "".join(f", {emitter.roots[name]}: Any = None" for name in around)
        return "\n".join([f"def transform(record: Any{taken}) -> Outcome:", *self._body.lines])

    def _identity(self) -> None:
        emitter = self._emitter
        paths = NONE
        for node in self._map.identity:
            paths |= emitter.paths(node)
        path = literal(sole(paths))
        atoms = [emitter.emit(node) for node in self._map.identity]
        whole = f"record_id = identity({tuple_of([atom.code for atom in atoms])}, {path})"
        if len(atoms) == 1 and atoms[0].kind == "text":
            code = atoms[0].code
            present = f"{code} is not None and " if atoms[0].maybe else ""
            with self._body.block(f"if {present}{code}.isprintable() and len({code}) <= 500:"):
                self._body.line(f"record_id = {code}")
            with self._body.block("else:"):
                self._body.line(whole)
        else:
            self._body.line(whole)

    def _conditions(self) -> None:
        map, emitter = self._map, self._emitter
        emitter.names.bind(map.lets)
        if map.changed is not None:
            self._body.line(f"changed = {emitter.emit(map.changed).code}")
        if map.sparse_when is not None:
            self._body.line(f"sparse = {emitter.emit(map.sparse_when).code} is True")
        if map.deleted_when is not None:
            with self._body.block(f"if {emitter.emit(map.deleted_when).code} is True:"):
                self._body.line("return Deleted(record_id, changed)")
        if map.when is not None:
            with self._body.block(f"if {emitter.emit(map.when).code} is not True:"):
                self._body.line("return Filtered(record_id, changed)")

    # ------------------------------------------------------------------------------------------------------ claims

    def _claim_rows(self) -> None:
        for number in self._numbers:
            self._body.line(f"rows_{number}: list[Any] = []")
        own = "()"
        self._checks(self._map.checks, 0, "0")
        if self._map.claim is not None:
            own = f"({tuple_of(self._row(self._map.claim, '0'))},)"
        self._children(self._map.children, "0", 1)
        rows = tuple_of([own, *(f"tuple(rows_{number})" for number in self._numbers)])
        listed = ", listed" if self._lists else ""
        kept = ", kept=kept" if self._map.keeps else ""
        bare = ", bare=tuple(noted)" if self._emitter.noted else ""
        nulls = ", nulls=nulls" if self._nulls else ""
        self._body.line(f"return Claimed(record_id, changed, {rows}, held{listed}{kept}{bare}{nulls})")

    def _checks(self, checks: tuple[ir.Check, ...], claim: int, element: str) -> None:
        """`expect` and `warn`. element: code for the place of the element that they are about."""
        emitter = self._emitter
        for check in checks:
            self._body.line(comment(f"{check.place.file}:{check.place.line}: {check.place.text}"))
            reason, path = literal(check.reason), emitter.path(check.condition)
            if check.kind == "expect":
                self._body.line('field = ""')
                if self._marks:
                    with self._body.block("try:"):
                        self._expect(check, reason, path)
                    with (
                        self._body.block("except Failed as failure:"),
                        self._body.block('if failure.code != "FM2136":'),
                    ):
                        self._body.line("raise")
                else:
                    self._expect(check, reason, path)
                continue
            listed = f"listed += (Listed({claim}, {element}, '', {{}}),)"
            with self._body.block("try:"), self._body.block(f"if {emitter.emit(check.condition).code} is False:"):
                self._body.line(listed.format(f'"FM2132", {reason}, {path}'))
            with self._body.block("except Rejected:"):
                # The failure is of no field, whichever was made before.
                self._body.line('field = ""')
                self._body.line("raise")
            with self._body.block("except Failed as failure:"):
                failed = listed.format("failure.code, failure.reason, failure.path")
                if self._marks:
                    with self._body.block('if failure.code != "FM2136":'):
                        self._body.line(failed)
                else:
                    self._body.line(failed)

    def _expect(self, check: ir.Check, reason: str, path: str) -> None:
        with self._body.block(f"if {self._emitter.emit(check.condition).code} is False:"):
            self._body.line(f'raise Failed("FM2131", {reason}, {path})')

    def _children(self, children: tuple[ir.Child, ...], element: str, depth: int) -> None:
        for child in children:
            if isinstance(child, ir.Each):
                self._each(child, depth)
            else:
                self._also(child, element, depth)

    def _also(self, also: ir.Also, element: str, depth: int) -> None:
        place = also.claim.place
        self._body.line(comment(f"{place.file}:{place.line}: also to {also.claim.entity}"))
        self._body.line('field = ""')
        outer = self._emitter.names.within()
        self._emitter.names.bind(also.lets)
        if also.when is None:
            self._claim_of(also, element, depth)
        else:
            with self._body.block(f"if {self._emitter.emit(also.when).code} is True:"):
                self._claim_of(also, element, depth)
        self._emitter.names.restore(outer)

    def _claim_of(self, child: ir.Child, element: str, depth: int) -> None:
        """The row of a child, after its checks, and what is in it."""
        self._checks(child.checks, child.claim.number, element)
        rows = f"rows_{child.claim.number}"
        row = self._row(child.claim, f"len({rows})")
        self._body.line(f"{rows}.append({tuple_of(row)})")
        self._children(child.children, element, depth)

    def _row(self, claim: ir.Claim, row: str) -> list[str]:
        return [self._assignment(claim, assignment, row) for assignment in claim.assignments]

    def _assignment(self, claim: ir.Claim, assignment: ir.Assignment, row: str) -> str:
        """Writes one field; answers with the local that holds its value."""
        place = assignment.place
        self._body.line(comment(f"{place.file}:{place.line}: {place.text}"))
        self._body.line(f"field = {literal(assignment.field)}")
        rejects = assignment.outcome == "reject" or (assignment.is_key and assignment.outcome != "use")
        if rejects:
            return self._kept_or_made(claim, assignment, row)
        result = self._emitter.new()
        invented = assignment.outcome == "use" and assignment.use is not None
        with self._body.block("try:"):
            self._body.line(f"{result} = {self._kept_or_made(claim, assignment, row)}")
        with self._body.block("except Rejected:"):
            self._body.line("raise")
        with self._body.block("except Failed as failure:"):
            if assignment.is_key:
                with self._body.block('if failure.code == "FM2114":'):
                    self._body.line("raise")
            self._body.line(f"{result} = {self._invented(assignment) if invented else 'None'}")
            field = f"{claim.number}, {row}, {literal(assignment.field)}"
            self._body.line(f"held += (Held({field}, failure.code, failure.reason, failure.path, {invented}),)")
        return result

    def _kept_or_made(self, claim: ir.Claim, assignment: ir.Assignment, row: str) -> str:
        """Code for the value; None, and the field named as kept, where the source leaves it as it was."""
        if not assignment.asked:
            return self._made(claim, assignment, row)
        emitter = self._emitter
        answers, result = emitter.new(), emitter.new()
        tests = [f"({' or '.join(self._unchanged(asked)) or 'False'})" for asked in assignment.asked]
        self._body.line(f"{answers} = {tuple_of(tests)}")
        whole = "" if claim.number or not assignment.whole else f" and not all({answers})"
        with self._body.block(f"if any({answers}){whole}:"):
            self._body.line(f'raise Failed("FM2136", PARTLY, {emitter.path(assignment.value)})')
        with self._body.block(f"if any({answers}):"):
            self._body.line(f"{result} = None")
            if not claim.number:
                self._body.line(f"kept += ({literal(assignment.field)},)")
        with self._body.block("else:"):
            self._body.line(f"{result} = {self._made(claim, assignment, row)}")
        return result

    def _made(self, claim: ir.Claim, assignment: ir.Assignment, row: str) -> str:
        """Code for the value; where it is absent, whether the source says so by a null is written down."""
        value = self._value(assignment)
        if assignment.null is None or not value.maybe:
            return value.code
        value = self._emitter.owned(value)
        with self._body.block(f"if {value.code} is None:"):
            asked = self._emitter.emit(assignment.null)
            with self._body.block(f"if {asked.code} is True:"):
                self._body.line(f"nulls += (({claim.number}, {row}, {literal(assignment.field)}),)")
        return value.code

    def _unchanged(self, asked: ir.Asked) -> list[str]:
        """What is asked of one path."""
        emitter, read, tests = self._emitter, asked.read, []
        walked = emitter.constants.name(reads.steps(emitter.queries, read.root, read.segments, read.text))
        root, path = emitter.roots[read.root], literal(read.text)
        if asked.unsent and self._map.sparse_when is not None:
            tests.append(f"sparse and unsent({root}, {walked}, {path})")
        if asked.marks:
            marks = emitter.constants.name(tuple_of([emitter.constant(mark).code for mark in asked.marks]))
            tests.append(f"marked({root}, {walked}, {marks}, {path}{', beside=True' if read.beside else ''})")
        return tests

    def _value(self, assignment: ir.Assignment) -> Atom:
        emitter = self._emitter
        value = emitter.counted(assignment.value)
        path = emitter.path(assignment.value)
        if assignment.is_key and value.maybe:
            with self._body.block(f"if {value.code} is None:"):
                reason = literal(f"the key {assignment.field} is absent")
                self._body.line(f'raise Failed("FM2114", {reason}, {path})')
        return conversions.fit(emitter, value, assignment.target, path, key=assignment.is_key)

    def _invented(self, assignment: ir.Assignment) -> str:
        """The constant of `if invalid use`, fitted where the module is loaded."""
        if assignment.use is None:
            return "None"
        self._check_constant(assignment)
        value = self._emitter.constant(assignment.use)
        call = conversions.fit_call(self._emitter, assignment.target, value.code, "''", key=assignment.is_key)
        return self._emitter.constants.name(call)

    def _check_constant(self, assignment: ir.Assignment) -> None:
        """Raises ValueError for a constant that the field cannot hold: better now than where the module is loaded."""
        if assignment.use is None:
            return
        try:
            fitted(msgspec.structs.replace(assignment, value=assignment.use), self._emitter.codes)
        except Failed as failed:
            raise ValueError(f"the constant of {assignment.field} cannot be used: {failed.reason}") from None

    # -------------------------------------------------------------------------------------------------------- each

    def _each(self, each: ir.Each, depth: int) -> None:
        if depth > _DEEPEST_EACH:
            raise ValueError(f"each blocks can be nested {_DEEPEST_EACH} deep")
        emitter, path = self._emitter, literal(each.path.text)
        self._body.line(
            comment(f"{each.claim.place.file}:{each.claim.place.line}: each {each.path.text} as {each.alias}")
        )
        self._body.line('field = ""')
        before, rest = split(each.path.segments)
        found = reads.walk(emitter, emitter.roots[each.path.root], each.path.root, before, each.path.text)
        if not rest:
            elements = f"as_elements({found.code}, {path})"
        elif len(rest) == 1 and isinstance(rest[0], ir.All):
            elements = f"every({found.code}, {path})"
        else:
            # All of them before the first is mapped: a step that fails rejects the record whatever its elements hold.
            walked = emitter.constants.name(reads.steps(emitter.queries, each.path.root, rest, each.path.text))
            elements = f"list(find_all({found.code}, {walked}, {path}, {emitter.dollar}))"
        name, place, outer = emitter.new(), emitter.new(), emitter.roots
        emitter.roots = {**outer, each.alias: name, place_of(each.alias): place}
        emitter.present |= {name, place}
        if found.maybe:
            elements = f"() if {found.code} is None else {elements}"
        with self._body.block(f"for {place}, {name} in enumerate({elements}, 1):"):
            with self._body.block(f"if {name} is None:"):
                self._body.line("continue")
            if each.alone:
                self._alone(each, place, depth)
            else:
                self._element(each, place, depth + 1)
        emitter.roots = outer

    def _element(self, each: ir.Each, place: str, depth: int) -> None:
        outer = self._emitter.names.within()
        self._emitter.names.bind(each.lets)
        if each.when is not None:
            self._body.line('field = ""')
            with self._body.block(f"if {self._emitter.emit(each.when).code} is not True:"):
                self._body.line("continue")
        self._claim_of(each, place, depth)
        self._emitter.names.restore(outer)

    def _alone(self, each: ir.Each, place: str, depth: int) -> None:
        """An element that takes back what it claimed where it fails, and is listed."""
        numbers = [each.claim.number, *(child.claim.number for child in _blocks(each.children))]
        mark = self._emitter.new()
        lengths = [f"len(rows_{number})" for number in numbers]
        nulls = ["nulls"] if self._nulls else []
        self._body.line(f"{mark} = {tuple_of([*lengths, *nulls, 'held', 'listed'])}")
        self._body.line('field = ""')
        with self._body.block("try:"):
            self._element(each, place, depth + 2)
        with self._body.block("except Failed as failure:"):
            for index, number in enumerate(numbers):
                self._body.line(f"del rows_{number}[{mark}[{index}] :]")
            self._body.line(f"held, listed = {mark}[-2], {mark}[-1]")
            if self._nulls:
                self._body.line(f"nulls = {mark}[-3]")
            failed = "failure.code, failure.reason, failure.path"
            self._body.line(f"listed += (Listed({each.claim.number}, {place}, field, {failed}, True),)")
