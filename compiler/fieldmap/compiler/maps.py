"""Maps: what the records of a resource claim of entities."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from fieldmap.compiler import interpret, ir, lets, shapes, types
from fieldmap.compiler.assign import coerce
from fieldmap.compiler.checks import both, lower_checks, position_of
from fieldmap.compiler.composite import Composite
from fieldmap.compiler.deltas import most_absent
from fieldmap.compiler.entities import EntityInfo
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.keeping import asked_of, null_of, null_wins
from fieldmap.compiler.places import place
from fieldmap.compiler.presence import settled
from fieldmap.compiler.readings import format_of, lower_reading
from fieldmap.compiler.recordids import records_named
from fieldmap.compiler.records import instant, records_of, textual
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Authored, Scope, Typed
from fieldmap.compiler.shapes import Absence
from fieldmap.compiler.symbols import Symbols, map_id
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label
from fieldmap.runtime.values.outcome import Failed


@dataclass
class MapContext:
    """What all the maps of a project share."""

    symbols: Symbols
    report: Report
    entities: dict[str, EntityInfo]
    codes: dict[str, ir.Table]
    functions: dict[str, Authored] = field(default_factory=dict)
    shapes: dict[str, shapes.ObjectShape | None] = field(default_factory=dict)


def lower_map(node: ast.Map, context: MapContext) -> ir.Map | None:
    """The map, or None after a diagnostic that leaves nothing to map."""
    found = context.symbols.resource(node.connector, node.resource, context.report)
    if found is None:
        return None
    connector, resource = found
    return _MapLowering(node, connector, resource, context).lower()


def resource_shape(connector: ast.Connector, resource: ast.Resource, context: MapContext) -> shapes.ObjectShape | None:
    """The resource's shape, built once however many maps read it."""
    name = f"{connector.name.text}.{resource.name.text}"
    if name not in context.shapes:
        shape, common = resource.shape, connector.sentinels
        context.shapes[name] = shapes.build(shape, context.report, common) if shape is not None else None
    return context.shapes[name]


