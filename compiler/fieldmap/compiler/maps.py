"""Maps: what the records of a resource claim of entities."""

from __future__ import annotations

from dataclasses import replace

from fieldmap.compiler import ir, lets, shapes, types
from fieldmap.compiler.assignments import Assignments
from fieldmap.compiler.checks import both, lower_checks
from fieldmap.compiler.context import MapContext
from fieldmap.compiler.deletes import lower_deletes
from fieldmap.compiler.deltas import most_absent
from fieldmap.compiler.entities import EntityInfo
from fieldmap.compiler.expressions import Checker
from fieldmap.compiler.places import lines_of, place
from fieldmap.compiler.presence import settled
from fieldmap.compiler.readings import format_of, lower_reading
from fieldmap.compiler.records import instant, records_of, textual
from fieldmap.compiler.report import Report
from fieldmap.compiler.scope import Scope
from fieldmap.compiler.sensitivity import tag_of_ids, tagged_members
from fieldmap.compiler.symbols import map_id
from fieldmap.dsl import ast
from fieldmap.dsl.diagnostics import Label


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
        silent = self._silent(self._scope.roots["$"], resource)
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
        title = self._title(children)
        if title is None or not identity:
            return None
        self._refuse_alone(node.items)
        return ir.Map(
            id=self._id,
            title=title,
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
            personal=tagged_members(resource.shape.members if resource.shape is not None else ()),
            lines=tuple(lines_of(self._context.symbols.sources, resource).items()),
            identity_tag=tag_of_ids(resource),
            absence=most_absent(resource),
            # What a feed of deletes holds no shape describes.
            deletes=lower_deletes(resource, self._silent(None, resource.deletes)),
        )

    def _silent(self, shape: shapes.ShapeNode | None, resource: ast.Resource | None) -> Checker:
        """For the resource's own lines: they are checked with it (connectors.py), and here lowered for this map, in silence. What a
        feed of deletes reads is not read of the records."""
        return Checker(
            Scope(
                self._context.symbols,
                Report(),
                {"$": shape},
                reads=self._scope.reads if resource is self._resource else [],
                codes=self._context.codes,
                resource=resource,
                functions=self._context.functions,
            )
        )

    def _title(self, children: tuple[ir.Child, ...]) -> str | None:
        """What the map is called; None after a diagnostic, where it claims nothing."""
        node = self._node
        if node.entity is None and not children:
            self._report.error(
                "FM0501",
                "this map claims nothing",
                node.connector.span.to(node.resource.span),
                help="say to which entity: map … to Worker, or add each … to …, or also to …",
            )
            return None
        target = node.entity.text if node.entity is not None else ", ".join(child.claim.entity for child in children)
        return f"{node.connector.text}.{node.resource.text} to {target}"

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
        lowering = Assignments(self._node, self._resource, self._context, self._scope, own=not self._claims)
        assignments = lowering.lower(info, items, strict, checker)
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

    def _refuse_sparse(self, node: ast.Each | ast.Also) -> None:
        if self._resource.sparse_when is not None:
            self._report.error(
                "FM0509",
                f"a sparse record does not tell whether its {node.entity.text} claims are gone or only unchanged",
                node.entity.span,
                labels=[Label(self._resource.sparse_when.span, "records may be sparse")],
                help="map them from a resource that sends whole records",
            )

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
