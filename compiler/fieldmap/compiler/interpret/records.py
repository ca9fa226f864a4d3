"""The reference meaning of maps: what becomes of each record of a body."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any

from jsonpath_ng.jsonpath import DatumInContext, Root

from fieldmap.compiler import ir
from fieldmap.compiler.functions.arithmetic import plain_digits
from fieldmap.compiler.interpret import paths
from fieldmap.compiler.interpret.blame import NONE, sole
from fieldmap.compiler.interpret.conversions import is_exact
from fieldmap.compiler.interpret.evaluation import Codes, Evaluation, Roots, is_unchanged, place_of
from fieldmap.compiler.interpret.fitting import fit
from fieldmap.compiler.interpret.reads import SURROUNDINGS, takes_objects
from fieldmap.compiler.interpret.tracing import Step, Trace, shown
from fieldmap.runtime.values.failures import Unreadable, describe
from fieldmap.runtime.values.outcome import (
    Claimed,
    Dead,
    Deleted,
    Failed,
    Filtered,
    Held,
    Listed,
    Outcome,
    Rejected,
)
from fieldmap.runtime.values.paths import PARTLY

IDENTITY_BYTES = 2_000


def run(map: ir.Map, codes: Codes, body: Any) -> list[Outcome]:
    """The outcomes of all records of a body, in order. Raises Failed (FM2121) where the records path finds no list."""
    return [run_record(map, codes, record) for record in records(map, body)]


def records(map: ir.Map, body: Any) -> list[Any]:
    """The records of a body: what the steps find, nulls included; the elements of a list; or the one object found. FM2121."""
    return [value for _, value in places(map, body)]


def places(map: ir.Map, body: Any) -> list[tuple[paths.Keys, Any]]:
    """The records of a body, each behind the names and indexes that lead to it from the body. FM2121."""
    path = map.records.text
    before, rest = paths.split(map.records.segments)
    try:
        found = paths.one(before, path, DatumInContext(body, Root()))
        if found is not None and found.value is not None and rest:
            return [(paths.keys(match), match.value) for match in paths.matches(rest, path, found, body)]
    except Failed as failed:
        raise Failed("FM2121", failed.reason, path) from None
    answer = found.value if found is not None else None
    if found is not None and isinstance(answer, list):
        return [(paths.keys(match), match.value) for match in paths.children(found)]
    if found is not None and isinstance(answer, dict):
        return [(paths.keys(found), answer)]
    if answer is None:
        raise Failed("FM2121", f"{path} finds nothing where the records should be", path)
    reason = (
        answer.reason if isinstance(answer, Unreadable) else f"{path} finds no list of records but {describe(answer)}"
    )
    raise Failed("FM2121", reason, path)


def envelope(body: Any, keys: paths.Keys) -> tuple[paths.Keys, Any]:
    """The nearest object round the record that lies at these keys of the body, and where it lies; None if there is none."""
    found: tuple[paths.Keys, Any] = ((), None)
    value = body
    for depth, key in enumerate(keys):
        if isinstance(value, dict):
            found = (keys[:depth], value)
        value = value[key]
    return found


def run_record(map: ir.Map, codes: Codes, record: Any, around: Mapping[str, Any] | None = None) -> Outcome:
    """What becomes of one record. around: its surroundings by name ("@page"); what is not among them is absent."""
    return _Run(map, codes, record, around).outcome()


def trace(
    map: ir.Map,
    codes: Codes,
    record: Any,
    field: str,
    *,
    claim: int = 0,
    row: int = 0,
    around: Mapping[str, Any] | None = None,
) -> Trace:
    """The steps that lead to one field of one row of a claim; without steps if the record never gets that far."""
    run = _Run(map, codes, record, around, watched=(claim, row, field))
    run.outcome()
    return run.trace


class _Dead(Exception):
    def __init__(self, failed: Failed, field: str = "") -> None:
        super().__init__(failed.reason)
        self.failed = failed
        self.field = field


class _Run:
    def __init__(
        self,
        map: ir.Map,
        codes: Codes,
        record: Any,
        around: Mapping[str, Any] | None = None,
        watched: tuple[int, int, str] | None = None,
    ) -> None:
        self.map = map
        self.around = around or {}
        self.record = record
        self.record_id: str | None = None
        self.changed: datetime | None = None
        self.rows: list[list[tuple[Any, ...]]] = [[] for _ in range(_claims(map))]
        self.held: list[Held] = []
        self.listed: list[Listed] = []
        self.kept: list[str] = []
        self.nulls: list[tuple[int, int, str]] = []
        self.sparse = False
        self.trace = Trace()
        self._watched = watched
        self._evaluation = Evaluation(codes, functions={one.name: one for one in map.functions})

    def outcome(self) -> Outcome:
        try:
            return self._outcome()
        except _Dead as dead:
            failed = dead.failed
            return Dead(failed.code, failed.reason, dead.field, failed.path, self.record_id, self.changed)

    def _outcome(self) -> Outcome:
        if not isinstance(self.record, dict if takes_objects(self.map) else dict | list):
            found = self.record
            reason = found.reason if isinstance(found, Unreadable) else f"the record is {describe(found)}"
            raise _Dead(Failed("FM2122", reason))
        root = DatumInContext(self.record, Root())
        roots = {"$": root} | ({self.map.alias: root} if self.map.alias else {})
        roots |= {name: DatumInContext(self.around.get(name), Root()) for name in SURROUNDINGS}
        self._evaluation.bind(self.map.lets, roots)
        self.record_id = self._identity(roots)
        self.changed = self._judge(self.map.changed, roots) if self.map.changed else None
        if self.map.sparse_when:
            self.sparse = self._judge(self.map.sparse_when, roots) is True
        if self.map.deleted_when and self._judge(self.map.deleted_when, roots) is True:
            return Deleted(self.record_id, self.changed)
        if self.map.when and self._judge(self.map.when, roots) is not True:
            return Filtered(self.record_id, self.changed)
        self._checks(self.map.checks, 0, 0, roots)
        if self.map.claim:
            self._claim(self.map.claim, roots)
        self._children(self.map.children, roots, 0)
        rows = tuple(tuple(rows) for rows in self.rows)
        held, listed = tuple(self.held), tuple(self.listed)
        return Claimed(self.record_id, self.changed, rows, held, listed, kept=tuple(self.kept), nulls=tuple(self.nulls))

    def _judge(self, node: ir.Expr, roots: Roots) -> Any:
        try:
            return self._evaluation.value(node, roots)
        except Failed as failed:
            raise _Dead(failed) from None

    # ----------------------------------------------------------------------------------------------------- identity

    def _identity(self, roots: Roots) -> str:
        read = NONE
        for node in self.map.identity:
            read |= self._evaluation.blame.paths(node)
        try:
            values = [self._evaluation.value(node, roots) for node in self.map.identity]
            texts = list(map(_identity_text, values))
        except Failed as failed:
            reason = failed.reason if failed.code == "FM2124" else f"the identity cannot be read: {failed.reason}"
            raise _Dead(
                Failed("FM2124", reason, failed.path or ("" if failed.code != "FM2124" else sole(read)))
            ) from None
        answer = texts[0] if len(texts) == 1 else _json_list(texts)
        if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in "".join(texts)):
            raise _Dead(Failed("FM2124", "the identity holds a character that no database keeps", sole(read)))
        if len(answer.encode()) > IDENTITY_BYTES:
            raise _Dead(Failed("FM2124", f"the identity is longer than {IDENTITY_BYTES} bytes", sole(read)))
        return answer

    # ------------------------------------------------------------------------------------------------------- claims

    def _claim(self, claim: ir.Claim, roots: Roots) -> None:
        row = tuple(self._assigned(claim.number, assignment, roots) for assignment in claim.assignments)
        self.rows[claim.number].append(row)

    def _assigned(self, claim: int, assignment: ir.Assignment, roots: Roots) -> Any:
        row = len(self.rows[claim])
        watched = self._watched == (claim, row, assignment.field)
        self._evaluation.steps = self.trace.steps if watched else None
        try:
            value = None
            if self._is_kept(claim, assignment, roots):
                self.kept.append(assignment.field)
            else:
                value = fitted_value(assignment, self._evaluation, roots)
                if value is None and assignment.null is not None and self._evaluation.value(assignment.null, roots):
                    self.nulls.append((claim, row, assignment.field))
            if watched:
                self.trace.value = value
        except Failed as failed:
            if watched:
                self.trace.failure = failed
            if isinstance(failed, Rejected) or failed.code == "FM2114" or _rejects(assignment):
                raise _Dead(failed, assignment.field) from None
            value, invented = None, assignment.outcome == "use" and assignment.use is not None
            if invented:
                value = fit(self._evaluation.value(assignment.use, roots), assignment.target, key=assignment.is_key)  # type: ignore[arg-type]
            self.held.append(Held(claim, row, assignment.field, failed.code, failed.reason, failed.path, invented))
            if watched:
                self.trace.value = value
        finally:
            self._evaluation.steps = None
        return value

    def _is_kept(self, claim: int, assignment: ir.Assignment, roots: Roots) -> bool:
        """Whether the source leaves the whole value as it was. FM2136 if only a part of it, or where nothing can be kept."""
        try:
            answers = [is_unchanged(self._evaluation, asked, roots, sparse=self.sparse) for asked in assignment.asked]
        except Failed as failed:
            path = sole(self._evaluation.blame.paths(assignment.value))
            raise Failed(failed.code, failed.reason, failed.path or path) from None
        if any(answers) and (claim or not assignment.whole or not all(answers)):
            raise Failed("FM2136", PARTLY, sole(self._evaluation.blame.paths(assignment.value)))
        return any(answers)

    def _checks(self, checks: tuple[ir.Check, ...], claim: int, element: int, roots: Roots) -> None:
        """`expect` and `warn`: only false is a complaint."""
        for check in checks:
            try:
                if self._evaluation.value(check.condition, roots) is not False:
                    continue
                path = sole(self._evaluation.blame.paths(check.condition))
                failed = Failed("FM2131" if check.kind == "expect" else "FM2132", check.reason, path)
            except Rejected as rejected:
                raise _Dead(rejected) from None
            except Failed as failure:
                if failure.code == "FM2136":
                    continue
                failed = failure
            if check.kind == "expect":
                raise _Dead(failed)
            self.listed.append(Listed(claim, element, "", failed.code, failed.reason, failed.path))

    def _children(self, children: tuple[ir.Child, ...], roots: Roots, element: int) -> None:
        """element: the place of the element that surrounds them, 0 where it is the record."""
        for child in children:
            if isinstance(child, ir.Each):
                self._each(child, roots)
                continue
            self._evaluation.bind(child.lets, roots)
            if child.when is None or self._judge(child.when, roots) is True:
                self._checks(child.checks, child.claim.number, element, roots)
                self._claim(child.claim, roots)
                self._children(child.children, roots, element)

    def _each(self, each: ir.Each, roots: Roots) -> None:
        path = each.path.text
        before, rest = paths.split(each.path.segments)
        try:
            found = paths.one(before, path, roots[each.path.root])
            if found is None or found.value is None:
                return
            if not rest and not isinstance(found.value, list):
                raise Failed("FM2125", f"a list is needed for each, and the source sent {describe(found.value)}", path)
            # Without a `*` the list itself was named: its elements are meant.
            elements = list(paths.matches(rest or (ir.All(),), path, found, self.record))
        except Failed as failed:
            raise _Dead(failed) from None
        for place, element in enumerate(elements, 1):
            if element.value is None:
                continue
            inside = {**roots, each.alias: element, place_of(each.alias): DatumInContext(place, Root())}
            made = [len(rows) for rows in self.rows], len(self.held), len(self.listed), len(self.nulls)
            try:
                self._element(each, inside, place)
            except _Dead as dead:
                if not each.alone:
                    raise
                self._undo(*made)
                why = dead.failed
                lost = Listed(each.claim.number, place, dead.field, why.code, why.reason, why.path, lost=True)
                self.listed.append(lost)

    def _element(self, each: ir.Each, inside: Roots, place: int) -> None:
        self._evaluation.bind(each.lets, inside)
        if each.when is not None and self._judge(each.when, inside) is not True:
            return
        self._checks(each.checks, each.claim.number, place, inside)
        self._claim(each.claim, inside)
        self._children(each.children, inside, place)

    def _undo(self, rows: list[int], held: int, listed: int, nulls: int) -> None:
        """Takes back what an element that fails alone has claimed so far."""
        for made, kept in zip(self.rows, rows, strict=True):
            del made[kept:]
        del self.held[held:]
        del self.listed[listed:]
        del self.nulls[nulls:]


def _rejects(assignment: ir.Assignment) -> bool:
    return assignment.outcome == "reject" or (assignment.is_key and assignment.outcome != "use")


def _claims(map: ir.Map) -> int:
    def highest(eaches: tuple[ir.Child, ...]) -> int:
        return max((max(each.claim.number, highest(each.children)) for each in eaches), default=0)

    return highest(map.children) + 1


def _identity_text(value: Any) -> str:
    if value is None:
        raise Failed("FM2124", "the identity is absent")
    if isinstance(value, str):
        return value
    if is_exact(value) and Fraction(value).denominator == 1:
        return plain_digits(Fraction(value))
    raise Failed("FM2124", f"the identity must be a text or a whole number, and it is {describe(value)}")


def _json_list(texts: list[str]) -> str:
    escapes = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b"}

    def quoted(text: str) -> str:
        return '"' + "".join(escapes.get(c, f"\\u{ord(c):04x}" if c < " " else c) for c in text) + '"'

    return "[" + ",".join(map(quoted, texts)) + "]"


def fitted_value(assignment: ir.Assignment, evaluation: Evaluation, roots: Mapping[str, DatumInContext]) -> Any:
    """The value of one field as its column holds it. Raises Failed with the path to blame; FM2114 for an absent key."""
    value = evaluation.value(assignment.value, roots)
    path = sole(evaluation.blame.paths(assignment.value))
    if value is None and assignment.is_key:
        raise Failed("FM2114", f"the key {assignment.field} is absent", path)
    try:
        answer = fit(value, assignment.target, key=assignment.is_key)
    except Failed as failed:
        raise Failed(failed.code, failed.reason, failed.path or path) from None
    if evaluation.steps is not None and shown(value) != shown(answer):
        evaluation.steps.append(Step("fit", assignment.field, value, answer))
    return answer