class _MapLowering:
    def __init__(self, node: ast.Map, connector: ast.Connector, resource: ast.Resource, context: MapContext) -> None:
        self._node = node
        self._connector = connector
        self._resource = resource
        self._context = context
        self._report = context.report
        self._id = map_id(node)
        self._claims = 0
        shape = resource_shape(connector, resource, context)
        self._scope = Scope(
            context.symbols,
            context.report,
            {"$": shape},
            codes=context.codes,
            functions=context.functions,
            resource=resource,
        )
        if node.alias is not None:
            self._scope.roots[node.alias.text] = shape
            self._scope.prefixes[node.alias.text] = "$"

    def lower(self) -> ir.Map | None:
        node, resource = self._node, self._resource
        # The resource's own lines are checked with it (connectors.py); here they are lowered for this map, in silence.
        silent = Checker(
            Scope(
                self._context.symbols,
                Report(),
                {"$": self._scope.roots["$"]},
                reads=self._scope.reads,
                codes=self._context.codes,
                resource=resource,
                functions=self._context.functions,
            )
        )
        identity = tuple(typed.expr for item in resource.ids if (typed := textual(silent, item)) is not None)
        changed = instant(silent, resource.changed) if resource.changed is not None else None
        deleted = silent.condition(resource.deleted_when, "deleted when") if resource.deleted_when is not None else None
        sparse = silent.condition(resource.sparse_when, "sparse when") if resource.sparse_when is not None else None
        wanted = silent.condition(resource.when, "when") if resource.when is not None else None
        checker = Checker(self._scope)
        bound = self._lets(node.items, checker)
        kept = _kept(node.items, checker)
        claim = self._claim(node.entity, node.items, node.partial, node.strict, kept, node)
        children = self._children(node.items, kept)
        if node.entity is None and not children:
            self._report.error(
                "FM0501",
                "this map claims nothing",
                node.connector.span.to(node.resource.span),
                help="say to which entity: map … to Worker, or add each … to …, or also to …",
            )
            return None
        if not identity:
            return None
        self._refuse_alone(node.items)
        target = node.entity.text if node.entity is not None else ", ".join(child.claim.entity for child in children)
        return ir.Map(
            id=self._id,
            title=f"{node.connector.text}.{node.resource.text} to {target}",
            connector=node.connector.text,
            resource=node.resource.text,
            place=place(self._context.symbols.sources, node.span),
            identity=identity,
            records=records_of(resource),
            format=format_of(resource),
            reading=lower_reading(resource, self._scope.roots["$"], Report()),  # type: ignore[arg-type]
            alias=node.alias.text if node.alias is not None else None,
            changed=changed,
            sparse_when=sparse,
            deleted_when=deleted,
            when=both(wanted, self._when(node.items, checker)),
            checks=lower_checks(node.items, checker),
            claim=claim,
            children=children,
            lets=bound,
            reads=tuple(dict.fromkeys(self._scope.reads)),
            ignores=self._ignores(node.items),
            changed_unknown=resource.changed_unknown,
            absence=most_absent(resource),
        )

    # ------------------------------------------------------------------------------------------------ claims

    def _claim(
        self,
        entity: ast.Name | None,
        items: tuple[ast.MapItem, ...],
        partial: bool,
        strict: bool,
        checker: Checker,
        node: ast.Map | ast.Each | ast.Also,
    ) -> ir.Claim | None:
        if entity is None:
            for item in items:
                if isinstance(item, ast.Assignment):
                    self._report.error(
                        "FM0202",
                        "this map names no entity, so nothing can be assigned",
                        item.field.span,
                        help="say to which: map … to Worker",
                    )
            return None
        info = self._context.entities.get(entity.text)
        if info is None:
            self._report.unknown("FM0201", "entity", entity, self._context.entities)
            return None
        number = 0 if isinstance(node, ast.Map) else self._claims
        assignments = self._assignments(info, items, strict, checker)
        if not self._report.broken(node.span):
            self._check_complete(info, assignments, items, partial, entity)
        table = self._id if number == 0 else f"{self._id}__{number}"
        return ir.Claim(
            number=number,
            entity=entity.text,
            table=table,
            assignments=tuple(assignments.values()),
            partial=partial,
            place=place(self._context.symbols.sources, node.span),
        )

    def _assignments(
        self, info: EntityInfo, items: tuple[ast.MapItem, ...], strict: bool, checker: Checker
    ) -> dict[str, ir.Assignment]:
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
        return coerce(typed, target.type, info.declared[target.name], self._report)

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
        outcome = self._outcome(item, target, info.declared[target.name], strict, checker)
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
        if asked and self._claims and not scope.element and self._resource.sparse_when is None:
            self._report.error(
                "FM0509",
                f"{item.field.text} may be left unchanged by the source, and only a record's own claim keeps former values",
                item.field.span,
                help=f"write a map of its own: map {self._node.connector.text}.{self._node.resource.text} to {info.node.name.text}",
            )

    def _refuse_sparse(self, node: ast.Each | ast.Also) -> None:
        if self._resource.sparse_when is not None:
            self._report.error(
                "FM0509",
                f"a sparse record does not tell whether its {node.entity.text} claims are gone or only unchanged",
                node.entity.span,
                labels=[Label(self._resource.sparse_when.span, "records may be sparse")],
                help="map them from a resource that sends whole records",
            )

    def _outcome(
        self, item: ast.Assignment, target: ir.Field, declared: ast.EntityField, strict: bool, checker: Checker
    ) -> tuple[str, ir.Constant | None] | None:
        if item.outcome is None:
            return ("reject" if target.is_key or strict else "hold"), None
        kind = item.outcome.kind
        if target.is_key and kind != "reject":
            self._report.error(
                "FM0504",
                f"{target.name} is a key: without it there is nothing to claim",
                item.outcome.span,
                help="if invalid reject is all that a key can have; leave this out",
            )
            return None
        if kind != "use" or item.outcome.value is None:
            return kind, None
        typed = checker.check(item.outcome.value, target.type)
        if typed is None:
            return None
        if not isinstance(
            typed.expr,
            ir.TextConstant
            | ir.NumberConstant
            | ir.BoolConstant
            | ir.DateConstant
            | ir.TimeConstant
            | ir.DurationConstant
            | ir.MoneyConstant,
        ):
            self._report.error("FM0504", "if invalid use takes a constant", item.outcome.value.span, note=typed.words)
            return None
        coerced = coerce(typed, target.type, declared, self._report)
        if coerced is None:
            return None
        if isinstance(target.type, ir.QuantityType):
            return self._constant_quantity(kind, coerced, typed)
        if isinstance(coerced, ir.Scale):
            self._report.error(
                "FM0504",
                f"the constant stands for the field's own value, so it is in {coerced.to_unit}",
                typed.span,
                help=f"write it in {coerced.to_unit}",
            )
            return None
        constant = ir.Assignment(
            field=target.name, target=target.type, value=typed.expr, outcome="reject", place=target.place
        )
        try:
            interpret.fitted(constant, {})
        except Failed as failed:
            self._report.error("FM0504", f"{target.name} cannot hold this constant: {failed.reason}", typed.span)
            return None
        return kind, typed.expr

    def _constant_quantity(self, kind: str, coerced: ir.Expr, typed: Typed) -> tuple[str, ir.Constant] | None:
        """The constant of a field in several units."""
        if isinstance(coerced, ir.QuantityConstant):
            return kind, coerced
        self._report.error(
            "FM0504",
            "the constant stands for the field's own value, so it is in one of its units",
            typed.span,
            help="write it in a unit that the field names, as in if invalid use 0 each",
        )
        return None

    def _check_complete(
        self,
        info: EntityInfo,
        assignments: dict[str, ir.Assignment],
        items: tuple[ast.MapItem, ...],
        partial: bool,
        entity: ast.Name,
    ) -> None:
        for name in info.key:
            if name not in assignments:
                self._report.error(
                    "FM0302",
                    f"the key {name} is never assigned",
                    entity.span,
                    labels=[Label(info.declared[name].span, "declared here")],
                    help=f"add a line {name} = …",
                )
        if partial:
            return
        missing = [
            name
            for name, target in info.fields.items()
            if not target.optional and not target.is_key and name not in assignments
        ]
        if missing:
            self._report.error(
                "FM0501",
                f"{info.node.name.text} needs {', '.join(missing)}, and this map never assigns {'it' if len(missing) == 1 else 'them'}",
                entity.span,
                labels=[Label(info.declared[missing[0]].span, "declared here as required")],
                help=f"add a line {missing[0]} = …, or say that the map only enriches: to {info.node.name.text} partial",
            )

    # -------------------------------------------------------------------------------------- each, when, ignore

    def _children(self, items: tuple[ast.MapItem, ...], checker: Checker) -> tuple[ir.Child, ...]:
        children: list[ir.Child] = []
        for item in items:
            child: ir.Child | None = None
            if isinstance(item, ast.Each):
                child = self._each(item, checker)
            elif isinstance(item, ast.Also):
                child = self._also(item, checker)
            if child is not None:
                children.append(child)
        return tuple(children)

    def _also(self, node: ast.Also, checker: Checker) -> ir.Also | None:
        self._claims += 1
        self._refuse_sparse(node)
        self._refuse_alone(node.items)
        inner = Checker(replace(checker.scope))  # its lets are its own
        bound = self._lets(node.items, inner)
        kept = _kept(node.items, inner)
        claim = self._claim(node.entity, node.items, node.partial, node.strict, kept, node)
        if claim is None:
            return None
        return ir.Also(
            claim=claim,
            when=self._when(node.items, inner),
            checks=lower_checks(node.items, inner),
            children=self._children(node.items, kept),
            lets=bound,
        )

    def _refuse_alone(self, items: tuple[ast.MapItem, ...]) -> None:
        for item in items:
            if isinstance(item, ast.Alone):
                self._report.error(
                    "FM0507",
                    "only the elements of an each can fail alone",
                    item.span,
                    help="write it within each … { }",
                )

    def _each(self, node: ast.Each, checker: Checker) -> ir.Each | None:
        self._claims += 1
        self._refuse_sparse(node)
        scope = checker.scope
        found = self._elements(node, checker)
        if found is None:
            return None
        text = shapes.path_text(node.path)
        whole = scope.prefixes[node.path.root] + text[len(node.path.root) :]
        inner = Checker(
            replace(
                scope,
                roots={**scope.roots, node.alias.text: found.node},
                prefixes={**scope.prefixes, node.alias.text: whole},
                dollar=False,
                element=node.alias.text,
            )
        )
        bound = self._lets(node.items, inner)
        kept = _kept(node.items, inner)
        claim = self._claim(node.entity, node.items, node.partial, node.strict, kept, node)
        if claim is None:
            return None
        return ir.Each(
            path=ir.Read(root=node.path.root, segments=found.segments, text=text),
            alias=node.alias.text,
            claim=claim,
            when=self._when(node.items, inner),
            checks=lower_checks(node.items, inner),
            alone=any(isinstance(item, ast.Alone) for item in node.items),
            children=self._children(node.items, kept),
            lets=bound,
        )

    def _lets(self, items: tuple[ast.MapItem, ...], checker: Checker) -> tuple[ir.Let, ...]:
        nodes = [item for item in items if isinstance(item, ast.Let)]
        return lets.lower(nodes, checker)

    def _elements(self, node: ast.Each, checker: Checker) -> shapes.Found | None:
        """The list that an `each` goes through, or None after a diagnostic."""
        scope = checker.scope
        if node.path.root not in scope.roots or (node.path.root == "$" and not scope.dollar):
            # An expression would be refused for the same reason, in the same words.
            checker.check(node.path)
            return None
        if node.alias.text in scope.roots:
            self._report.error(
                "FM0205",
                f"{node.alias.text} is the name of something else here",
                node.alias.span,
                help="choose another name after as",
            )
            return None
        found = shapes.walk(node.path, scope.roots[node.path.root], self._report, dollar=scope.roots.get("$"))
        if found is not None and not found.many:
            self._report.error(
                "FM0304",
                "each goes through a list",
                node.path.span,
                note=types.describe(found.type, article=False),
                help=f"write {shapes.path_text(node.path)}[*]",
            )
            return None
        return found

    def _when(self, items: tuple[ast.MapItem, ...], checker: Checker) -> ir.Expr | None:
        conditions = [checker.condition(item.condition, "when") for item in items if isinstance(item, ast.When)]
        result: ir.Expr | None = None
        for condition in conditions:
            result = both(result, condition)
        return result

    def _ignores(self, items: tuple[ast.MapItem, ...]) -> tuple[str, ...]:
        ignored: list[str] = []
        for item in items:
            if isinstance(item, ast.Ignore):
                ignored.extend(["rest"] if item.rest else [])
                ignored.extend(shapes.path_text(one.path) + ("*" if one.prefix else "") for one in item.paths)
        return tuple(ignored)


def _kept(items: tuple[ast.MapItem, ...], checker: Checker) -> Checker:
    """What the lines of a block are checked by: its `when` lines hold there."""
    return checker.within(settled(checker.scope, [item.condition for item in items if isinstance(item, ast.When)]))


def _placeholder(target: ir.Field) -> ir.Assignment:
    return ir.Assignment(
        field=target.name,
        target=target.type,
        value=ir.AbsentConstant(),
        outcome="reject",
        place=target.place,
        is_key=target.is_key,
    )
