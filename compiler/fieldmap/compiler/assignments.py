"""The assignments of a block: what each field is given, and what stands for it where that fails."""

from __future__ import annotations

from fieldmap.compiler import ir, shapes
from fieldmap.compiler.assign import coerce
from fieldmap.compiler.checks import position_of
from fieldmap.compiler.composite import Composite
from fieldmap.compiler.context import MapContext
from fieldmap.compiler.entities import EntityInfo
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.keeping import asked_of, null_of, null_wins
from fieldmap.compiler.outcomes import lower_outcome
from fieldmap.compiler.places import place
from fieldmap.compiler.recordids import records_named
from fieldmap.compiler.scope import Scope
from fieldmap.compiler.shapes import Absence
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label


class Assignments:
    """Lowers assignments of one map. own: whether they are those of the record's own claim."""

    def __init__(self, node: ast.Map, resource: ast.Resource, context: MapContext, scope: Scope, *, own: bool) -> None:
        self._node = node
        self._resource = resource
        self._context = context
        self._report = context.report
        self._scope = scope
        self._own = own

    def lower(
        self, info: EntityInfo, items: tuple[ast.MapItem, ...], strict: bool, checker: Checker
    ) -> dict[str, ir.Assignment]:
        """The assignments of a block by their fields, a placeholder for each that has a mistake."""
        done: dict[str, ir.Assignment] = {}
        seen: dict[str, ast.Name] = {}
        for item in items:
            if not isinstance(item, ast.Assignment):
                continue
            name = item.field.text
            held = self._context.symbols.composites.get(info.node.name.text, {})
            if name in held and name not in seen:
                seen[name] = item.field
                self._warn_deprecated(item.field, held[name].field)
                done.update(self._composite(item, held[name], info, strict, checker))
                continue
            whole = next((one for one in held.values() if name in one.parts), None)
            if whole is not None:
                self._report.error(
                    "FM0202",
                    f"{name} is a part of {whole.field.name.text}, and its parts are assigned together",
                    item.field.span,
                    help=f"write {whole.written}",
                )
                continue
            if name not in info.fields and name not in held:
                if not self._report.broken(info.node.span):
                    self._report.unknown("FM0202", f"field of {info.node.name.text} called", item.field, info.fields)
                continue
            if name in seen:
                self._report.error(
                    "FM0502",
                    f"{name} is assigned twice",
                    item.field.span,
                    labels=[Label(seen[name].span, "first here")],
                    help="keep one of the two; what may be absent goes on with … otherwise …",
                )
                continue
            seen[name] = item.field
            self._warn_deprecated(item.field, info.declared[name])
            lowered = self._assignment(item, info, strict, checker)
            if lowered is not None:
                done[name] = lowered
        # A field with a mistake of its own is not also reported as missing.
        composites = self._context.symbols.composites.get(info.node.name.text, {})
        order = [part for name in seen for part in (composites[name].parts if name in composites else (name,))]
        for name in set(order) - done.keys():
            done[name] = _placeholder(info.fields[name])
        return {name: done[name] for name in order}

    def _composite(
        self, item: ast.Assignment, held: Composite, info: EntityInfo, strict: bool, checker: Checker
    ) -> dict[str, ir.Assignment]:
        """`parent = (order.no, item.parentNo)`: a field for each part, absent if another part is."""
        of = f"{held.target} has a key of {len(held.key)} fields, {', '.join(held.key)}"
        if not isinstance(item.value, ast.Row) or len(item.value.parts) != len(held.parts) or item.by_id is not None:
            self._report.error(
                "FM0304",
                of
                + (
                    ", and a reference to it gives them all" if item.by_id is None else ", and is not referred to by id"
                ),
                item.value.span,
                labels=[Label(held.field.span, "declared here")],
                help=f"write their values in this order: {held.written}",
            )
            return {}
        if item.outcome is not None and item.outcome.kind == "use":
            self._report.error(
                "FM0504",
                "a reference has no constant that stands for it",
                item.outcome.span,
                help="reject or hold it",
            )
            return {}
        targets = [info.fields[name] for name in held.parts]
        before, assumed = len(self._scope.reads), len(self._scope.assumed)
        values = [
            self._value(part, target, info, checker) for part, target in zip(item.value.parts, targets, strict=True)
        ]
        exprs = [value for value in values if value is not None]
        if len(exprs) < len(values):
            return {}
        made: dict[str, ir.Assignment] = {}
        for number, target in enumerate(targets):
            missing: ir.Expr | None = None
            for other in (value for n, value in enumerate(exprs) if n != number):
                gone = ir.IsAbsent(value=other, what="absent")
                missing = gone if missing is None else ir.Or(left=missing, right=gone)
            if missing is None:
                continue
            expr = ir.If(condition=missing, then=ir.AbsentConstant(), otherwise=exprs[number])
            one = self._finished(
                item, target, expr if not target.is_key else exprs[number], info, strict, checker, before, assumed
            )
            if one is not None:
                made[target.name] = one
        return made

    def _warn_deprecated(self, field: ast.Name, declared: ast.EntityField) -> None:
        for tag in declared.tags:
            if tag.advice is not None:
                advice = tag.advice.value
                self._report.warn("FM0346", f"{field.text} is deprecated: {advice}", field.span, help=advice)
                return

    def _assignment(
        self, item: ast.Assignment, info: EntityInfo, strict: bool, checker: Checker
    ) -> ir.Assignment | None:
        target, records = info.fields[item.field.text], ""
        if item.by_id is not None:
            found = records_named(item, item.by_id, target, self._node, self._context.symbols, self._report)
            if found is None:
                return None
            target, records = found
        before, assumed = len(self._scope.reads), len(self._scope.assumed)
        expr = self._value(item.value, target, info, checker)
        if expr is None:
            return None
        return self._finished(item, target, expr, info, strict, checker, before, assumed, records)

    def _value(self, value: ast.Expr, target: ir.Field, info: EntityInfo, checker: Checker) -> ir.Expr | None:
        """A value as the field holds it, or None after a diagnostic."""
        typed = checker.check(value, target.type)
        if typed is None:
            return None
        if target.is_key and typed.absence is Absence.MAYBE:
            self._report.error(
                "FM0302",
                f"the key {target.name} may not be absent, and this can be",
                typed.span,
                note=typed.words,
                labels=[Label(typed.origin, "it is optional here")] if typed.origin else [],
                help="take the ? from the shape if the source always sends it; else leave out what lacks it: when … is not absent",
            )
            return None
        expr = coerce(typed, target.type, info.declared[target.name], self._report)
        if isinstance(expr, ir.MakeRecord | ir.Mapped) and isinstance(typed.expr, ir.Read):
            self._read_in_parts(expr.body if isinstance(expr, ir.Mapped) else expr)
        return expr

    def _read_in_parts(self, made: ir.Expr) -> None:
        """An object of which a record is made is read as far as the record goes, and no further."""
        if isinstance(made, ir.MakeRecord) and self._scope.reads:
            whole = self._scope.reads.pop()
            self._scope.reads.extend(whole + shapes.member_text(part.name) for part in made.parts)

    def _finished(
        self,
        item: ast.Assignment,
        target: ir.Field,
        expr: ir.Expr,
        info: EntityInfo,
        strict: bool,
        checker: Checker,
        before: int,
        assumed: int,
        records: str = "",
    ) -> ir.Assignment | None:
        """The assignment of a value. before, assumed: how much was read and assumed before it was checked."""
        outcome = lower_outcome(item, target, info.declared[target.name], strict, checker)
        if outcome is None:
            return None
        if target.is_key and (counted := position_of(expr)) is not None:
            self._report.warn(
                "FM0506",
                f"{target.name} counts the elements, so one that is put in before others gives these another key",
                item.value.span,
                help="where the source numbers its lines, take that number",
            )
            self._scope.reads.append(f"position of {self._scope.prefixes.get(counted, counted)}")
        asked, whole = (
            ((), True)
            if target.is_key
            else asked_of(expr, checker.scope, sparse=self._resource.sparse_when is not None)
        )
        self._refuse_kept(asked, checker.scope, item, info)
        share = item.outcome.share if item.outcome is not None else None
        nullable = not target.is_key and null_wins(self._context.symbols, info.node.name.text, target.name)
        return ir.Assignment(
            field=target.name,
            target=target.type,
            value=expr,
            outcome=outcome[0],
            use=outcome[1],
            place=place(self._context.symbols.sources, item.span),
            is_key=target.is_key,
            paths=tuple(dict.fromkeys(self._scope.reads[before:])),
            assumed="; ".join(dict.fromkeys(self._scope.assumed[assumed:])),
            share=format(share, "f") if share is not None else ir.HELD_SHARE,
            records=records,
            asked=asked,
            whole=whole,
            null=null_of(expr, checker.scope) if nullable else None,
        )

    def _refuse_kept(self, asked: tuple[ir.Asked, ...], scope: Scope, item: ast.Assignment, info: EntityInfo) -> None:
        """A former value is kept by the record's own claim. Within `each` a value that is not sent fails when it is met."""
        if asked and not self._own and not scope.element and self._resource.sparse_when is None:
            self._report.error(
                "FM0509",
                f"{item.field.text} may be left unchanged by the source, and only a record's own claim keeps former values",
                item.field.span,
                help=f"write a map of its own: map {self._node.connector.text}.{self._node.resource.text} to {info.node.name.text}",
            )


def _placeholder(target: ir.Field) -> ir.Assignment:
    return ir.Assignment(
        field=target.name,
        target=target.type,
        value=ir.AbsentConstant(),
        outcome="reject",
        place=target.place,
        is_key=target.is_key,
    )
